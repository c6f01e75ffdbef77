/**
 * The one seam between viga's public layer and what executes it. Two engines implement it: `native` (the Rust core behind
 * the addon) and `pure` (TypeScript alone). Nothing above this file knows which one runs, and everything a process may
 * observe must be the same on both: ts/test/conformance holds them, and real Erlang, to that.
 *
 * Conventions
 * - Values that reach an engine as messages, requests, replies or reasons are already private copies (term/copy.ts).
 *   An exit reason may reach several processes; an engine copies it for each receiver when it is delivered.
 * - `Process` objects belong to the public layer; an engine keeps one per live process and calls `run` for each slice.
 * - Methods that take a `Process` act for it; methods that take a `Pid` act on whatever is alive under it, or on nothing.
 */
import type { Process } from '../process/process.js'
import type { Pid } from '../pid.js'
import type { Ref } from '../ref.js'
import type { TraceContext } from '../trace-context.js'
import type { RegistryStore, TableStore } from './stores.js'

/** What `take` returns when there is no message (or the slice's reductions are spent). Never a message. */
export const EMPTY: unique symbol = Symbol('viga.empty')

/** Why a slice begins. */
export const Wake = {
  /** The first slice of a process. */
  Start: 0,
  /** Messages are waiting (or the last slice was cut short), see `take`. */
  Message: 1,
  /** The receive timeout that was armed has fired; messages may be waiting too, and go first. */
  Timeout: 2,
  /** A call has come to its end: `outcomeRef`, `outcomeStatus` and `outcomeValue` tell which and how. */
  Outcome: 3,
  /** `resume` was called. */
  Resume: 4,
} as const
export type Wake = (typeof Wake)[keyof typeof Wake]

/** How a slice ended, returned by `Process.run`. */
export const SliceEnd = {
  /** Waits for a message, a timeout (`waitTimeout`) or an outcome. Runs again at once if messages are left. */
  Wait: 0,
  /** Runnable: goes to the back of its queue. */
  Yield: 1,
  /** Waits for the outcome of its call; messages do not wake it. */
  Outcome: 2,
  /** Waits for `resume` (or an outcome); messages do not wake it. */
  Hold: 3,
  /** Has ended: `exit` was called for it. */
  Exit: 4,
  /** Is not ready for its first slice yet, which comes after `resume`, with Wake.Start. */
  Arriving: 5,
} as const
export type SliceEnd = (typeof SliceEnd)[keyof typeof SliceEnd]

/** How a call came to its end. */
export const OutcomeStatus = {
  /** `outcomeValue` is the reply. */
  Reply: 0,
  /** The callee ended, or was not there ('noproc'): `outcomeValue` is the reason. */
  Down: 1,
  /** No reply within the time given. A reply that comes later is dropped. */
  Timeout: 2,
} as const
export type OutcomeStatus = (typeof OutcomeStatus)[keyof typeof OutcomeStatus]

/** When a process may go to another scheduler without being asked to. */
export const Mobility = {
  /** Never. */
  None: 0,
  /** Until its first slice. */
  Unstarted: 1,
  /** Then, and between slices when it says so (`Process.pack`). */
  AtRest: 3,
} as const
export type Mobility = (typeof Mobility)[keyof typeof Mobility]

export const Priority = { Max: 0, High: 1, Normal: 2, Low: 3 } as const
export type Priority = (typeof Priority)[keyof typeof Priority]

/** When an alias made together with a monitor ends. */
export const AliasMode = {
  /** Not an alias: a plain monitor. */
  None: 0,
  /** Until `unalias`. */
  Explicit: 1,
  /** Until `unalias`, `demonitor` or the DOWN. */
  Demonitor: 2,
  /** Like Demonitor, and with the first message that comes through it. */
  Reply: 3,
} as const
export type AliasMode = (typeof AliasMode)[keyof typeof AliasMode]

export type ProcessStatus = 'running' | 'runnable' | 'waiting' | 'held' | 'exiting'

