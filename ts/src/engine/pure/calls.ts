import { OutcomeStatus } from '../engine.js'
import type { Ref } from '../../ref.js'
import { Call, type Entry } from './entry.js'
import type { TimerWheel } from './timer-wheel.js'

/**
 * Calls: monitor, alias and timeout in one. A call is found by its reference alone, so a reply never touches the mailbox and one
 * that comes late finds nothing.
 */
export class Calls {
  private readonly wheel: TimerWheel
  private readonly wake: (entry: Entry) => void
  private readonly onTimeout = (call: Call): void => this.conclude(call, OutcomeStatus.Timeout, undefined)

  constructor(wheel: TimerWheel, wake: (entry: Entry) => void) {
    this.wheel = wheel
    this.wake = wake
  }

  start(owner: Entry, callee: Entry | undefined, ref: Ref, timeout: number): void {
    const call = new Call(ref, owner, this.onTimeout)
    if (owner.call === null) owner.call = call
    else (owner.furtherCalls ??= new Map()).set(ref.id, call)
    if (callee === undefined) {
      this.conclude(call, OutcomeStatus.Down, 'noproc')
      return
    }
    callee.addWatcher(call)
    if (timeout !== Infinity) this.wheel.startLater(call, timeout)
  }

  /** The call `ref` of `owner`, while it is in progress. */
  find(owner: Entry, ref: Ref): Call | undefined {
    const call = owner.call
    if (call !== null && call.ref.id === ref.id) return call
    return owner.furtherCalls === null ? undefined : owner.furtherCalls.get(ref.id)
  }

  /** The call is over; its owner will be told so. */
  conclude(call: Call, status: OutcomeStatus, value: unknown): void {
    this.forget(call)
    const owner = call.owner
    call.status = status
    call.value = value
    if (owner.lastOutcome === null) owner.firstOutcome = call
    else owner.lastOutcome.nextOutcome = call
    owner.lastOutcome = call
    this.wake(owner)
  }

  /** The oldest outcome not told yet; there must be one. */
  takeOutcome(owner: Entry): Call {
    const call = owner.firstOutcome as Call
    owner.firstOutcome = call.nextOutcome
    if (owner.firstOutcome === null) owner.lastOutcome = null
    return call
  }

  abandon(owner: Entry, ref: Ref): boolean {
    const call = this.find(owner, ref)
    if (call !== undefined) {
      this.forget(call)
      return true
    }
    return this.dropOutcome(owner, ref)
  }

  processEnded(entry: Entry): void {
    if (entry.call !== null) this.forget(entry.call)
    if (entry.furtherCalls !== null) for (const call of entry.furtherCalls.values()) this.forget(call)
    entry.firstOutcome = entry.lastOutcome = null
  }

  private forget(call: Call): void {
    const owner = call.owner
    call.leaveTarget()
    this.wheel.cancel(call)
    if (owner.call === call) {
      owner.call = null
      return
    }
    owner.furtherCalls?.delete(call.ref.id)
    if (owner.furtherCalls?.size === 0) owner.furtherCalls = null
  }

  private dropOutcome(owner: Entry, ref: Ref): boolean {
    let previous: Call | null = null
    for (let call = owner.firstOutcome; call !== null; previous = call, call = call.nextOutcome) {
      if (call.ref.id !== ref.id) continue
      if (previous === null) owner.firstOutcome = call.nextOutcome
      else previous.nextOutcome = call.nextOutcome
      if (owner.lastOutcome === call) owner.lastOutcome = previous
      return true
    }
    return false
  }
}
