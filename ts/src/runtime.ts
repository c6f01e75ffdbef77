import { pathToFileURL } from 'node:url'
import { arrive } from './arrival.js'
import { isDirtyWorker } from './dirty-mark.js'
import { type DirtyOptions, type DirtySettings, installDirtySettings, settleDirty } from './dirty-settings.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import type { Engine, EngineOptions, Host } from './engine/engine.js'
import { type EngineChoice, selectEngine } from './engine/select.js'
import { IsolatePage, newPage, setIsolatePage } from './isolate-page.js'
import type { Pid } from './pid.js'
import type { Process } from './process/process.js'
import { watchEnteredStores } from './process/entered-stores.js'
import { isOrderly } from './process/reason.js'
import { RootProcess } from './process/root-process.js'
import { type CrashReport, type CrashReporter, reportOnStderr } from './report.js'
import { installBoot, installEnder, installStarter, setRuntime, startedEngine, wantScheduler } from './runtime-state.js'
import type { SchedulerData, SchedulerMessage } from './scheduler-messages.js'
import { type SchedulerOptions, type Settings, settle, spinMicroseconds, wakeupLength } from './settings.js'
import { copyReason } from './term/copy.js'
import { decodeTerm } from './term/decode.js'
import { describe } from './term/refusal.js'
import { sizeThreadPool } from './thread-pool.js'
import { arriveInTrace, traceEngine } from './tracing.js'
import { VERSION } from './version.js'
import { reportSchedulerOnStderr, type SchedulerReporter, WorkerPool } from './worker-pool.js'

export interface RuntimeOptions extends SchedulerOptions, DirtyOptions {
  /** `native`, `pure`, or `auto` (default: VIGA_ENGINE if set, else native where it loads, with a line when it does not). */
  readonly engine?: EngineChoice
  /**
   * Told once of each process that an error ends; writes lines on stderr unless given. It is called in the place of that process, so
   * it may send, but not spawn, link or monitor. Of processes on other schedulers it is told a little later, outside any process.
   */
  readonly onCrash?: CrashReporter
  /** Told of each further scheduler whose thread has ended while the runtime runs; writes a line on stderr unless given. */
  readonly onSchedulerDown?: SchedulerReporter
  /**
   * The file that the threads of further schedulers begin with, for programs that bundle viga: one that calls runScheduler(). A file:
   * URL, or a path.
   */
  readonly workerEntry?: URL | string
}

/** Where the copy of viga that runs in this isolate leaves its mark, so that a second copy is refused, not half working. */
const mark = Symbol.for('viga.runtime')
type Marked = { [mark]?: { readonly version: string; readonly from: string } }

let reporter: CrashReporter = reportOnStderr

function claimIsolate(): void {
  const other = (globalThis as Marked)[mark]
  if (other !== undefined)
    throw new VigaError(
      ErrorCode.DuplicatePackage,
      `viga ${VERSION} (${import.meta.url}) cannot start: viga ${other.version} (${other.from}) runs in this thread already; install one copy`,
    )
  ;(globalThis as Marked)[mark] = { version: VERSION, from: import.meta.url }
}

function releaseIsolate(): void {
  delete (globalThis as Marked)[mark]
}

const host: Host = {
  buried(process) {
    process.ended = true
    process.bury()
  },
  copyReason,
  want: wantScheduler,
  arrive(blueprint) {
    const process = arrive(blueprint)
    if (blueprint.trace !== undefined) arriveInTrace(process, blueprint.trace)
    return process
  },
}

function endProcess(process: Process, reason: unknown): void {
  const engine = startedEngine()
  process.ended = true
  process.bury()
  if (engine === undefined) return
  if (!isOrderly(reason)) reportCrash(engine, process, reason)
  engine.exit(process, reason)
}

function reportCrash(engine: Engine, process: Process, reason: unknown): void {
  const facts = engine.processFacts(process.pid)
  const ancestors: Pid[] = []
  let parent = facts?.parent ?? null
  while (parent !== null && ancestors.length < 32) {
    ancestors.push(parent)
    parent = engine.processFacts(parent)?.parent ?? null
  }
  const stack =
    typeof reason === 'object' && reason !== null && 'stack' in reason && typeof reason.stack === 'string' ? reason.stack : ''
  report({ pid: process.pid, names: facts?.names ?? [], label: process.label, reason, stack, ancestors })
}

