import { isAsyncFunction, isGeneratorFunction, isPromiseLike } from './process/body-kind.js'
import type { Coroutine } from './process/generator-process.js'
import { callInProcess } from './server-process.js'

/** A handler of any kind, as a server calls it. */
export type Handler = (...args: readonly unknown[]) => unknown

/** Makes async functions run inside their process; leaves others as they are. */
export function prepared(handler: Handler): Handler {
  return isAsyncFunction(handler) ? (...args) => callInProcess(() => handler(...args)) : handler
}

/** `handler` followed by `then`, which gets what it gives when it is through, whatever kind of function it is. */
export function andThen(handler: Handler, then: (value: unknown) => unknown): Handler {
  if (isAsyncFunction(handler)) return (...args) => callInProcess(async () => then(await handler(...args)))
  if (isGeneratorFunction(handler))
    return function* (...args: readonly unknown[]): Coroutine<unknown> {
      return then(yield* handler(...args) as Coroutine<unknown>)
    }
  // A promise of a plain function is handed on as it is: the server refuses it, and says why.
  return (...args) => {
    const value = handler(...args)
    return isPromiseLike(value) ? value : then(value)
  }
}
