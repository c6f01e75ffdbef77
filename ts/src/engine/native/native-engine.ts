import {
  type AliasMode,
  type AllocatorFacts,
  type Blueprint,
  EMPTY,
  type Engine,
  type EngineOptions,
  type Host,
  Mobility,
  OutcomeStatus,
  type Priority,
  type ProcessFacts,
  type SystemFacts,
} from '../engine.js'
import { ErrorCode, VigaError } from '../../errors.js'
import { Pid, samePid } from '../../pid.js'
import type { Process } from '../../process/process.js'
import { Ref } from '../../ref.js'
import { etsTransfer } from '../../ets-transfer.js'
import type { Addon } from './addon.js'
import { Away } from './away.js'
import { FRAGMENT } from './outgoing.js'
import {
  A0, A1, A2, A3, A4, A5, A6,
  COMMAND_CALL, COMMAND_EXIT, COMMAND_REPLY, COMMAND_SEND, COMMAND_SEND_ALIAS, COMMAND_SPAWN,
  HEADER_VERSION, OUTBOX, OUTBOX_LEN, OUTBOX_WORDS,
  R0, R1, R2, R3, R4, R5, RESERVED, RESERVED_LEN,
  LEAVING, LEAVING_LEN, LEAVING_TO, MOBILITY_SHIFT, SLICE_MORE, SLICE_OUTCOME_HANDLE, SLICE_OUTCOME_KIND, SLICE_OUTCOME_LOW, SLICE_QUIET, SLICE_WINDOW_LEN, SLICE_WINDOW_START, SPAWN_LINKED,
  VERSION, WANTED, WORDS,
} from './control-block.js'
import { readAllocatorFacts, readProcessFacts, readSchedulerFacts, readSystemFacts } from './facts.js'
import { MonitorNames } from './monitor-names.js'
import { NativeLoop } from './native-loop.js'
import { NativeRegistries } from './registries.js'
import { NativeTables } from './tables.js'
import { StorePort } from './tables-port.js'
import { Values } from './values.js'
import { refId, timeoutWord, TWO_32, writePid, writeReference } from './words.js'

/** Reductions of one slice (CONTEXT_REDS of Erlang). */
const SLICE_REDUCTIONS = 4000
/** Slices of one batch share the reductions of one, so that what is more urgent waits no longer for a batch. */
export const BATCH_REDUCTIONS = SLICE_REDUCTIONS
const SPAWN_REDUCTIONS = 20
/** Parts of the process table, as crates/runtime/src/between.rs has them: of 1,024 indexes each. */
const PART_BITS = 10
const PARTS = (1 << (27 - PART_BITS)) + 256
/** Whose processes those of a part are. */
const ELSEWHERE = 0
const HERE = 1
/** This scheduler's, but for those that have moved. */
const PARTLY = 2

function tableFull(limit: number): VigaError {
  return new VigaError(
    ErrorCode.SystemLimit,
    `spawn: the process table holds ${limit} processes, as many as it may; start the runtime with a larger processLimit, or end some`,
  )
}

/**
 * The engine behind the addon: processes, signals, mailboxes and timers live in Rust, this isolate executes the slices it is
 * told to (native-loop.ts). What is sent, called and replied goes into the outbox, a run of words that Rust works off at
 * the next crossing, so a send is a few stores and no call.
 */
export class NativeEngine implements Engine {
  readonly kind = 'native'
  scheduler = 1
  schedulers = 1
  system = 0

  current: Process | null = null
  timedOut = false
  outcomeRef = 0
  outcomeStatus: OutcomeStatus = OutcomeStatus.Reply
  outcomeValue: unknown = undefined
  waitTimeout = -1
  heldDelta = 0
  drained = true
  microtasksDue = false

  /** A process has ended since heirs were last told. */
  endedSince = false

  /** Read and written by the loop around each slice. */
  windowPlace = 0
  windowEnd = 0
  slice = 0
  reductions = 0
  /** When the slice shall take no more messages, on `performance.now`; Infinity while nobody waits. */
  sliceUntil = Infinity

