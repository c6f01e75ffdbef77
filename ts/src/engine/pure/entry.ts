import type { AliasMode, OutcomeStatus, Priority } from '../engine.js'
import type { Pid } from '../../pid.js'
import type { Process } from '../../process/process.js'
import type { Ref } from '../../ref.js'
import { MessageRing } from './message-ring.js'
import { TimerNode } from './timer-wheel.js'

export const State = {
  /** In a run queue. */
  Ready: 0,
  /** Its slice is in progress. */
  Running: 1,
  /** A message, an outcome, a timeout or `resume` makes it ready. */
  Waiting: 2,
  /** An outcome or `resume` makes it ready. */
  Held: 3,
  Dead: 4,
} as const
export type State = (typeof State)[keyof typeof State]

/** What the engine holds for one process: everything others may observe or do to it. */
export class Entry {
  process: Process
  readonly pid: Pid
  readonly parent: Pid | null
  state: State = State.Held
  priority: Priority
  trapExit = false
  /** The first slice has begun. */
  started = false
  /** `resume` was called; a slice with Wake.Resume is due. */
  resumed = false
  /** The receive timeout has passed; reported once no message is waiting. */
  timeoutPassed = false
  reductions = 0
  readonly mailbox = new MessageRing()
  /** Messages taken from the mailbox that a selective receive has put aside. */
  held = 0
  /** Next in its run queue. */
  nextReady: Entry | null = null
  /** Signals from others that came while its slice was in progress. */
  pending: PendingSignal[] | null = null
  links: Set<Entry> | null = null
  /** Monitors and aliases it made, by the id of their reference. */
  watches: Map<number, Watch> | null = null
  /** Calls in progress: the usual one, and further ones by the id of their reference. */
  call: Call | null = null
  furtherCalls: Map<number, Call> | null = null
  /** Calls that came to their end and wait to be told, oldest first. */
  firstOutcome: Call | null = null
  lastOutcome: Call | null = null
  /** Monitors and calls that watch it, oldest first. */
  firstWatcher: Watcher | null = null
  lastWatcher: Watcher | null = null
  names: string[] | null = null
  receiveTimer: ReceiveTimer | null = null
  /** Timers that will send to it. */
  firstTimer: MessageTimer | null = null

  constructor(process: Process, pid: Pid, parent: Pid | null, priority: Priority) {
    this.process = process
    this.pid = pid
    this.parent = parent
    this.priority = priority
  }

  /** The root process stands for code outside any process and never ends. */
  get isRoot(): boolean {
    return this.pid.index === 0
  }

  get ended(): boolean {
    return this.state === State.Dead
  }

  addWatcher(watcher: Watcher): void {
    watcher.target = this
    watcher.previousWatcher = this.lastWatcher
    if (this.lastWatcher === null) this.firstWatcher = watcher
    else this.lastWatcher.nextWatcher = watcher
    this.lastWatcher = watcher
  }

  addLink(other: Entry): void {
    ;(this.links ??= new Set()).add(other)
  }

  removeLink(other: Entry): void {
    if (this.links === null) return
    this.links.delete(other)
    if (this.links.size === 0) this.links = null
  }
}

/** One process's interest in the end of another. */
export abstract class Watcher extends TimerNode {
  readonly ref: Ref
  readonly owner: Entry
  /** Null once it watches no longer, or the target has ended. */
  target: Entry | null = null
  nextWatcher: Watcher | null = null
  previousWatcher: Watcher | null = null

  constructor(ref: Ref, owner: Entry) {
    super()
    this.ref = ref
    this.owner = owner
  }

  /** Takes it off its target's list. */
  leaveTarget(): void {
    const { target, previousWatcher: previous, nextWatcher: next } = this
    if (target === null) return
    if (previous === null) target.firstWatcher = next
    else previous.nextWatcher = next
    if (next === null) target.lastWatcher = previous
    else next.previousWatcher = previous
    this.target = this.nextWatcher = this.previousWatcher = null
  }
}

/** A monitor, an alias, or both under one reference. */
export class Watch extends Watcher {
  /** AliasMode.None when it is no alias, or no longer. */
  alias: AliasMode
  /** The monitor part is active: its DOWN has neither been delivered nor been given up. */
  watching: boolean
  readonly name: string | null

  constructor(ref: Ref, owner: Entry, alias: AliasMode, watching: boolean, name: string | null) {
    super(ref, owner)
    this.alias = alias
    this.watching = watching
    this.name = name
  }

  fire(): void {
    throw new Error(`monitor ${String(this.ref)} has no timer`)
  }
}

/** A call in progress, then its outcome. */
export class Call extends Watcher {
  status: OutcomeStatus = 0
  value: unknown = undefined
  nextOutcome: Call | null = null
  private readonly timedOut: (call: Call) => void

  constructor(ref: Ref, owner: Entry, timedOut: (call: Call) => void) {
    super(ref, owner)
    this.timedOut = timedOut
  }

  fire(): void {
    this.timedOut(this)
  }
}

/** The timeout of a process's receive; one node per process, started again and again. */
export class ReceiveTimer extends TimerNode {
  private readonly entry: Entry
  private readonly passed: (entry: Entry) => void

  constructor(entry: Entry, passed: (entry: Entry) => void) {
    super()
    this.entry = entry
    this.passed = passed
  }

  fire(): void {
    this.passed(this.entry)
  }
}

/** A timer that sends a message. */
export class MessageTimer extends TimerNode {
  readonly id: number
  readonly target: Entry
  readonly message: unknown
  nextOfTarget: MessageTimer | null = null
  previousOfTarget: MessageTimer | null = null
  private readonly due: (timer: MessageTimer) => void

  constructor(id: number, target: Entry, message: unknown, due: (timer: MessageTimer) => void) {
    super()
    this.id = id
    this.target = target
    this.message = message
    this.due = due
  }

  fire(): void {
    this.due(this)
  }
}

/** A signal that takes effect when the slice in progress ends. */
export type PendingSignal =
  | { readonly kind: 'exit'; readonly from: Pid; readonly reason: unknown }
  | { readonly kind: 'linkExit'; readonly from: Pid; readonly linked: Entry | null; readonly reason: unknown }
  | { readonly kind: 'down'; readonly watch: Watch; readonly from: Pid; readonly reason: unknown }
