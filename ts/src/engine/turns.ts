/**
 * When the engine's loop runs: as a macrotask, for 1 ms at a time, then Node's event loop has its turn. Holds one Immediate while
 * work is queued and one Timeout while timers are pending, so that Node exits when there is nothing left to do.
 */
export class Turns {
  /** A turn is in progress. */
  inTurn = false
  private readonly turn: () => void
  private readonly outside: (turn: () => void) => void
  private immediate: NodeJS.Immediate | null = null
  private sleep: NodeJS.Timeout | null = null
  private sleepUntil = Infinity
  private stopped = false

  /** `outside` runs a turn that JavaScript has asked for outside the context of whoever did. */
  constructor(turn: () => void, outside: (turn: () => void) => void) {
    this.outside = outside
    this.turn = () => {
      this.inTurn = true
      try {
        turn()
      } finally {
        this.inTurn = false
      }
    }
  }

  /** There is work: a turn follows soon. Nothing to do during one, which finds the work itself. */
  soon(): void {
    if (this.inTurn || this.immediate !== null || this.stopped) return
    this.again()
  }

  /** A turn now, unless one is in progress: called from the event loop, in nobody's context. */
  now(): void {
    if (this.inTurn || this.stopped) return
    if (this.immediate !== null) clearImmediate(this.immediate)
    this.immediate = null
    this.turn()
  }

  soonIf(needed: boolean): void {
    if (needed) this.soon()
  }

  /** Work is left at the end of a turn. */
  again(): void {
    if (this.immediate !== null || this.stopped) return
    this.immediate = setImmediate(() => {
      this.immediate = null
      this.outside(this.turn)
    })
  }

  /** A turn must begin at `deadline` (ms on the engine's clock) at the latest; Infinity for never. */
  wakeAt(deadline: number, now: number): void {
    if (deadline === this.sleepUntil) return
    if (this.sleep !== null) clearTimeout(this.sleep)
    this.sleep = null
    this.sleepUntil = deadline
    if (deadline === Infinity || this.stopped) return
    const wait = Math.min(Math.max(Math.ceil(deadline - now), 1), LONGEST_TIMEOUT)
    this.sleep = setTimeout(() => {
      this.sleep = null
      this.sleepUntil = Infinity
      this.outside(this.turn)
    }, wait)
  }

  stop(): void {
    this.stopped = true
    if (this.immediate !== null) clearImmediate(this.immediate)
    if (this.sleep !== null) clearTimeout(this.sleep)
    this.immediate = this.sleep = null
  }
}

/** Longest time Node's setTimeout takes. */
const LONGEST_TIMEOUT = 2_147_483_647

/** Runs promise jobs now, where Node offers it. Turns are macrotasks, so this is never called from within a promise job. */
export const runPromiseJobs: (() => void) | undefined = (
  globalThis as { process?: { _tickCallback?: () => void } }
).process?._tickCallback