  readonly addon: Addon
  /** The only scheduler of its system: all processes are here. */
  private alone = true
  /** For each part of the process table (1,024 indexes) whether its processes are this scheduler's. */
  private readonly here = new Uint8Array(PARTS)
  /** Indexes of processes that have gone to other schedulers, of parts that are only partly here. */
  private readonly moved = new Set<number>()
  /** Processes from other schedulers, with their places here. */
  private guests: Map<Process, Pid> | null = null
  private away: Away | null = null
  readonly words = new Int32Array(WORDS)
  readonly values = new Values()
  readonly processTable: (Process | undefined)[] = []
  readonly tables: NativeTables
  readonly registries: NativeRegistries
  host!: Host
  private readonly loop: NativeLoop
  private readonly monitorNames = new MonitorNames()

  constructor(addon: Addon) {
    this.addon = addon
    const port = new StorePort(addon)
    this.tables = new NativeTables(addon, port)
    this.registries = new NativeRegistries(addon, port)
    this.loop = new NativeLoop(this)
  }

  // --- life of the engine -----------------------------------------------------------------------------------------------

  start(root: Process, host: Host, options: EngineOptions): void {
    this.host = host
    const { words, addon } = this
    const { join } = options
    words[A2] = options.busyWait ?? 0
    if (join === undefined) {
      this.schedulers = options.schedulers ?? 1
      words[A0] = options.processLimit
      words[A1] = this.schedulers
      words[A3] = options.online ?? this.schedulers
      words[A4] = options.compactLoad === false ? 0 : 1
      words[A5] = options.wakeupThreshold ?? 4
      addon.start(words)
      this.system = words[R2] as number
    } else {
      this.schedulers = options.schedulers ?? 1
      this.scheduler = join.scheduler
      this.system = join.system
      words[A0] = join.system
      words[A1] = join.scheduler
      addon.join(words)
    }
    const rootPid = new Pid<unknown>(words[R0] as number, (words[R1] as number) >>> 0)
    const version = this.words[HEADER_VERSION]
    if (version !== VERSION) {
      this.addon.stop()
      throw new VigaError(
        ErrorCode.EngineUnavailable,
        `the native binary speaks version ${String(version)} of the control block, this package version ${VERSION}; install or build a matching pair`,
      )
    }
    root.pid = rootPid
    this.processTable[rootPid.index] = root
    this.alone = this.schedulers === 1
    if (this.alone) {
      this.here.fill(HERE)
    } else {
      this.here[rootPid.index >>> PART_BITS] = HERE
      for (const index of addon.movedIndexes()) this.noteMoved(index)
      this.away = new Away(addon, words)
      addon.hearBell(() => this.loop.ring())
      this.loop.soon()
    }
  }

  setOnline(schedulers: number): number {
    this.words[A0] = schedulers
    this.addon.setOnline()
    return this.words[R0] as number
  }

  stop(): void {
    this.loop.stop()
    this.addon.stop()
    for (const process of this.processTable) if (process !== undefined) this.host.buried(process)
    this.processTable.length = 0
  }

  // --- messages ---------------------------------------------------------------------------------------------------------

  take(): unknown {
    if (this.reductions >= SLICE_REDUCTIONS || (this.sliceUntil !== Infinity && performance.now() > this.sliceUntil)) {
      this.drained = false
      return EMPTY
    }
    let place = this.windowPlace
    if (place === this.windowEnd) {
      if (!this.refill()) return EMPTY
      place = this.windowPlace
    }
    this.windowPlace = place + 1
    this.reductions++
    const handle = this.words[place] as number
    if (handle < 0) return this.systemMessage(this.current as Process, handle)
    return handle < FRAGMENT ? this.values.take(handle) : (this.away as Away).readStaged(place, handle)
  }

  /** A message or reason that came from another scheduler; `taken` when it is a message that is used up by that. */
  readFragment(handle: number, taken: boolean): unknown {
    return (this.away as Away).read(handle, taken)
  }

  /** Nothing is left to run: true when something has arrived after all, else the isolate may sleep. */
  awaitArrivals(): boolean {
    if (this.alone) return false
    this.addon.idle()
    return this.words[R0] !== 0
  }

