/** Types of dirty jobs, checked by tsc: arguments are those of the function, the result is what it gives or resolves to. */
import { type Coroutine, dirty, type DirtyPoolInfo, type Operation } from '../../src/index.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Equal<Expected, Actual>): void => undefined
}

const meta = { url: import.meta.url }
const repeat = (text: string, times: number): string => text.repeat(times)
const later = (n: number): Promise<bigint> => Promise.resolve(BigInt(n))

export async function awaited(): Promise<void> {
  expectType<Operation<string>>()(dirty.cpu(meta, repeat, 'a', 2), true)
  expectType<string>()(await dirty.cpu(import.meta, repeat, 'a', 2), true)
  expectType<bigint>()(await dirty.with({ timeout: 5, onFull: 'fail' }).io(meta, later, 1), true)
  expectType<DirtyPoolInfo>()((await dirty.info()).cpu, true)
  // @ts-expect-error -- two arguments are needed
  dirty.cpu(meta, repeat, 'a')
  // @ts-expect-error -- the second argument is a number
  dirty.io(meta, repeat, 'a', 'b')
  // @ts-expect-error -- the module is needed
  dirty.cpu(repeat, 'a', 2)
  // @ts-expect-error -- it waits or fails
  dirty.with({ onFull: 'drop' })
}

export function* delegated(): Coroutine {
  expectType<string>()(yield* dirty.cpu(meta, repeat, 'a', 2), true)
  expectType<bigint>()(yield* dirty.io(meta, later, 1), true)
}
