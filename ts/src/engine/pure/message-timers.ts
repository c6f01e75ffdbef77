import { type Entry, MessageTimer } from './entry.js'
import type { TimerWheel } from './timer-wheel.js'

/** Timers that send a message when they fire. They end with their target. */
export class MessageTimers {
  private readonly wheel: TimerWheel
  private readonly deliver: (entry: Entry, message: unknown) => void
  private readonly byId = new Map<number, MessageTimer>()
  private lastId = 0
  private readonly due = (timer: MessageTimer): void => {
    this.forget(timer)
    this.deliver(timer.target, timer.message)
  }

  constructor(wheel: TimerWheel, deliver: (entry: Entry, message: unknown) => void) {
    this.wheel = wheel
    this.deliver = deliver
  }

  get count(): number {
    return this.byId.size
  }

  /** Returns the timer's number. For a target that has ended, that of a timer which is over. */
  start(milliseconds: number, target: Entry | undefined, message: unknown): number {
    const id = ++this.lastId
    if (target === undefined) return id
    const timer = new MessageTimer(id, target, message, this.due)
    this.byId.set(id, timer)
    timer.nextOfTarget = target.firstTimer
    if (target.firstTimer !== null) target.firstTimer.previousOfTarget = timer
    target.firstTimer = timer
    this.wheel.start(timer, milliseconds, performance.now())
    return id
  }

  cancel(id: number): number {
    const timer = this.byId.get(id)
    if (timer === undefined) return -1
    const left = leftOf(timer)
    this.wheel.cancel(timer)
    this.forget(timer)
    return left
  }

  read(id: number): number {
    const timer = this.byId.get(id)
    return timer === undefined ? -1 : leftOf(timer)
  }

  processEnded(entry: Entry): void {
    for (let timer = entry.firstTimer; timer !== null; timer = entry.firstTimer) {
      this.wheel.cancel(timer)
      this.forget(timer)
    }
  }

  private forget(timer: MessageTimer): void {
    const { target, nextOfTarget: next, previousOfTarget: previous } = timer
    this.byId.delete(timer.id)
    if (previous === null) target.firstTimer = next
    else previous.nextOfTarget = next
    if (next !== null) next.previousOfTarget = previous
  }
}

function leftOf(timer: MessageTimer): number {
  return Math.max(0, Math.ceil(timer.deadline - performance.now()))
}
