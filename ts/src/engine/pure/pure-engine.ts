import {
  AliasMode,
  type AllocatorFacts,
  EMPTY,
  type Engine,
  type EngineOptions,
  type Host,
  OutcomeStatus,
  Priority,
  type ProcessFacts,
  SliceEnd,
  type SystemFacts,
  Wake,
} from '../engine.js'
import { etsTransfer } from '../../ets-transfer.js'
import { Pid } from '../../pid.js'
import { runOutsideProcesses } from '../../process/async-context.js'
import type { Process } from '../../process/process.js'
import { reasonOfThrown } from '../../process/reason.js'
import type { Ref } from '../../ref.js'
import { Calls } from './calls.js'
import { type Call, Entry, ReceiveTimer, State } from './entry.js'
import { allocatorFacts, processFacts, systemFacts } from './facts.js'
import { MessageTimers } from './message-timers.js'
import { Names } from './names.js'
import { ProcessTable } from './process-table.js'
import { PureRegistries } from './registries.js'
import { RunQueues } from './run-queues.js'
import { SignalDelivery, type Surroundings } from './signal-delivery.js'
import { PureTables } from './tables.js'
import { TimerWheel } from './timer-wheel.js'
import { runPromiseJobs, Turns } from '../turns.js'

/** Reductions of one slice (CONTEXT_REDS of Erlang). */
const SLICE_REDUCTIONS = 4000
/** Milliseconds of work after which Node's event loop has its turn. */
const TURN_MS = 1
/** Most slices between two looks at the clock. */
const LONGEST_STRIDE = 32
const SPAWN_REDUCTIONS = 20

/** A pid that names no process: in the DOWN of a name that nobody has. */
const NOBODY = new Pid(0, 0xffff_ffff)

/** viga's engine in TypeScript alone: one thread, the same observable behaviour as the native one. */
export class PureEngine implements Engine, Surroundings {
  readonly kind = 'pure'
  /** One isolate, one scheduler. */
  readonly scheduler = 1
  readonly schedulers = 1
  readonly system = 0

  current: Process | null = null
  timedOut = false
  outcomeRef = 0
  outcomeStatus: OutcomeStatus = OutcomeStatus.Reply
  outcomeValue: unknown = undefined
  waitTimeout = -1
  heldDelta = 0
  drained = true
  microtasksDue = false

  running: Entry | null = null
  host!: Host
  slices = 0
  reductions = 0
  wakeups = 0
  readonly queues = new RunQueues()
  readonly wheel = new TimerWheel()
  readonly names = new Names()
  table!: ProcessTable
  private reductionsLeft = 0
  private limit = 0
  private stopped = false
  private readonly signals = new SignalDelivery(this)
  private readonly calls = new Calls(this.wheel, (entry) => this.wakeHeld(entry))
  readonly timers = new MessageTimers(this.wheel, (entry, message) => this.deliver(entry, message))
  private readonly turns = new Turns(
    () => this.turn(),
    (turn) => runOutsideProcesses(turn),
  )
  readonly tables = new PureTables((pid) => this.isAlive(pid))
  readonly registries = new PureRegistries()

  // --- life of the engine ---------------------------------------------------------------------------------------------

  start(root: Process, host: Host, options: EngineOptions): void {
    this.host = host
    this.limit = options.processLimit
    this.table = new ProcessTable(this.limit)
    const entry = this.admit(root, null, Priority.Normal)
    entry.started = true
  }

  setOnline(): number {
    return 1
  }

  stop(): void {
    this.stopped = true
    this.turns.stop()
    this.queues.clear()
    for (const entry of this.table) {
      entry.state = State.Dead
      this.host.buried(entry.process)
    }
    this.table = new ProcessTable(0)
  }

  // --- the loop -------------------------------------------------------------------------------------------------------

  /** Runs ready processes until none is left or the time is up; then sees to it that the next turn comes. */
  private turn(): void {
    this.wakeups++
    let now = performance.now()
    const end = now + TURN_MS
    this.wheel.armAll(now)
    this.wheel.advance(now)
    try {
      let stride = 1
      let untilClock = stride
      for (;;) {
        const entry = this.queues.take()
        if (entry === null) {
          now = performance.now()
          this.wheel.armAll(now)
          this.wheel.advance(now)
          if (this.queues.empty) break
          continue
        }
        this.slice(entry)
        if (this.microtasksDue) {
          if (runPromiseJobs === undefined) break
          this.microtasksDue = false
          runPromiseJobs()
        }
        if (--untilClock > 0) continue
        const before = now
        now = performance.now()
        if (now >= end) break
        stride = now - before > TURN_MS / 8 ? 1 : Math.min(stride * 2, LONGEST_STRIDE)
        untilClock = stride
      }
    } finally {
      this.microtasksDue = false
      if (!this.stopped) this.prepareNextTurn()
    }
  }

