import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyTerm } from '../../src/term/copy.js'
import { decodeTerm, TermReader } from '../../src/term/decode.js'
import { encodeKey, encodeRow, encodeTerm } from '../../src/term/encode.js'
import { compareTerms } from '../../src/term/order.js'
import { TermWriter } from '../../src/term/writer.js'
import { anyTerm } from './terms.js'
import { ascending, encodedOnly } from './vectors.js'

function encoded(term: unknown): Uint8Array {
  const writer = new TermWriter(new Uint8Array(8))
  encodeTerm(writer, term)
  return writer.written()
}

function canonical(term: unknown): Uint8Array {
  const writer = new TermWriter(new Uint8Array(8))
  encodeKey(writer, term)
  return writer.written()
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('the term format', () => {
  it('is what the vectors shared with Rust say', async () => {
    const vectors = {
      note: 'Written by ts/test/term/encode.test.ts (vitest -u); read by crates/ets too. "ascending" holds canonical terms in ascending order, no two equal; "encoded" holds terms as messages and rows have them.',
      ascending: ascending.map(([name, term]) => ({ name, bytes: hex(canonical(term)) })),
      encoded: [...ascending, ...encodedOnly].map(([name, term]) => ({ name, bytes: hex(encoded(term)) })),
    }
    await expect(`${JSON.stringify(vectors, null, 1)}\n`).toMatchFileSnapshot('./vectors.json')
  })

  it('has the bytes that the design page shows', () => {
    expect(hex(encoded([42, 'abc', -0]))).toBe('0d03' + '042a000000' + '0703616263' + '050000000000000080')
    expect(hex(canonical(-0))).toBe('0400000000')
    expect(hex(encoded(-258n))).toBe('0601020000000201')
    expect(hex(encoded(0n))).toBe('060000000000')
    expect(hex(encoded('Ā'))).toBe('09010000000001')
    expect(hex(encoded(NaN))).toBe('05000000000000f87f')
  })

  it('gives back what a copy would', () => {
    fc.assert(
      fc.property(anyTerm, (term) => {
        expect(decodeTerm(encoded(term))).toStrictEqual(copyTerm(term))
      }),
    )
  })

  it('writes keys so that equal terms, and only these, are equal bytes', () => {
    fc.assert(
      fc.property(anyTerm, anyTerm, (a, b) => {
        expect(hex(canonical(a)) === hex(canonical(b))).toBe(compareTerms(a, b) === 0)
        expect(hex(canonical(decodeTerm(canonical(a))))).toBe(hex(canonical(a)))
      }),
    )
    expect(canonical({ a: 1, b: new Set([2, 1]) })).toStrictEqual(canonical({ b: new Set([1, 2]), a: 1 }))
  })

  it('writes the key element of a row canonically and the others as they are', () => {
    const writer = new TermWriter()
    encodeRow(writer, [{ b: 1, a: 2 }, { b: 1, a: 2 }], 0)
    expect(Object.keys((decodeTerm(writer.written()) as object[])[0] as object)).toEqual(['a', 'b'])
    expect(Object.keys((decodeTerm(writer.written()) as object[])[1] as object)).toEqual(['b', 'a'])
  })

  it('refuses what is no term, leaving the writer where it was', () => {
    const writer = new TermWriter()
    writer.byte(1)
    expect(() => encodeTerm(writer, { list: [1, () => 1] }, 'row')).toThrow('row.list[1]: a function without a name')
    expect(() => encodeTerm(writer, Symbol.for('\ud800'))).toThrow(/ERR_VIGA_NOT_A_TERM/)
    const around: unknown[] = []
    around.push(around)
    expect(() => encodeTerm(writer, around)).toThrow('message[0]: refers back to message')
    expect(writer.position).toBe(1)
  })

  it('reads several terms one after the other, and refuses bytes that are none', () => {
    const writer = new TermWriter()
    encodeTerm(writer, 'one')
    encodeTerm(writer, { two: 2 })
    const reader = new TermReader(writer.written())
    expect([reader.term(), reader.term()]).toEqual(['one', { two: 2 }])
    expect(() => reader.term()).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    for (const bytes of [[0xff], [0x04, 1], [0x0d, 2, 0], [0x0f, 1, 0, 0, 0, 0x00, 0x00], [0x07, 5, 65]])
      expect(() => decodeTerm(new Uint8Array(bytes))).toThrow(/no well-formed term at byte/)
    expect(() => decodeTerm(new Uint8Array(10_000).fill(0x0d).map((byte, index) => (index % 2 === 0 ? byte : 1)))).toThrow(
      /no well-formed term/,
    )
  })

  it('keeps strings of every kind', () => {
    for (const text of ['', 'a', 'é', 'x'.repeat(64), 'é'.repeat(64), 'x'.repeat(100_000), '\ud800x', '😀'.repeat(5000), `${'x'.repeat(70)}Ā`])
      expect(decodeTerm(encoded(text))).toBe(text)
  })
})
