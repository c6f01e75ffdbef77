import { AsyncLocalStorage } from 'node:async_hooks'
import { startedEngine } from '../runtime-state.js'

/** What a storage holds outside any process: read in a context of its own, in which nothing is ever entered. */
const pristine = AsyncLocalStorage.snapshot()

export type Storage = AsyncLocalStorage<unknown>

/**
 * The stores that the synchronous code of one process has entered with `AsyncLocalStorage.enterWith`, for good: such a store
 * outlives the slice that entered it, in which other processes run next. They are left after each slice of the process and
 * entered again before the next. (Stores of `AsyncLocalStorage.run` end by themselves; continuations of promises have their
 * own contexts.)
 */
export class EnteredStores {
  readonly #stores = new Map<Storage, unknown>()

  /** Code of the process enters `storage`. */
  note(storage: Storage): void {
    this.#stores.set(storage, undefined)
  }

  enter(): void {
    for (const [storage, store] of this.#stores) enterWith.call(storage, store)
  }

  leave(): void {
    for (const storage of this.#stores.keys()) {
      const own = storage.getStore()
      const common = pristine(() => storage.getStore())
      if (own === common) this.#stores.delete(storage)
      else this.#stores.set(storage, own)
      enterWith.call(storage, common)
    }
  }
}

let { enterWith } = AsyncLocalStorage.prototype
let watching = false

/**
 * Has viga told of stores that slices enter. Node tells nobody, and to look after each slice would cost every slice what now
 * only those pay that do it; so the method is watched, from the first start of a runtime on.
 */
export function watchEnteredStores(): void {
  if (watching) return
  watching = true
  const watched = AsyncLocalStorage.prototype.enterWith
  enterWith = watched
  AsyncLocalStorage.prototype.enterWith = function (this: Storage, store: unknown): void {
    startedEngine()?.current?.ownContext().noteEntered(this)
    watched.call(this, store)
  }
}