  private prepareNextTurn(): void {
    const now = performance.now()
    this.wheel.armAll(now)
    if (this.queues.empty) this.turns.wakeAt(this.wheel.nextTick(), now)
    else this.turns.again()
  }

  private slice(entry: Entry): void {
    const wake = this.wakeOf(entry)
    entry.state = State.Running
    this.running = entry
    this.current = entry.process
    this.reductionsLeft = SLICE_REDUCTIONS
    this.waitTimeout = -1
    this.heldDelta = 0
    let end: SliceEnd
    try {
      end = entry.process.slice(wake)
    } catch (thrown) {
      // `run` turns what bodies throw into reasons; only the stack or the memory running out in there gets here.
      end = SliceEnd.Exit
      this.host.buried(entry.process)
      this.exit(entry.process, reasonOfThrown(thrown))
    }
    this.running = null
    this.current = null
    const used = SLICE_REDUCTIONS - this.reductionsLeft + 1
    this.slices++
    this.reductions += used
    if (wake === Wake.Outcome) this.outcomeValue = undefined
    if (entry.ended) return
    entry.reductions += used
    entry.held += this.heldDelta
    if (!this.signals.settlePending(entry)) return
    if (this.waitTimeout !== -2) this.setReceiveTimer(entry, end === SliceEnd.Wait ? this.waitTimeout : -1)
    this.rest(entry, end)
  }

  /** Why the next slice begins, most urgent reason first. */
  private wakeOf(entry: Entry): Wake {
    this.timedOut = false
    if (!entry.started) {
      entry.started = true
      return Wake.Start
    }
    if (entry.firstOutcome !== null) {
      const call = this.calls.takeOutcome(entry)
      this.outcomeRef = call.ref.id
      this.outcomeStatus = call.status
      this.outcomeValue = call.value
      return Wake.Outcome
    }
    if (entry.resumed) {
      entry.resumed = false
      return Wake.Resume
    }
    if (entry.timeoutPassed && entry.mailbox.length === 0) {
      this.timedOut = true
      entry.timeoutPassed = false
      return Wake.Timeout
    }
    return Wake.Message
  }

  /** After a slice: back into the queue, or at rest until something wakes it. */
  private rest(entry: Entry, end: SliceEnd): void {
    if (end === SliceEnd.Yield || entry.firstOutcome !== null || entry.resumed) this.queues.add(entry)
    else if (end !== SliceEnd.Wait) entry.state = State.Held
    else if (entry.mailbox.length > 0 || entry.timeoutPassed) this.queues.add(entry)
    else entry.state = State.Waiting
  }

  private ready(entry: Entry): void {
    this.queues.add(entry)
    this.turns.soon()
  }

  private wakeHeld(entry: Entry): void {
    if (entry.state === State.Held || entry.state === State.Waiting) this.ready(entry)
  }

  private setReceiveTimer(entry: Entry, timeout: number): void {
    entry.timeoutPassed = timeout === 0
    const timer = entry.receiveTimer
    // One that a message came before may be running still; in the wheel twice, it would tie it in a knot.
    if (timer !== null) this.wheel.cancel(timer)
    if (timeout > 0) this.wheel.startLater((entry.receiveTimer ??= this.newReceiveTimer(entry)), timeout)
  }

  private newReceiveTimer(entry: Entry): ReceiveTimer {
    return new ReceiveTimer(entry, (late) => {
      late.timeoutPassed = true
      if (late.state === State.Waiting) this.ready(late)
    })
  }

  // --- the slice in progress --------------------------------------------------------------------------------------------

  take(): unknown {
    const entry = this.running
    if (entry === null) return EMPTY
    if (this.reductionsLeft <= 0 || entry.pending !== null) {
      this.drained = false
      return EMPTY
    }
    if (entry.mailbox.length === 0) {
      this.drained = true
      return EMPTY
    }
    this.reductionsLeft--
    return entry.mailbox.shift()
  }

