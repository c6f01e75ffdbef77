import type { TraceContext } from '../trace-context.js'
import { EnteredStores } from './entered-stores.js'

/** The context that a process keeps from slice to slice. Most processes need none. */
export class OwnContext {
  readonly stores = new EnteredStores()
  /** That of the message in hand, or of whoever spawned the process; see trace.ts. */
  trace: TraceContext | null = null
}