function report(crash: CrashReport): void {
  try {
    reporter(crash)
  } catch (error) {
    process.stderr.write(`viga: onCrash threw ${describeReason(error)} while told of ${String(crash.pid)}\n`)
  }
}

function refuseSecond(): void {
  const engine = startedEngine()
  if (engine === undefined) return
  throw new VigaError(
    ErrorCode.RuntimeStarted,
    engine.scheduler === 1
      ? 'Runtime.start: the runtime of this thread is running already; start it before the first use of viga, or stop it first (Runtime.current)'
      : `Runtime.start: this thread is scheduler ${engine.scheduler} of a runtime that runs, and loads this module for what it defines; ` +
        'keep definitions in modules of their own, or start the runtime only if (schedulerId() === 1)',
  )
}

function start(options: RuntimeOptions = {}): Runtime {
  refuseSecond()
  if (isDirtyWorker())
    throw new VigaError(
      ErrorCode.InDirtyWorker,
      'the runtime is not to be had in a thread of a dirty pool: what runs there is no process; return the result to the process that asked',
    )
  const asked = settle(options, process.env)
  const dirty = settleDirty(options, asked)
  const entry = entryOf(options.workerEntry)
  const { engine } = selectEngine(options.engine)
  // The pure engine has one scheduler, whatever number was asked for.
  const settings: Settings = engine.kind === 'pure' ? Object.freeze({ ...asked, schedulers: 1, online: 1 }) : asked
  if (settings.sizesThreadPool) sizeThreadPool(settings.threadPool)
  begin(engine, settings, dirty, options.onCrash ?? reportOnStderr, engineOptions(settings))
  const page = newPage(settings.schedulers)
  setIsolatePage(new IsolatePage(page, 1))
  const pool = new WorkerPool({
    data: { version: VERSION, system: engine.system, settings, dirty, page },
    resourceLimits: settings.workerResourceLimits,
    entry,
    told: (message) => toldByScheduler(message),
    down: options.onSchedulerDown ?? reportSchedulerOnStderr,
  })
  running = new Runtime(engine, settings, () => pool.stop())
  installStarter((scheduler) => pool.ensure(scheduler))
  if (settings.startAtOnce) for (let scheduler = 2; scheduler <= engine.schedulers; scheduler++) pool.ensure(scheduler)
  return running
}

/** What a thread that joins a running system tells of. */
export interface SchedulerOutlet {
  want(scheduler: number): void
  crash(report: CrashReport): void
  stop(): void
}

/** Makes this isolate a further scheduler of the system that `data` names. */
export function joinRuntime(data: SchedulerData, outlet: SchedulerOutlet): void {
  refuseSecond()
  const { settings, dirty, page, system, scheduler } = data
  const { engine } = selectEngine('native')
  begin(engine, settings, dirty, outlet.crash, { ...engineOptions(settings), join: { system, scheduler } })
  setIsolatePage(new IsolatePage(page, scheduler))
  running = new Runtime(engine, settings, async () => outlet.stop())
  installStarter(outlet.want)
}

/** Starts `engine` and makes it this isolate's. */
function begin(engine: Engine, settings: Settings, dirty: DirtySettings, report: CrashReporter, options: EngineOptions): void {
  claimIsolate()
  reporter = report
  installDirtySettings(dirty)
  const root = new RootProcess()
  root.label = settings.schedulers === 1 || options.join === undefined ? 'root' : `root of scheduler ${options.join.scheduler}`
  try {
    engine.start(root, host, options)
  } catch (error) {
    releaseIsolate()
    throw error
  }
  watchEnteredStores()
  if (settings.tracing) traceEngine(engine)
  setRuntime(engine, root)
}

function toldByScheduler(message: SchedulerMessage): void {
  switch (message.kind) {
    case 'want':
      wantScheduler(message.scheduler)
      break
    case 'crash':
      report(decodeTerm(message.report) as CrashReport)
      break
    case 'stop':
      running?.stop()
      break
    case 'joined':
      break
  }
}