  /** Makes the process whose slice begins of the blueprint that is its first message. */
  arrive(index: number, slice: number): Process {
    const { words } = this
    const place = this.windowPlace++
    const process = this.host.arrive((this.away as Away).readStaged(place, words[place] as number) as Blueprint)
    const serial = (words[slice + SLICE_OUTCOME_LOW] as number) >>> 0
    const known = words[slice + SLICE_OUTCOME_KIND] as number
    process.pid = new Pid(known, (words[slice + SLICE_OUTCOME_HANDLE] as number) >>> 0)
    if (known !== index) (this.guests ??= new Map()).set(process, new Pid(index, serial))
    this.seat(process, index)
    return process
  }

  /** The pid under which this scheduler keeps a process: another one for a guest from another scheduler. */
  placeOf(process: Process): Pid {
    return this.guests === null ? process.pid : (this.guests.get(process) ?? process.pid)
  }

  /** A process takes its place; what had it before is over. */
  private seat(process: Process, index: number): void {
    const earlier = this.processTable[index]
    if (earlier !== undefined) this.drop(earlier)
    this.processTable[index] = process
    const part = index >>> PART_BITS
    if (this.here[part] === ELSEWHERE) this.here[part] = HERE
    else if (this.here[part] === PARTLY) this.moved.delete(index)
  }

  /** A process has been ended from outside. */
  drop(process: Process): void {
    if (this.guests !== null) this.guests.delete(process)
    this.host.buried(process)
  }

  isFar(to: Pid | Ref): boolean {
    const part = this.here[to.index >>> PART_BITS]
    return part !== HERE && this.away !== null && (part !== PARTLY || this.moved.has(to.index))
  }

  /** Another scheduler asks for processes: those that can be made elsewhere of what they are go there. */
  sendOffered(): void {
    const { words } = this
    const to = words[LEAVING_TO] as number
    const end = LEAVING + (words[LEAVING_LEN] as number)
    words[LEAVING_LEN] = 0
    for (let at = LEAVING; at < end; at += 3 + (words[at + 2] as number)) this.sendAway(at, to)
  }

  private sendAway(at: number, to: number): void {
    const { words } = this
    const index = words[at] as number
    const process = this.processTable[index]
    const serial = words[at + 1] as number
    const handles = process === undefined ? null : this.packed(process, at)
    words[A0] = index
    words[A1] = serial
    if (handles === null) {
      words[A2] = process === undefined || process.mobility === Mobility.None ? 1 : 0
      this.addon.stay()
      return
    }
    words[A2] = to
    words[A3] = handles
    words[A4] = at
    this.addon.moveOut()
    const isGone = words[R0] !== 0
    this.loop.forget()
    if (!isGone || process === undefined) return
    this.processTable[index] = undefined
    this.noteMoved(index)
    process.ended = true
    process.bury()
  }

  private noteMoved(index: number): void {
    this.here[index >>> PART_BITS] = PARTLY
    this.moved.add(index)
  }

  /** Writes records of a process and its messages, these over their handles in the offer at `at`; the process's, or null when it stays. */
  private packed(process: Process, at: number): number | null {
    const { words } = this
    // What it called those whose DOWN is still to come is known here alone.
    if (this.monitorNames.has(process)) return null
    const blueprint = process.pack()
    if (blueprint === null) return null
    const away = this.away as Away
    const first = at + 3
    const end = first + (words[at + 2] as number)
    try {
      return away.recordAll((put) => {
        const record = put(blueprint)
        for (let place = first; place < end; place++) {
          const handle = words[place] as number
          if (handle < FRAGMENT) words[place] = put(this.values.peek(handle))
        }
        return record
      })
    } catch (error) {
      // Its state or a message is no term: it is bound to this isolate.
      if (!(error instanceof VigaError)) throw error
      return null
    }
  }

  /** There is more work than one share of time: schedulers balance theirs, and one that is to get some may have no isolate yet. */
  balance(): void {
    if (this.alone) return
    this.addon.balance()
    const scheduler = this.words[WANTED] as number
    if (scheduler !== 0) this.host.want(scheduler)
  }

