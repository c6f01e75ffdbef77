import { AsyncLocalStorage } from 'node:async_hooks'
import { setAsyncLookup } from '../runtime-state.js'
import type { Process } from './process.js'

let storage: AsyncLocalStorage<Process | undefined> | undefined

/** Runs what it is given in the context in which viga was loaded, which belongs to nobody. */
const outside = AsyncLocalStorage.snapshot()

/**
 * Runs `body` with `process` as the current process, in it and in every continuation of it. The storage is made with the
 * first async body, because on Node 20 it slows every promise of the isolate.
 */
export function runInProcess<T>(process: Process, body: () => T): T {
  if (storage === undefined) {
    const made = new AsyncLocalStorage<Process | undefined>()
    storage = made
    setAsyncLookup(() => made.getStore())
  }
  return storage.run(process, body)
}

/**
 * Runs `body` as code outside any process, and outside every AsyncLocalStorage that whoever calls is in: the engine's turns run
 * like this, or the first sender of a turn would lend its stores to all processes that run in it.
 */
export function runOutsideProcesses<T>(body: () => T): T {
  return outside(body)
}
