import { ErrorCode, VigaError } from '../errors.js'
import { type Engine, SliceEnd } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import type { Process } from './process.js'

/**
 * Something a process waits for, spelled `yield* operation` in a generator body and `await operation` in an async one or
 * outside any process. Nothing happens until one of the two is done to it.
 */
export interface Operation<T> extends PromiseLike<T> {
  [Symbol.iterator](): Iterator<SliceEnd | undefined, T, unknown>
}

/** Results of iterator steps are read at once by `yield*`, so one object serves every step that says the same. */
export const WAITING: IteratorResult<SliceEnd, never> = { done: false, value: SliceEnd.Wait }
export const GIVING_WAY: IteratorResult<SliceEnd, never> = { done: false, value: SliceEnd.Yield }
export const CALLING: IteratorResult<SliceEnd, never> = { done: false, value: SliceEnd.Outcome }

const finished: { done: true; value: unknown } = { done: true, value: undefined }

/** The last step of an iterator, with its value; valid until the next call of `finish`. */
export function finish<T>(value: T): IteratorReturnResult<T> {
  finished.value = value
  return finished as IteratorReturnResult<T>
}

/** The process whose generator is being resumed. */
export function coroutineProcess(engine: Engine): Process {
  const process = engine.current
  if (process === null)
    throw new VigaError(
      ErrorCode.WrongBody,
      'yield* on a viga operation outside the slice of a generator body; use await here',
    )
  return process
}

/** Raised in what is left of a process that has ended. */
export function refuseIfEnded(process: Process, what: string): void {
  if (process.ended)
    throw new VigaError(ErrorCode.ProcessEnded, `${what} by ${String(process.pid)}, which has ended: code it started is still running`)
}

/**
 * Base of operations. `next` is the coroutine's way; `promise` the awaiting one's.
 */
export abstract class BaseOperation<T> implements Operation<T>, Iterator<SliceEnd | undefined, T, unknown> {
  [Symbol.iterator](): Iterator<SliceEnd | undefined, T, unknown> {
    return this
  }

  abstract next(): IteratorResult<SliceEnd | undefined, T>

  protected abstract promise(): Promise<T>

  // oxlint-disable-next-line unicorn/no-thenable -- the point of an operation is that it can be awaited
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.promise().then(onFulfilled, onRejected)
  }
}

/** Gives way: the process goes to the back of its queue. For long synchronous work in generator bodies. */
class GiveWay extends BaseOperation<void> {
  private asked = false

  next(): IteratorResult<SliceEnd, void> {
    if (this.asked) return finish(undefined)
    this.asked = true
    return GIVING_WAY
  }

  protected async promise(): Promise<void> {
    activeEngine()
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** `yield* giveWay()`: lets other ready processes run before the next step. */
export function giveWay(): Operation<void> {
  return new GiveWay()
}
