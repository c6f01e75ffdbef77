import { EMPTY, type Engine, SliceEnd, Wake } from '../engine/engine.js'
import type { Process } from './process.js'

/** A receive that an async body awaits. */
export interface PendingReceive {
  /** Offers what has arrived; true when the promise has been settled. */
  offer(engine: Engine, process: Process): boolean
  /** Rejects the promise: nothing will come any more. */
  fail(error: unknown): void
}

/** A call that an async body awaits. */
export interface PendingCall {
  settle(status: number, value: unknown): void
  /** Rejects the promise: no outcome will come. */
  fail(error: unknown): void
}

/**
 * Receives that may be done at once, without a slice, between two slices of a process: as many as take about as long as a slice may.
 * Promise jobs that make promise jobs let nobody else run, not even Node's event loop.
 */
const MOST_AT_ONCE = 1_000

/** What the promises of one process wait for: at most one receive, any number of calls (by the id of their reference). */
export class AsyncWaits {
  receive: PendingReceive | null = null
  /** Receives done at once since the last slice. */
  #atOnce = 0
  readonly calls = new Map<number, PendingCall>()

  /**
   * One slice of a process that awaits: settles the promises that what woke it settles. Their continuations run as
   * promise jobs after the slice.
   */
  run(engine: Engine, process: Process, wake: Wake): SliceEnd {
    this.#atOnce = 0
    if (wake === Wake.Outcome) this.settleCall(engine)
    const pending = this.receive
    if (pending === null) return SliceEnd.Hold
    // Unless it is now that the receive begins.
    engine.waitTimeout = -2
    if (!pending.offer(engine, process)) return SliceEnd.Wait
    engine.waitTimeout = -1
    this.receive = null
    engine.microtasksDue = true
    return SliceEnd.Hold
  }

  /** True when a continuation has had its share: `pending` then begins in a slice of its own. */
  defers(pending: PendingReceive, engine: Engine, process: Process): boolean {
    if (engine.current === process || ++this.#atOnce <= MOST_AT_ONCE) return false
    this.receive = pending
    engine.resume(process)
    return true
  }

  /** Rejects every promise that waits. */
  fail(error: unknown): void {
    this.receive?.fail(error)
    this.receive = null
    for (const call of this.calls.values()) call.fail(error)
    this.calls.clear()
  }

  /** Settles the promise of the call whose outcome began the slice. */
  settleCall(engine: Engine): void {
    const call = this.calls.get(engine.outcomeRef)
    if (call === undefined) return
    this.calls.delete(engine.outcomeRef)
    call.settle(engine.outcomeStatus, engine.outcomeValue)
    engine.microtasksDue = true
  }
}

/** The waits of a process, made on first use. */
export function waitsOf(process: Process): AsyncWaits {
  return (process.waits ??= new AsyncWaits())
}

/** The next message for `process` from wherever it runs: its slice, or a continuation between slices. */
export function takeAnywhere(engine: Engine, process: Process, timeout: number): unknown {
  return engine.current === process ? engine.take() : engine.takeOutside(process, timeout)
}

export { EMPTY }
