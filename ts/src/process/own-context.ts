import type { TraceContext } from '../trace-context.js'
import { EnteredStores, type Storage } from './entered-stores.js'

/** The context that a process keeps from slice to slice. Most processes need none. */
export class OwnContext {
  #stores: EnteredStores | null = null
  /** That of the message in hand, or of whoever spawned the process; see trace.ts. */
  trace: TraceContext | null = null

  /** Code of the process enters `storage`. */
  noteEntered(storage: Storage): void {
    this.#stores ??= new EnteredStores()
    this.#stores.note(storage)
  }

  /** A slice begins. */
  enter(): void {
    this.#stores?.enter()
  }

  /** A slice ends. */
  leave(): void {
    this.#stores?.leave()
  }
}