  charge(reductions: number): void {
    this.reductionsLeft -= reductions
  }

  get spent(): boolean {
    return this.reductionsLeft <= 0
  }

  // --- processes ----------------------------------------------------------------------------------------------------------

  spawn(process: Process, parent: Process, link: boolean, monitor: Ref | null, priority: Priority): Pid {
    this.reductionsLeft -= SPAWN_REDUCTIONS
    const parentEntry = this.entryOf(parent)
    const entry = this.admit(process, parent.pid, priority)
    if (parentEntry !== undefined) {
      if (link) this.signals.link(parentEntry, entry, entry.pid)
      if (monitor !== null) this.monitor(parent, entry.pid, monitor, AliasMode.None, null)
    }
    this.ready(entry)
    return entry.pid
  }

  become(arriving: Process, real: Process): void {
    const entry = this.entryOf(arriving)
    if (entry === undefined) return
    real.pid = arriving.pid
    entry.process = real
  }

  private admit(process: Process, parent: Pid | null, priority: Priority): Entry {
    const index = this.table.claim()
    const pid = new Pid<unknown>(index, this.table.serialOf(index))
    process.pid = pid
    const entry = new Entry(process, pid, parent, priority)
    this.table.set(index, entry)
    return entry
  }

  /** The entry of a live process. */
  private entryOf(process: Process): Entry | undefined {
    const running = this.running
    return running !== null && running.process === process ? running : this.table.get(process.pid)
  }

  exit(process: Process, reason: unknown): void {
    const entry = this.table.get(process.pid)
    if (entry !== undefined) this.signals.end(entry, reason)
  }

  remove(entry: Entry): void {
    this.table.remove(entry)
  }

  settleBelongings(entry: Entry): void {
    this.names.processEnded(entry)
    for (const { table, heir, data } of this.tables.processExited(entry.pid))
      this.send(heir, etsTransfer(table, entry.pid, data))
    this.registries.processExited(entry.pid)
    this.timers.processEnded(entry)
    if (entry.receiveTimer !== null) this.wheel.cancel(entry.receiveTimer)
  }

  dropCalls(entry: Entry): void {
    this.calls.processEnded(entry)
  }

  resume(process: Process): void {
    const entry = this.entryOf(process)
    if (entry === undefined) return
    entry.resumed = true
    this.wakeHeld(entry)
  }

  takeOutside(process: Process, timeout: number): unknown {
    const entry = this.table.get(process.pid)
    if (entry === undefined) return EMPTY
    if (entry.mailbox.length > 0) return entry.mailbox.shift()
    this.drained = true
    if (timeout === 0) return EMPTY
    this.setReceiveTimer(entry, timeout)
    this.turns.soonIf(timeout > 0)
    if (entry.state === State.Held) entry.state = State.Waiting
    return EMPTY
  }

  holdOutside(process: Process, delta: number): void {
    const entry = this.entryOf(process)
    if (entry !== undefined) entry.held += delta
  }

  hibernate(process: Process): void {
    this.entryOf(process)?.mailbox.release()
  }

  // --- signals --------------------------------------------------------------------------------------------------------------

  isFar(): boolean {
    return false
  }

  send(to: Pid, message: unknown): void {
    this.reductionsLeft--
    const entry = this.table.get(to)
    if (entry !== undefined) this.deliver(entry, message)
  }

  deliver(entry: Entry, message: unknown): void {
    if (entry.ended) return
    entry.mailbox.push(message)
    if (entry.state === State.Waiting) this.ready(entry)
  }

  sendAlias(alias: Ref, message: unknown): void {
    this.reductionsLeft--
    const owner = this.table.at(alias.index, alias.serial)
    if (owner !== undefined && this.signals.passesAlias(owner, alias)) this.deliver(owner, message)
  }

  link(process: Process, other: Pid): void {
    const entry = this.entryOf(process)
    if (entry !== undefined) this.signals.link(entry, this.table.get(other), other)
  }

  unlink(process: Process, other: Pid): void {
    const entry = this.entryOf(process)
    if (entry !== undefined) this.signals.unlink(entry, this.table.get(other), other)
  }

  monitor(process: Process, target: Pid, ref: Ref, alias: AliasMode, name: string | null): void {
    const owner = this.entryOf(process)
    if (owner !== undefined) this.signals.monitor(owner, this.table.get(target), target, ref, alias, name)
  }

