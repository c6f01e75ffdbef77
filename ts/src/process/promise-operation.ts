import { SliceEnd, Wake } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import { BaseOperation, coroutineProcess, finish } from './operation.js'

const HOLDING: IteratorResult<SliceEnd, never> = { done: false, value: SliceEnd.Hold }
const WAITING_TOO: IteratorResult<SliceEnd, never> = { done: false, value: SliceEnd.Wait }

/** Waits for a promise from a generator body: `const response = yield* settled(fetch(url))`. */
class Settled<T> extends BaseOperation<T> {
  readonly #promise: PromiseLike<T>
  #begun = false
  #outcome: { readonly failed: false; readonly value: T } | { readonly failed: true; readonly thrown: unknown } | null = null

  constructor(promise: PromiseLike<T>) {
    super()
    this.#promise = promise
  }

  next(): IteratorResult<SliceEnd, T> {
    const engine = activeEngine()
    const process = coroutineProcess(engine)
    if (!this.#begun) {
      this.#begun = true
      const wake = (): void => {
        if (!process.ended) engine.resume(process)
      }
      this.#promise.then(
        (value) => {
          this.#outcome = { failed: false, value }
          wake()
        },
        (thrown: unknown) => {
          this.#outcome = { failed: true, thrown }
          wake()
        },
      )
      engine.microtasksDue = true
    }
    const outcome = this.#outcome
    if (outcome !== null) {
      if (outcome.failed) throw outcome.thrown
      return finish(outcome.value)
    }
    // What the promise stands for may itself be code of this process that receives.
    const end = process.waits === null ? SliceEnd.Hold : process.waits.run(engine, process, Wake.Resume)
    return end === SliceEnd.Wait ? WAITING_TOO : HOLDING
  }

  protected promise(): Promise<T> {
    return Promise.resolve(this.#promise)
  }
}

/**
 * An operation that waits for a promise: how a generator body awaits. The process takes no messages meanwhile. Throws what the
 * promise is rejected with.
 *
 * @example
 * const text = yield* settled(readFile('motd', 'utf8'))
 */
export function settled<T>(promise: PromiseLike<T>): BaseOperation<T> {
  return new Settled(promise)
}