function entryOf(given: URL | string | undefined): URL | undefined {
  if (given === undefined) return undefined
  if (given instanceof URL) return given
  if (typeof given === 'string') return given.startsWith('file:') ? new URL(given) : pathToFileURL(given)
  throw new VigaError(ErrorCode.BadArgument, `Runtime.start: workerEntry is ${describe(given)}; a file: URL or a path is allowed`)
}

function engineOptions(settings: Settings): EngineOptions {
  return {
    processLimit: settings.processLimit,
    schedulers: settings.schedulers,
    online: settings.online,
    busyWait: spinMicroseconds(settings.busyWait),
    wakeupThreshold: wakeupLength(settings.wakeupThreshold),
    compactLoad: settings.compactLoad,
  }
}

let running: Runtime | undefined

installBoot(() => {
  start()
  return startedEngine() as Engine
})
installEnder(endProcess)

/**
 * The runtime that this thread is part of: started on first use, or here, with options. In the threads of further schedulers it is the
 * one they belong to.
 */
export class Runtime implements AsyncDisposable {
  readonly #engine: Engine
  readonly #stopThreads: () => Promise<void>
  /** What is in force, from options, flags and defaults. */
  readonly settings: Settings

  /** Use {@link Runtime.start}. */
  constructor(engine: Engine, settings: Settings, stopThreads: () => Promise<void>) {
    this.#engine = engine
    this.settings = settings
    this.#stopThreads = stopThreads
  }

  /**
   * Starts the runtime with `options`.
   *
   * @throws ERR_VIGA_RUNTIME_STARTED, ERR_VIGA_ENGINE_UNAVAILABLE, ERR_VIGA_DUPLICATE_PACKAGE, ERR_VIGA_BAD_ARGUMENT, ERR_VIGA_BAD_FLAG.
   */
  static start(options?: RuntimeOptions): Runtime {
    return start(options)
  }

  /** The runtime that runs in this thread, however it was started. */
  static get current(): Runtime | undefined {
    return running
  }

  /** The engine that runs: 'native' or 'pure'. */
  get engine(): 'native' | 'pure' {
    return this.#engine.kind
  }

  /**
   * Lets so many schedulers take work, the first ones; returns how many did before. May be called on any of them.
   *
   * A scheduler that takes none gets no processes from others and gives away those that may move, when they become ready. It still
   * runs, and starts, what is pinned to it or may not move; and what those spawn begins there, and goes away if it may. A process that
   * has moved there once stays. When more schedulers take work again, load spreads to them. Takes effect within a tenth of a second.
   * O(schedulers).
   *
   * @throws ERR_VIGA_BAD_ARGUMENT unless it is a whole number from 1 to the number of schedulers.
   * @example
   * runtime.setSchedulersOnline(1) // 4: leaves the other cores to others for a while
   */
  setSchedulersOnline(schedulers: number): number {
    const all = this.#engine.schedulers
    if (!Number.isInteger(schedulers) || schedulers < 1 || schedulers > all)
      throw new VigaError(
        ErrorCode.BadArgument,
        `setSchedulersOnline: schedulers is ${describe(schedulers)}; a whole number from 1 to ${all}, the schedulers of this runtime, is allowed`,
      )
    return this.#engine.setOnline(schedulers)
  }

  /**
   * Ends every process, without signals, and gives back what the engine holds. What code outside any process awaits at that
   * moment (a message, a reply, a start) fails with ERR_VIGA_RUNTIME_STOPPED. Idempotent.
   *
   * The threads of further schedulers are told to end, and may do so a little later; disposing (`await using`) waits for them. On one of
   * those, it has the thread that started the runtime stop it.
   */
  stop(): void {
    void this.#stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }

  #stop(): Promise<void> {
    const ended = this.#stopThreads()
    if (startedEngine() !== this.#engine || this.#engine.scheduler !== 1) return ended
    running = undefined
    installStarter(() => undefined)
    setRuntime(undefined, undefined)
    setIsolatePage(undefined)
    this.#engine.stop()
    releaseIsolate()
    return ended
  }
}
