import { isDirtyWorker } from './dirty-mark.js'
import { type DirtyOptions, installDirtySettings, settleDirty } from './dirty-settings.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import type { Engine, EngineOptions, Host } from './engine/engine.js'
import { type EngineChoice, selectEngine } from './engine/select.js'
import type { Pid } from './pid.js'
import type { Process } from './process/process.js'
import { isOrderly } from './process/reason.js'
import { RootProcess } from './process/root-process.js'
import { type CrashReporter, reportOnStderr } from './report.js'
import { installBoot, installEnder, setRuntime, startedEngine } from './runtime-state.js'
import { type SchedulerOptions, type Settings, settle, spinMicroseconds, wakeupLength } from './settings.js'
import { copyReason } from './term/copy.js'
import { sizeThreadPool } from './thread-pool.js'
import { VERSION } from './version.js'

export interface RuntimeOptions extends SchedulerOptions, DirtyOptions {
  /** `native`, `pure`, or `auto` (default: VIGA_ENGINE if set, else native where it loads, with a line when it does not). */
  readonly engine?: EngineChoice
  /**
   * Told once of each process that an error ends; writes lines on stderr unless given. It is called in the place of that process, so
   * it may send, but not spawn, link or monitor.
   */
  readonly onCrash?: CrashReporter
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
  try {
    reporter({ pid: process.pid, names: facts?.names ?? [], label: process.label, reason, stack, ancestors })
  } catch (error) {
    globalThis.process.stderr.write(`viga: onCrash threw ${describeReason(error)} while told of ${String(process.pid)}\n`)
  }
}

function start(options: RuntimeOptions = {}): Runtime {
  if (startedEngine() !== undefined)
    throw new VigaError(
      ErrorCode.RuntimeStarted,
      'Runtime.start: the runtime of this thread is running already; start it before the first use of viga, or stop it first (Runtime.current)',
    )
  if (isDirtyWorker())
    throw new VigaError(
      ErrorCode.InDirtyWorker,
      'the runtime is not to be had in a thread of a dirty pool: what runs there is no process; return the result to the process that asked',
    )
  const asked = settle(options, process.env)
  const dirty = settleDirty(options, asked)
  const { engine } = selectEngine(options.engine)
  // The pure engine has one scheduler, whatever number was asked for.
  const settings: Settings = engine.kind === 'pure' ? Object.freeze({ ...asked, schedulers: 1, online: 1 }) : asked
  if (settings.sizesThreadPool) sizeThreadPool(settings.threadPool)
  claimIsolate()
  reporter = options.onCrash ?? reportOnStderr
  installDirtySettings(dirty)
  const root = new RootProcess()
  root.label = 'root'
  try {
    engine.start(root, host, engineOptions(settings))
  } catch (error) {
    releaseIsolate()
    throw error
  }
  setRuntime(engine, root)
  return (running = new Runtime(engine, settings))
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

/** The runtime of this thread: started on first use, or here, with options. */
export class Runtime implements AsyncDisposable {
  readonly #engine: Engine
  /** What is in force, from options, flags and defaults. */
  readonly settings: Settings

  /** Use {@link Runtime.start}. */
  constructor(engine: Engine, settings: Settings) {
    this.#engine = engine
    this.settings = settings
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
   * Ends every process, without signals, and gives back what the engine holds. What code outside any process awaits at that
   * moment (a message, a reply, a start) fails with ERR_VIGA_RUNTIME_STOPPED. Idempotent.
   */
  stop(): void {
    if (startedEngine() !== this.#engine) return
    running = undefined
    setRuntime(undefined, undefined)
    this.#engine.stop()
    releaseIsolate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
  }
}
