import { AsyncLocalStorage } from 'node:async_hooks'
import { setAsyncLookup } from '../runtime-state.js'
import type { Process } from './process.js'

let storage: AsyncLocalStorage<Process | undefined> | undefined

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
 * Runs `body` as code outside any process. Not by AsyncLocalStorage.exit, which on Node 20 disables the storage for as long as
 * `body` runs: promise jobs run from in there would not find their process.
 */
export function runOutsideProcesses<T>(body: () => T): T {
  return storage === undefined ? body() : storage.run(undefined, body)
}