/** What an engine knows of one process, without asking it. Sizes in bytes. */
export interface ProcessFacts {
  readonly status: ProcessStatus
  readonly priority: Priority
  readonly trapExit: boolean
  readonly messageQueueLength: number
  readonly reductions: number
  readonly parent: Pid | null
  readonly links: Pid[]
  /** Processes this one monitors. */
  readonly monitors: Pid[]
  /** Processes that monitor this one. */
  readonly monitoredBy: Pid[]
  readonly names: string[]
  /** What the runtime holds for the process: table entry, mailbox, links, monitors. V8's share is not in it. */
  readonly memory: number
}

/**
 * `running`: has work; `spinning`: looks for some; `parked`: sleeps, or its thread is elsewhere; `down`: has no thread, because
 * nothing has needed it yet or because it has ended.
 */
export type SchedulerState = 'running' | 'spinning' | 'parked' | 'down'

/** Where the wall time of a scheduler went since it was made, in µs. */
export interface WallTime {
  /** With work. */
  readonly active: number
  /** Looking for work. */
  readonly spinning: number
  /** Asleep, or without a thread. */
  readonly parked: number
  readonly total: number
}

/** What is known of one scheduler, without asking it: also while it is stuck. What its slice in progress does is not counted yet. */
export interface SchedulerFacts {
  readonly id: number
  /** Takes work, see `Runtime.setSchedulersOnline`. */
  readonly online: boolean
  readonly state: SchedulerState
  /** Processes that live there. */
  readonly processes: number
  /** Messages that wait in their mailboxes. */
  readonly messages: number
  /** Messages and reasons that came from other schedulers and were not taken yet. */
  readonly fragments: number
  readonly slices: number
  readonly reductions: number
  /** Processes that are ready, by priority. */
  readonly runQueue: { readonly max: number; readonly high: number; readonly normal: number; readonly low: number }
  /** Times that it slept and something woke it. On the native engine those from other threads, of which its own timers are none. */
  readonly wakeups: number
  /** Times that it looked for work before it slept, and how many of them found some. */
  readonly spins: { readonly count: number; readonly found: number }
  /** Processes that have moved to it because it had nothing to do and asked for some; `migrations.in` counts them too. */
  readonly steals: number
  /** Processes that have moved to it and from it for the balance of load. */
  readonly migrations: { readonly in: number; readonly out: number }
  readonly wallTime: WallTime
}

export interface SystemFacts {
  readonly processCount: number
  readonly processLimit: number
  readonly timerCount: number
  readonly nameCount: number
  readonly monitorCount: number
  readonly linkCount: number
  /** Messages waiting in all mailboxes. */
  readonly messageCount: number
  /** All schedulers, the first one first. */
  readonly schedulers: readonly SchedulerFacts[]
}

/** Memory the engine holds outside V8's heap, by allocator type, on all threads; bytes. The pure engine has no allocator: it gives one estimate, `total`. */
export interface AllocatorFacts {
  readonly kind: string
  readonly blocks: number
  readonly blockBytes: number
  readonly carriers: number
  readonly carrierBytes: number
  readonly allocations: number
  readonly frees: number
}

export interface EngineOptions {
  /** Most processes alive at once. */
  readonly processLimit: number
  /** Schedulers of the system that this isolate starts; 1 unless given. */
  readonly schedulers?: number
  /** How many of them take work at first; all unless given. */
  readonly online?: number
  /** µs that a scheduler without work looks for some before it sleeps. */
  readonly busyWait?: number
  /** Processes that wait in the queue of a scheduler when it wakes another one. */
  readonly wakeupThreshold?: number
  /** Work stays on few schedulers while they keep up. */
  readonly compactLoad?: boolean
  /** This isolate is a further scheduler of a system that runs already. */
  readonly join?: { readonly system: number; readonly scheduler: number }
}

