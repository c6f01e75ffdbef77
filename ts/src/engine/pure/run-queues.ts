import { Priority } from '../engine.js'
import { type Entry, State } from './entry.js'

/** Entries in the order they became ready; linked through the entries, so nothing is allocated. */
class Queue {
  length = 0
  private first: Entry | null = null
  private last: Entry | null = null

  add(entry: Entry): void {
    entry.nextReady = null
    if (this.last === null) this.first = entry
    else this.last.nextReady = entry
    this.last = entry
    this.length++
  }

  /** The oldest entry that is still alive; those that have ended while queued are dropped here. */
  take(): Entry | null {
    for (;;) {
      const entry = this.first
      if (entry === null) return null
      this.first = entry.nextReady
      if (this.first === null) this.last = null
      entry.nextReady = null
      this.length--
      if (entry.state === State.Ready) return entry
    }
  }

  clear(): void {
    this.first = this.last = null
    this.length = 0
  }
}

/** Normal processes picked for each low one, as in Erlang (RESCHEDULE_LOW in erl_process.h). */
const NORMAL_PER_LOW = 8

/** The four run queues: max first, then high; low once per eight normal picks, or when there is nothing else. */
export class RunQueues {
  readonly max = new Queue()
  readonly high = new Queue()
  readonly normal = new Queue()
  readonly low = new Queue()
  private normalPicks = 0

  add(entry: Entry): void {
    entry.state = State.Ready
    switch (entry.priority) {
      case Priority.Normal:
        this.normal.add(entry)
        break
      case Priority.Max:
        this.max.add(entry)
        break
      case Priority.High:
        this.high.add(entry)
        break
      default:
        this.low.add(entry)
    }
  }

  take(): Entry | null {
    if (this.max.length > 0) {
      const entry = this.max.take()
      if (entry !== null) return entry
    }
    if (this.high.length > 0) {
      const entry = this.high.take()
      if (entry !== null) return entry
    }
    if (this.low.length > 0 && (this.normal.length === 0 || this.normalPicks >= NORMAL_PER_LOW)) {
      const entry = this.low.take()
      this.normalPicks = 0
      if (entry !== null) return entry
    }
    this.normalPicks++
    return this.normal.take() ?? this.low.take()
  }

  get empty(): boolean {
    return this.normal.length === 0 && this.low.length === 0 && this.high.length === 0 && this.max.length === 0
  }

  clear(): void {
    this.max.clear()
    this.high.clear()
    this.normal.clear()
    this.low.clear()
  }
}
