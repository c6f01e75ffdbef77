import type { ResourceLimits } from 'node:worker_threads'
import { ErrorCode, VigaError } from './errors.js'
import type { Settings } from './settings.js'
import { describe } from './term/refusal.js'

/** The two pools: for computations, and for what blocks on something outside. */
export type DirtyKind = 'cpu' | 'io'

/** What the dirty pools are made of, besides their sizes (`dirtyCpu` and `dirtyIo`); part of the options of Runtime.start. */
export interface DirtyOptions {
  /** Jobs of one pool that may wait for a thread before `onFull` applies, 0 to 134,217,727. 10,000 unless given. */
  readonly dirtyQueueLimit?: number
  /** Milliseconds after which a thread without a job ends; Infinity for never. 30,000 unless given. */
  readonly dirtyIdleTime?: number
  /** Limits of V8's heap in each of these threads, as of `new Worker`. */
  readonly dirtyResourceLimits?: ResourceLimits
  /** For programs that bundle viga: the file with which such a thread begins, and which calls runDirtyWorker(). */
  readonly dirtyWorkerEntry?: URL
}

/** {@link DirtyOptions} and the sizes, settled. */
export interface DirtySettings {
  readonly cpu: number
  readonly io: number
  readonly queueLimit: number
  readonly idleTime: number
  readonly resourceLimits: ResourceLimits
  readonly workerEntry: URL | undefined
}

const LARGEST_QUEUE = 134_217_727
const DEFAULT_QUEUE = 10_000
const DEFAULT_IDLE_TIME = 30_000

/** Checks `options` and fills in what is not given. @throws ERR_VIGA_BAD_ARGUMENT. */
export function settleDirty(options: DirtyOptions, { dirtyCpu, dirtyIo }: Pick<Settings, 'dirtyCpu' | 'dirtyIo'>): DirtySettings {
  const {
    dirtyQueueLimit: queueLimit = DEFAULT_QUEUE,
    dirtyIdleTime: idleTime = DEFAULT_IDLE_TIME,
    dirtyResourceLimits: resourceLimits = {},
    dirtyWorkerEntry: workerEntry,
  } = options
  if (!Number.isInteger(queueLimit) || queueLimit < 0 || queueLimit > LARGEST_QUEUE)
    throw refusal('dirtyQueueLimit', queueLimit, `whole numbers from 0 to ${LARGEST_QUEUE}`)
  if (typeof idleTime !== 'number' || !(idleTime >= 0)) throw refusal('dirtyIdleTime', idleTime, 'milliseconds from 0 on, and Infinity,')
  if (typeof resourceLimits !== 'object' || resourceLimits === null)
    throw refusal('dirtyResourceLimits', resourceLimits, 'objects of limits as for new Worker')
  if (workerEntry !== undefined && !(workerEntry instanceof URL)) throw refusal('dirtyWorkerEntry', workerEntry, 'URLs')
  return { cpu: dirtyCpu, io: dirtyIo, queueLimit, idleTime, resourceLimits, workerEntry }
}

function refusal(option: string, given: unknown, allowed: string): VigaError {
  return new VigaError(ErrorCode.BadArgument, `Runtime.start: ${option} is ${describe(given)}; ${allowed} are allowed`)
}

let inForce: DirtySettings

/** Settings for the pools that start from now on: of the runtime that starts now. */
export function installDirtySettings(settings: DirtySettings): void {
  inForce = settings
}

export function dirtySettings(): DirtySettings {
  return inForce
}