  /** Handle of a message for `to`: the value itself, or for a process of another scheduler its record. */
  private handleFor(to: Pid | Ref, message: unknown, name: string): number {
    if (this.here[to.index >>> PART_BITS] === HERE || !this.isFar(to)) return this.values.store(message)
    return (this.away as Away).record(message, name)
  }

  /** Handle of a reason, which may have to be told to processes of other schedulers. */
  private reasonHandle(reason: unknown): number {
    const constant = this.values.constantOf(reason)
    if (constant !== -1) return constant
    return this.away === null ? this.values.store(reason) : this.away.reason(reason)
  }

  private refill(): boolean {
    const words = this.words
    if (words[this.slice + SLICE_MORE] === 0) {
      this.drained = words[OUTBOX_LEN] === 0
      return false
    }
    this.addon.refill()
    const start = words[this.slice + SLICE_WINDOW_START] as number
    const length = words[this.slice + SLICE_WINDOW_LEN] as number
    this.windowPlace = start
    this.windowEnd = start + length
    this.drained = length === 0
    return length !== 0
  }

  /** Gives the rest of the window back, so that the mailbox in Rust is whole. */
  private returnWindow(): void {
    if (this.windowPlace === this.windowEnd) return
    this.words[A0] = this.windowPlace - (this.words[this.slice + SLICE_WINDOW_START] as number)
    this.addon.returnWindow()
    this.windowEnd = this.windowPlace
  }

  /** What the slice in progress has taken is taken off the length of its mailbox, for those who ask now. */
  private settleLength(): void {
    const process = this.current
    if (process === null) return
    const taken = this.windowPlace - (this.words[this.slice + SLICE_WINDOW_START] as number)
    const fewer = taken - this.heldDelta
    this.holdOutside(process, -fewer)
    this.heldDelta += fewer
  }

  /** An EXIT or a DOWN that Rust made, taken by `process`. */
  private systemMessage(process: Process, handle: number): unknown {
    const words = this.words
    words[A0] = handle
    this.addon.systemMessage()
    if (words[R0] === 2) {
      ;(this.away as Away).growSingle(words[R1] as number)
      return this.systemMessage(process, handle)
    }
    const pid = this.pidOf(words[R1] as number, (words[R2] as number) >>> 0)
    const named = words[R3] as number
    const reason =
      named < FRAGMENT ? this.host.copyReason(this.values.peek(named)) : (this.away as Away).readSingle()
    if (words[R0] === 0) return { type: 'EXIT', from: pid, reason }
    const id = refId(words[R4] as number, words[R5] as number)
    const ref = new Ref(process.pid.index, process.pid.serial, id)
    const name = this.monitorNames.take(process, id)
    return name === undefined ? { type: 'DOWN', ref, pid, reason } : { type: 'DOWN', ref, pid, name, reason }
  }

  charge(reductions: number): void {
    this.reductions += reductions
  }

  get spent(): boolean {
    return this.reductions >= SLICE_REDUCTIONS
  }

  send(to: Pid, message: unknown): void {
    const words = this.words
    const handle = this.handleFor(to, message, 'message')
    const place = this.outbox(4)
    words[place] = COMMAND_SEND
    writePid(words, place + 1, to)
    words[place + 3] = handle
    this.reductions++
  }

  sendAlias(alias: Ref, message: unknown): void {
    this.referenceCommand(COMMAND_SEND_ALIAS, alias, this.handleFor(alias, message, 'message'))
  }

  reply(ref: Ref, value: unknown): void {
    this.referenceCommand(COMMAND_REPLY, ref, this.handleFor(ref, value, 'reply'))
  }

  private referenceCommand(command: number, ref: Ref, handle: number): void {
    const words = this.words
    const place = this.outbox(8)
    words[place] = command
    writePid(words, place + 1, ref)
    words[place + 3] = handle
    writeReference(words, place + 4, ref)
    this.reductions++
  }

  call(process: Process, target: Pid, ref: Ref, request: unknown, timeout: number): void {
    const words = this.words
    const handle = this.handleFor(target, request, 'request')
    const place = this.outbox(8)
    words[place] = COMMAND_CALL
    writePid(words, place + 1, target)
    words[place + 3] = handle
    writeReference(words, place + 4, ref)
    words[place + 6] = timeoutWord(timeout)
    words[place + 7] = this.placeOf(process).index
    this.reductions++
  }