  monitorMissing(process: Process, ref: Ref, name: string): void {
    const owner = this.entryOf(process)
    if (owner !== undefined) this.signals.monitor(owner, undefined, NOBODY, ref, AliasMode.None, name)
  }

  demonitor(process: Process, ref: Ref, flush: boolean): boolean {
    const owner = this.entryOf(process)
    return owner !== undefined && this.signals.demonitor(owner, ref, flush)
  }

  alias(process: Process, ref: Ref, mode: AliasMode): void {
    const owner = this.entryOf(process)
    if (owner !== undefined) this.signals.alias(owner, ref, mode)
  }

  unalias(process: Process, ref: Ref): boolean {
    const owner = this.entryOf(process)
    return owner !== undefined && this.signals.unalias(owner, ref)
  }

  signalExit(process: Process, to: Pid, reason: unknown): void {
    const entry = this.table.get(to)
    if (entry !== undefined) this.signals.exit(entry, process.pid, reason)
  }

  // --- calls --------------------------------------------------------------------------------------------------------------

  call(process: Process, target: Pid, ref: Ref, request: unknown, timeout: number): void {
    const owner = this.entryOf(process)
    if (owner === undefined) return
    const callee = this.table.get(target)
    this.calls.start(owner, callee, ref, timeout)
    if (callee !== undefined) this.send(target, request)
    this.turns.soonIf(timeout !== Infinity)
  }

  reply(ref: Ref, value: unknown): void {
    this.reductionsLeft--
    const owner = this.table.at(ref.index, ref.serial)
    if (owner === undefined) return
    const call = this.calls.find(owner, ref)
    if (call !== undefined) this.conclude(call, OutcomeStatus.Reply, value)
  }

  conclude(call: Call, status: OutcomeStatus, value: unknown): void {
    this.calls.conclude(call, status, value)
  }

  abandon(process: Process, ref: Ref): boolean {
    const owner = this.entryOf(process)
    return owner !== undefined && this.calls.abandon(owner, ref)
  }

  // --- flags, names, timers -----------------------------------------------------------------------------------------------

  setTrapExit(process: Process, trap: boolean): boolean {
    const entry = this.entryOf(process)
    if (entry === undefined) return false
    const old = entry.trapExit
    entry.trapExit = trap
    return old
  }

  setPriority(process: Process, priority: Priority): Priority {
    const entry = this.entryOf(process)
    if (entry === undefined) return Priority.Normal
    const old = entry.priority
    entry.priority = priority
    return old
  }

  register(name: string, pid: Pid): 'ok' | 'taken' | 'noproc' {
    const entry = this.table.get(pid)
    return entry === undefined ? 'noproc' : this.names.register(name, entry)
  }

  unregister(name: string): boolean {
    return this.names.unregister(name)
  }

  whereis(name: string): Pid | undefined {
    return this.names.get(name)?.pid
  }

  registered(): string[] {
    return this.names.all()
  }

  startTimer(milliseconds: number, to: Pid, message: unknown): number {
    const id = this.timers.start(milliseconds, this.table.get(to), message)
    this.turns.soon()
    return id
  }

  cancelTimer(timer: number): number {
    const left = this.timers.cancel(timer)
    // The turn lets go of Node's timer when this was the last one.
    if (left >= 0) this.turns.soon()
    return left
  }

  readTimer(timer: number): number {
    return this.timers.read(timer)
  }

  // --- introspection ------------------------------------------------------------------------------------------------------

  isAlive(pid: Pid): boolean {
    return this.table.get(pid) !== undefined
  }

  processOf(pid: Pid): Process | undefined {
    return this.table.get(pid)?.process
  }

  processes(): Pid[] {
    return Array.from(this.table, (entry) => entry.pid)
  }

  processFacts(pid: Pid): ProcessFacts | undefined {
    const entry = this.table.get(pid)
    if (entry === undefined) return undefined
    const inSlice = entry === this.running
    return processFacts(entry, inSlice ? this.heldDelta : 0, inSlice ? SLICE_REDUCTIONS - this.reductionsLeft : 0)
  }

  systemFacts(): SystemFacts {
    return systemFacts(this, this.limit)
  }

  allocators(): AllocatorFacts[] {
    return allocatorFacts(this)
  }
}
