import { ErrorCode, VigaError } from './errors.js'
import type { Engine } from './engine/engine.js'
import type { Process } from './process/process.js'

/**
 * The running runtime of this isolate, in module variables rather than behind an object because every send and receive
 * reads them. runtime.ts alone sets them.
 */
let engine: Engine | undefined
let root: Process | undefined
/** The engine that was stopped last: its slice may still be in progress, when that is what stopped it. */
let stopped: Engine | undefined
let boot: () => Engine = () => {
  throw new Error('runtime-state: runtime.ts has not been loaded')
}
/** The async process in whose continuation we are; set once the first async body starts (see async-context.ts). */
let asyncProcess: () => Process | undefined = () => undefined

export function installBoot(start: () => Engine): void {
  boot = start
}

export function setRuntime(newEngine: Engine | undefined, newRoot: Process | undefined): void {
  if (newEngine === undefined) stopped = engine?.current === null ? undefined : engine
  engine = newEngine
  root = newRoot
}

export function setAsyncLookup(lookup: () => Process | undefined): void {
  asyncProcess = lookup
}

/** The engine, started with default options if nothing has started it. */
export function activeEngine(): Engine {
  return engine !== undefined ? engine : bootUnlessLeftOver()
}

/** What is left of the processes of a runtime that was stopped must not start another. */
function bootUnlessLeftOver(): Engine {
  const process = stopped?.current ?? asyncProcess()
  if (process !== undefined)
    throw new VigaError(
      ErrorCode.RuntimeStopped,
      `the runtime of ${String(process.pid)} has been stopped; code that the process started is still running`,
    )
  return boot()
}

/** The engine if the runtime runs. */
export function startedEngine(): Engine | undefined {
  return engine
}

/**
 * The process that the running code belongs to: of the slice in progress, of the async continuation in progress, or the
 * scheduler's root process.
 */
export function currentProcess(): Process {
  const active = activeEngine()
  return active.current ?? asyncProcess() ?? (root as Process)
}

let ender: (process: Process, reason: unknown) => void

export function installEnder(end: (process: Process, reason: unknown) => void): void {
  ender = end
}

/** Ends `process`, reporting a reason that is no orderly one. runtime.ts says how. */
export function endProcess(process: Process, reason: unknown): void {
  ender(process, reason)
}

let starter: (scheduler: number) => void = () => undefined

export function installStarter(start: (scheduler: number) => void): void {
  starter = start
}

/** Sees to it that the thread of `scheduler` is there, or on its way; that of scheduler 1 is. runtime.ts says how. */
export function wantScheduler(scheduler: number): void {
  if (scheduler !== 1) starter(scheduler)
}
