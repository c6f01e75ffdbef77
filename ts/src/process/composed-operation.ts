import type { SliceEnd } from '../engine/engine.js'
import { BaseOperation, type Operation } from './operation.js'

/** The steps of a composed operation: a generator that yields operations and is given their results. */
export type Steps<T> = Generator<Operation<unknown>, T, unknown>

/** `const value = yield* step(operation)` inside a composed operation, with the type of its result. */
export function* step<T>(operation: Operation<T>): Generator<Operation<unknown>, T, unknown> {
  return (yield operation) as T
}

/** One operation made of several, written once for coroutines and promises. */
class ComposedOperation<T> extends BaseOperation<T> {
  readonly #steps: () => Steps<T>
  #coroutine: Generator<SliceEnd | undefined, T, unknown> | null = null

  constructor(steps: () => Steps<T>) {
    super()
    this.#steps = steps
  }

  next(): IteratorResult<SliceEnd | undefined, T> {
    return (this.#coroutine ??= asCoroutine(this.#steps())).next()
  }

  protected promise(): Promise<T> {
    return asPromise(this.#steps())
  }
}

function* asCoroutine<T>(steps: Steps<T>): Generator<SliceEnd | undefined, T, unknown> {
  let at = steps.next()
  while (at.done !== true) {
    let value: unknown
    try {
      value = yield* at.value
    } catch (thrown) {
      at = steps.throw(thrown)
      continue
    }
    at = steps.next(value)
  }
  return at.value
}

async function asPromise<T>(steps: Steps<T>): Promise<T> {
  let at = steps.next()
  while (at.done !== true) {
    let value: unknown
    try {
      value = await at.value
    } catch (thrown) {
      at = steps.throw(thrown)
      continue
    }
    at = steps.next(value)
  }
  return at.value
}

/** An operation that performs the operations that `steps` yields, one after the other. */
export function composed<T>(steps: () => Steps<T>): Operation<T> {
  return new ComposedOperation(steps)
}
