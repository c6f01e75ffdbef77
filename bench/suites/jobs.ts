import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, spawn } from '../../ts/src/index.js'

/** The figures of one run, by metric key. */
export type Figures = Readonly<Record<string, number>>

/** Programs of a suite by job key; each runs once with the size given and measures itself. */
export type Jobs = Readonly<Record<string, (size: number) => Promise<Figures>>>

/** Runs `body` in a process with a generator body, and gives its result to the code outside. */
export function inProcess<T>(body: () => Coroutine<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    spawn(function* () {
      try {
        resolve(yield* body())
      } catch (error) {
        reject(error as Error)
        exit('normal')
      }
    })
  })
}

/** The same for a plain function, which is its process's whole life. */
export function inPlainProcess<T>(body: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    spawn(() => {
      try {
        resolve(body())
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

/** Operations a second since `start` (of performance.now()). */
export function rateSince(start: number, operations: number): Figures {
  return { per_second: (operations * 1_000) / (performance.now() - start) }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number
}

/** Whole numbers below 2^30 in an order anybody can repeat (xorshift32), another one for each `seed` from 1 on. */
export function randomIntegers(count: number, seed = 1): number[] {
  const numbers = new Array<number>(count)
  let x = (2_463_534_242 * seed) | 0
  for (let i = 0; i < count; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    numbers[i] = (x >>> 2) + 1
  }
  return numbers
}

/** The same elements in another order (Fisher-Yates). */
export function shuffled<T>(elements: readonly T[]): T[] {
  const order = randomIntegers(elements.length)
  const result = [...elements]
  for (let i = result.length - 1; i > 0; i--) {
    const j = (order[i] as number) % (i + 1)
    const moved = result[i] as T
    result[i] = result[j] as T
    result[j] = moved
  }
  return result
}

export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('run node with --expose-gc')
  globalThis.gc()
  globalThis.gc()
}