  /** Room for so many words of the outbox; the place of the first. A turn will come that works it off. */
  private outbox(words: number): number {
    let length = this.words[OUTBOX_LEN] as number
    if (length + words > OUTBOX_WORDS) {
      this.addon.sync()
      length = 0
    }
    this.words[OUTBOX_LEN] = length + words
    this.loop.soon()
    return OUTBOX + length
  }

  abandon(process: Process, ref: Ref): boolean {
    writePid(this.words, A0, this.placeOf(process))
    writeReference(this.words, A2, ref)
    this.addon.abandon()
    return this.words[R0] !== 0
  }

  // --- processes -----------------------------------------------------------------------------------------------------------

  spawn(
    process: Process,
    parent: Process,
    link: boolean,
    monitor: Ref | null,
    priority: Priority,
    scheduler = 0,
  ): Pid {
    if (scheduler !== 0 && scheduler !== this.scheduler) return this.spawnAway(process, parent, link, monitor, priority, scheduler)
    const words = this.words
    let reserved = words[RESERVED_LEN] as number
    if (reserved === 0) reserved = this.reserve()
    words[RESERVED_LEN] = --reserved
    const index = words[RESERVED + reserved * 2] as number
    const serial = words[RESERVED + reserved * 2 + 1] as number
    const pid = new Pid<unknown>(index, serial >>> 0)
    process.pid = pid
    this.seat(process, index)
    const place = this.outbox(8)
    words[place] = COMMAND_SPAWN
    words[place + 1] = index
    words[place + 2] = serial
    const how = link ? priority | SPAWN_LINKED : priority
    words[place + 3] = process.blueprint !== null && scheduler === 0 ? how | (process.mobility << MOBILITY_SHIFT) : how
    words[place + 4] = monitor === null ? 0 : monitor.id
    words[place + 5] = monitor === null ? 0 : monitor.id / TWO_32
    writePid(words, place + 6, this.placeOf(parent))
    if (link && this.current === parent) words[this.slice + SLICE_QUIET] = 0
    this.reductions += SPAWN_REDUCTIONS
    return pid
  }

  private spawnAway(
    process: Process,
    parent: Process,
    link: boolean,
    monitor: Ref | null,
    priority: Priority,
    scheduler: number,
  ): Pid {
    const words = this.words
    const blueprint = (this.away as Away).record(process.blueprint, 'blueprint')
    words[A0] = scheduler
    words[A1] = link ? priority | SPAWN_LINKED : priority
    words[A2] = monitor === null ? 0 : monitor.id
    words[A3] = monitor === null ? 0 : monitor.id / TWO_32
    writePid(words, A4, this.placeOf(parent))
    words[A6] = blueprint
    this.addon.spawnAway()
    if (words[R0] === 0) throw tableFull(words[R1] as number)
    this.reductions += SPAWN_REDUCTIONS
    return new Pid(words[R1] as number, (words[R2] as number) >>> 0)
  }

  become(arriving: Process, real: Process): void {
    const { index } = this.placeOf(arriving)
    if (this.processTable[index] !== arriving) return
    real.pid = arriving.pid
    const place = this.guests === null ? undefined : this.guests.get(arriving)
    if (this.guests !== null && place !== undefined) {
      this.guests.delete(arriving)
      this.guests.set(real, place)
    }
    this.processTable[index] = real
  }

  /** Asks for places for new processes; how many there are. */
  private reserve(): number {
    this.addon.reserve()
    this.loop.forget()
    const reserved = this.words[RESERVED_LEN] as number
    if (reserved === 0) throw tableFull(this.words[R0] as number)
    return reserved
  }

