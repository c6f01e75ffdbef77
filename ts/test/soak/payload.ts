import { isDeepStrictEqual } from 'node:util'
import { Binary } from '../../src/index.js'
import { hashOf, Random } from './random.js'

const LARGE = 100_000

/** What the `n`th message of `from` carries to anybody: who receives it can tell whether it is whole. */
export function payloadFor(from: string, n: number): unknown {
  const random = new Random(hashOf(from) ^ Math.imul(n, 0x9e3779b1))
  switch (random.below(9)) {
    case 0:
      return n
    case 1:
      return random.fraction()
    case 2:
      return 'ä'.repeat(random.below(40))
    case 3:
      return Array.from({ length: random.below(20) }, () => random.below(1_000))
    case 4:
      return { from, n, nested: { list: [n, null, true, `${n}`], word: from } }
    case 5:
      return bytes(random)
    case 6:
      return Binary.from(bytes(random))
    case 7:
      return new Map<unknown, unknown>([
        [n, from],
        ['big', BigInt(n) ** 5n],
      ])
    default:
      return [from, [n, [undefined, -0.5]]]
  }
}

function bytes(random: Random): Uint8Array {
  const length = random.oneIn(200) ? LARGE : random.below(300)
  return new Uint8Array(length).fill(random.below(256))
}

export function isPayload(given: unknown, from: string, n: number): boolean {
  const expected = payloadFor(from, n)
  if (expected instanceof Binary) return given instanceof Binary && given.equals(expected)
  return isDeepStrictEqual(given, expected)
}