/** How a process can be started on another scheduler. All of it are terms. */
export interface Blueprint {
  /** Who makes a process of it: 'function', 'server' ... */
  readonly kind: string
  /** The module that defines it. */
  readonly url: string
  /** The name under which that module exports it. */
  readonly name: string
  readonly args: readonly unknown[]
  readonly options?: unknown
  /** Of the parent, when that is in a trace. */
  readonly trace?: TraceContext
}

/** How the engine tells the public layer of things no slice asked for. */
export interface Host {
  /** A process was ended by a signal (not by its own return or throw). Its body is dropped and never run again. */
  buried(process: Process): void
  /** A private copy of a reason for one more receiver. */
  copyReason(reason: unknown): unknown
  /** A process that another scheduler has sent here: to be given a pid and its first slice. Never throws. */
  arrive(blueprint: Blueprint): Process
  /** Work waits for a scheduler that has no isolate yet. */
  want(scheduler: number): void
}

export interface Engine {
  readonly kind: 'native' | 'pure'
  /** Number of this isolate's scheduler, from 1. */
  readonly scheduler: number
  /** Schedulers of the whole system. */
  readonly schedulers: number
  /** Names the system to isolates that join it. */
  readonly system: number

  // --- the slice in progress: fields, read and written by Process.run and what it calls ---------------------------

  /** The process whose slice runs on this stack, or null outside slices. */
  readonly current: Process | null
  /** Set before `run` when the armed receive timeout has fired. */
  readonly timedOut: boolean
  /** Outcome of a call, valid during a slice begun with Wake.Outcome. */
  readonly outcomeRef: number
  readonly outcomeStatus: OutcomeStatus
  readonly outcomeValue: unknown
  /**
   * Set by the body before it returns Wait: milliseconds to arm a receive timeout, -1 for none (cancels an armed one),
   * -2 to leave an armed one as it is. Reset to -1 before each slice.
   */
  waitTimeout: number
  /**
   * Messages taken from the mailbox but put aside by a selective receive count as still waiting: bodies add 1 for a
   * message put aside, subtract 1 when one put aside is taken after all.
   */
  heldDelta: number

  /** Next message of the current process in arrival order, or EMPTY (none left, or reductions spent). */
  take(): unknown
  /** True when `take` said EMPTY because nothing is waiting, false when only because reductions were spent. */
  readonly drained: boolean
  /** Charges the current process; a slice ends at the next `take` after 4,000. */
  charge(reductions: number): void
  /** The reductions of the slice in progress are spent: what could go on without a `take` gives way. */
  readonly spent: boolean

  // --- processes ----------------------------------------------------------------------------------------------------

  /** Starts the engine on this thread. `root` becomes process 0: alive for ever, deaf to exit signals. */
  start(root: Process, host: Host, options: EngineOptions): void
  /** So many schedulers take work from now on, 1 to all, the first ones. How many did before. */
  setOnline(schedulers: number): number
  /** Ends every process without signals and releases everything held for them. Nothing may be called afterwards. */
  stop(): void
  /**
   * Gives `process` a pid and makes it runnable. It is linked with `parent` if `link`, and `parent` monitors it under the reference
   * `monitor`, made for it, unless that is null. Throws ERR_VIGA_SYSTEM_LIMIT when the table is full.
   *
   * With a `scheduler` other than this one's, the blueprint of `process` is sent there, and `process` itself is not used. Throws
   * ERR_VIGA_NOT_A_TERM when the blueprint is no term.
   */
  spawn(process: Process, parent: Process, link: boolean, monitor: Ref | null, priority: Priority, scheduler?: number): Pid
  /** `real` takes the place of `arriving`, a process whose slice ended with Arriving, under its pid. */
  become(arriving: Process, real: Process): void
  /** The body of `process` has ended: settles names, tables, links, monitors, timers, in that order. */
  exit(process: Process, reason: unknown): void
  /**
   * A process that waits or is held may run: its next slice begins with Wake.Resume. May be called at any time, from
   * anywhere; a process that is runnable or running gets a slice more.
   */
  resume(process: Process): void
  /**
   * For code of a process that runs between slices (promise continuations, the root process): takes the next message, or EMPTY, after which the
   * process waits as if a slice had ended with Wait and `timeout` (as in waitTimeout). Timeout 0 polls: after EMPTY
   * nothing is armed and the process stays held.
   */
  takeOutside(process: Process, timeout: number): unknown
  /** The held-back count changes outside a slice (see heldDelta). */
  holdOutside(process: Process, delta: number): void
  /** An asynchronous body has been resumed: promise jobs must run before the engine's loop goes on. */
  microtasksDue: boolean