  exit(process: Process, reason: unknown): void {
    const words = this.words
    const { index, serial } = this.placeOf(process)
    if (this.processTable[index] !== process) return
    this.processTable[index] = undefined
    this.endedSince = true
    // Nobody is linked with it or watches it: its end may take effect with what it has sent.
    if (this.current === process && words[this.slice + SLICE_QUIET] === 1) {
      const place = this.outbox(4)
      const constant = this.values.constantOf(reason)
      words[place] = COMMAND_EXIT
      words[place + 1] = index
      words[place + 2] = serial
      words[place + 3] = constant === -1 ? this.values.store(reason) : constant
      return
    }
    const handle = this.reasonHandle(reason)
    words[A0] = index
    words[A1] = serial
    words[A2] = handle
    this.addon.exit()
    this.loop.forget()
    this.loop.soon()
  }

  resume(process: Process): void {
    writePid(this.words, A0, this.placeOf(process))
    this.addon.resume()
    this.loop.soon()
  }

  takeOutside(process: Process, timeout: number): unknown {
    const words = this.words
    writePid(this.words, A0, this.placeOf(process))
    words[A2] = timeout === 0 ? 0 : timeoutWord(timeout)
    this.addon.takeOutside()
    this.loop.soon()
    this.drained = true
    if (words[R0] === 0) return EMPTY
    const handle = words[R1] as number
    if (handle < 0) return this.systemMessage(process, handle)
    return handle < FRAGMENT ? this.values.take(handle) : this.readFragment(handle, true)
  }

  holdOutside(process: Process, delta: number): void {
    writePid(this.words, A0, this.placeOf(process))
    this.words[A2] = delta
    this.addon.holdOutside()
  }

  /** Tells the heirs of processes that have ended which tables they have now. */
  tellHeirs(): void {
    this.endedSince = false
    for (const { table, heir, from, data } of this.tables.takeInheritances())
      this.send(heir, etsTransfer(table, from, data))
  }

  // --- signals ---------------------------------------------------------------------------------------------------------------

  link(process: Process, other: Pid): void {
    writePid(this.words, A0, this.placeOf(process))
    writePid(this.words, A2, other)
    this.addon.link()
    this.loop.forget()
    this.loop.soon()
  }

  unlink(process: Process, other: Pid): void {
    writePid(this.words, A0, this.placeOf(process))
    writePid(this.words, A2, other)
    this.addon.unlink()
  }

  monitor(process: Process, target: Pid, ref: Ref, alias: AliasMode, name: string | null): void {
    const words = this.words
    writePid(this.words, A0, this.placeOf(process))
    writePid(this.words, A2, target)
    writeReference(words, A4, ref)
    words[A6] = alias
    if (name !== null) this.monitorNames.keep(process, ref, name)
    this.addon.monitor()
    this.loop.soon()
  }

  monitorMissing(process: Process, ref: Ref, name: string): void {
    this.monitorNames.keep(process, ref, name)
    writePid(this.words, A0, this.placeOf(process))
    writeReference(this.words, A2, ref)
    this.addon.downMissing()
    this.loop.soon()
  }

  demonitor(process: Process, ref: Ref, flush: boolean): boolean {
    if (flush && this.current === process) this.returnWindow()
    writePid(this.words, A0, this.placeOf(process))
    writeReference(this.words, A2, ref)
    this.words[A4] = flush ? 1 : 0
    this.addon.demonitor()
    const found = this.words[R0] !== 0
    if (found || flush) this.monitorNames.take(process, ref.id)
    return found
  }

  alias(process: Process, ref: Ref, mode: AliasMode): void {
    writePid(this.words, A0, this.placeOf(process))
    writeReference(this.words, A2, ref)
    this.words[A4] = mode
    this.addon.alias()
  }

  unalias(process: Process, ref: Ref): boolean {
    writePid(this.words, A0, this.placeOf(process))
    writeReference(this.words, A2, ref)
    this.addon.unalias()
    return this.words[R0] !== 0
  }

  signalExit(process: Process, to: Pid, reason: unknown): void {
    const handle = this.reasonHandle(reason)
    writePid(this.words, A0, this.placeOf(process))
    writePid(this.words, A2, to)
    this.words[A4] = handle
    this.addon.signalExit()
    this.loop.forget()
    this.loop.soon()
  }

  // --- flags, names, timers ----------------------------------------------------------------------------------------------------