  // --- signals --------------------------------------------------------------------------------------------------------

  /**
   * True when what is sent to `to` (or the owner of that reference) leaves this isolate: the engine then copies it by encoding it, and
   * refuses what is no term, so it need not be a private copy.
   */
  isFar(to: Pid | Ref): boolean
  send(to: Pid, message: unknown): void
  /** Sends through an alias (the Ref carries its owner); dropped unless it is active. */
  sendAlias(alias: Ref, message: unknown): void
  link(process: Process, other: Pid): void
  unlink(process: Process, other: Pid): void
  /** `ref` was made for `process`. A dead target delivers DOWN 'noproc' at once. `name` is given back in the DOWN. */
  monitor(process: Process, target: Pid, ref: Ref, alias: AliasMode, name: string | null): void
  /** A monitor by name of a name nobody has: DOWN 'noproc' with that name. */
  monitorMissing(process: Process, ref: Ref, name: string): void
  /** False when there was no such monitor (any more). `flush` removes its DOWN from the mailbox. */
  demonitor(process: Process, ref: Ref, flush: boolean): boolean
  alias(process: Process, ref: Ref, mode: AliasMode): void
  /** False when the alias was not active. */
  unalias(process: Process, ref: Ref): boolean
  /** exit(pid, reason): an exit signal from `process`. */
  signalExit(process: Process, to: Pid, reason: unknown): void

  // --- calls: monitor, alias, request and timeout in one ----------------------------------------------------------------

  /**
   * Sends `request` to `target`, and has the outcome delivered to `process`: exactly one of reply, down or timeout.
   * `ref` was made for `process`; `timeout` in ms or Infinity.
   */
  call(process: Process, target: Pid, ref: Ref, request: unknown, timeout: number): void
  /** Answers the call `ref` (which names the caller); dropped when it is over. Any process may answer, once. */
  reply(ref: Ref, value: unknown): void
  /** Gives a pending call up: no outcome will come. False when it was not pending any more; an outcome may be on its way then. */
  abandon(process: Process, ref: Ref): boolean

  // --- flags, names, timers ----------------------------------------------------------------------------------------------

  /** Returns the old value. */
  setTrapExit(process: Process, trap: boolean): boolean
  setPriority(process: Process, priority: Priority): Priority
  /** The process gives up what it can (mailbox arena); it wakes with its next message. */
  hibernate(process: Process): void
  /** False when the name is taken; throws nothing. One process may hold several names on viga. */
  register(name: string, pid: Pid): 'ok' | 'taken' | 'noproc'
  unregister(name: string): boolean
  whereis(name: string): Pid | undefined
  registered(): string[]
  /** Delivers `message` to `to` after `milliseconds` (rounded up to the wheel's 1 ms). Ends with its target. */
  startTimer(milliseconds: number, to: Pid, message: unknown): number
  /** Milliseconds that were left, or -1 when it has fired or never was. */
  cancelTimer(timer: number): number
  readTimer(timer: number): number

  // --- introspection ----------------------------------------------------------------------------------------------------

  isAlive(pid: Pid): boolean
  /** The live process under `pid`, if it runs on this isolate. */
  processOf(pid: Pid): Process | undefined
  processes(): Pid[]
  processFacts(pid: Pid): ProcessFacts | undefined
  systemFacts(): SystemFacts
  allocators(): AllocatorFacts[]

  readonly tables: TableStore
  readonly registries: RegistryStore
}