  setTrapExit(process: Process, trap: boolean): boolean {
    writePid(this.words, A0, this.placeOf(process))
    this.words[A2] = trap ? 1 : 0
    this.addon.setTrapExit()
    return this.words[R0] !== 0
  }

  setPriority(process: Process, priority: Priority): Priority {
    writePid(this.words, A0, this.placeOf(process))
    this.words[A2] = priority
    this.addon.setPriority()
    return this.words[R0] as Priority
  }

  hibernate(process: Process): void {
    // A waiting process holds a table entry and nothing else in Rust; what can go is on this side.
    process.putAside?.compact()
  }

  register(name: string, pid: Pid): 'ok' | 'taken' | 'noproc' {
    writePid(this.words, A0, pid)
    this.addon.register(name)
    const code = this.words[R0]
    return code === 0 ? 'ok' : code === 1 ? 'taken' : 'noproc'
  }

  unregister(name: string): boolean {
    this.addon.unregister(name)
    return this.words[R0] !== 0
  }

  whereis(name: string): Pid | undefined {
    const words = this.words
    this.addon.whereis(name)
    return words[R0] === 0 ? undefined : this.pidOf(words[R1] as number, (words[R2] as number) >>> 0)
  }

  registered(): string[] {
    return this.addon.registered()
  }

  startTimer(milliseconds: number, to: Pid, message: unknown): number {
    const words = this.words
    const handle = this.handleFor(to, message, 'message')
    writePid(this.words, A0, to)
    words[A2] = milliseconds
    words[A3] = handle
    this.addon.startTimer()
    this.loop.soon()
    return (words[R1] as number >>> 0) * TWO_32 + ((words[R0] as number) >>> 0)
  }

  cancelTimer(timer: number): number {
    this.words[A0] = timer
    this.words[A1] = timer / TWO_32
    this.addon.cancelTimer()
    return this.words[R0] === 0 ? -1 : (this.words[R1] as number) >>> 0
  }

  readTimer(timer: number): number {
    this.words[A0] = timer
    this.words[A1] = timer / TWO_32
    this.addon.readTimer()
    return this.words[R0] === 0 ? -1 : (this.words[R1] as number) >>> 0
  }

  // --- introspection -------------------------------------------------------------------------------------------------------------

  isAlive(pid: Pid): boolean {
    writePid(this.words, A0, pid)
    this.addon.isAlive()
    return this.words[R0] !== 0
  }

  processOf(pid: Pid): Process | undefined {
    const process = this.processTable[pid.index]
    return process !== undefined && samePid(process.pid, pid) && this.isAlive(pid) ? process : undefined
  }

  processes(): Pid[] {
    const words = this.addon.processes()
    return Array.from({ length: words.length / 2 }, (_, place) =>
      this.pidOf(words[place * 2] as number, words[place * 2 + 1] as number),
    )
  }

  processFacts(pid: Pid): ProcessFacts | undefined {
    this.settleLength()
    writePid(this.words, A0, pid)
    const answer = this.addon.processFacts()
    if (answer === undefined) return undefined
    const facts = readProcessFacts(answer)
    return facts.parent !== null && samePid(facts.parent, pid) ? { ...facts, parent: null } : facts
  }

  systemFacts(): SystemFacts {
    this.settleLength()
    const { memory: _, ...facts } = readSystemFacts(this.addon.systemFacts())
    return { ...facts, schedulers: readSchedulerFacts(this.addon.schedulerFacts()) }
  }

  allocators(): AllocatorFacts[] {
    const { memory } = readSystemFacts(this.addon.systemFacts())
    return [
      { kind: 'processes', blocks: 1, blockBytes: memory, carriers: 1, carrierBytes: memory, allocations: 0, frees: 0 },
      ...readAllocatorFacts(this.addon.allocatorFacts()),
    ]
  }

  /**
   * The pid object that the process has, where it lives here; two objects for one process are equal all the same. In the place of
   * that index may be a guest, which has another pid.
   */
  private pidOf(index: number, serial: number): Pid {
    const pid = this.processTable[index]?.pid
    return pid !== undefined && pid.index === index && pid.serial === serial ? pid : new Pid(index, serial)
  }
}
