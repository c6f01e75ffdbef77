import { availableParallelism } from 'node:os'
import type { ResourceLimits } from 'node:worker_threads'
import { ErrorCode, VigaError } from './errors.js'
import {
  type BusyWait,
  busyWaits,
  FlagSource,
  type FlagValues,
  LARGEST_POOL,
  LARGEST_PROCESS_LIMIT,
  LARGEST_SCHEDULERS,
  parseFlags,
  SMALLEST_PROCESS_LIMIT,
  type WakeupThreshold,
  wakeupThresholds,
} from './flags.js'
import { describe } from './term/refusal.js'
import { threadPoolSize } from './thread-pool.js'

/** What the schedulers of a system are made of. Each has a flag of Erlang's too, in VIGA_FLAGS; options win over flags. */
export interface SchedulerOptions {
  /** Schedulers of the system, 1 to 256, or how many there are and how many of them take work at first (+S). One per core unless given. */
  readonly schedulers?: number | { readonly total: number; readonly online?: number }
  /** Threads for long computations, 1 to 1,024 (+SDcpu). One per core unless given. */
  readonly dirtyCpu?: number
  /** Threads for blocking input and output, 1 to 1,024 (+SDio). 10 unless given. */
  readonly dirtyIo?: number
  /** Threads of libuv's pool, 1 to 1,024 (+A): before its first use, see docs/flags.md. */
  readonly threadPool?: number
  /** Most processes alive at once, 16 to 134,217,727; 262,144 unless given (+P). */
  readonly processLimit?: number
  /** How long a scheduler without work looks for some before it sleeps (+sbwt). `medium` unless given. */
  readonly busyWait?: BusyWait
  /** How much queued work wakes another scheduler (+swt). `medium` unless given. */
  readonly wakeupThreshold?: WakeupThreshold
  /** Keeps work on few schedulers while they keep up (+scl). True unless given. */
  readonly compactLoad?: boolean
  /** Traces travel with messages, as after `trace.enable()`. False unless given. */
  readonly tracing?: boolean
  /** Limits of V8's heap in the isolates of further schedulers, as of `new Worker`. */
  readonly workerResourceLimits?: ResourceLimits
}

/** All of {@link SchedulerOptions}, settled. */
export interface Settings {
  readonly schedulers: number
  readonly online: number
  /** The number of schedulers was asked for, so all start with the runtime; otherwise each starts with its first work. */
  readonly startAtOnce: boolean
  readonly dirtyCpu: number
  readonly dirtyIo: number
  readonly threadPool: number
  /** The size of libuv's pool was asked for. */
  readonly sizesThreadPool: boolean
  readonly processLimit: number
  readonly busyWait: BusyWait
  readonly wakeupThreshold: WakeupThreshold
  readonly compactLoad: boolean
  readonly tracing: boolean
  readonly workerResourceLimits: Readonly<ResourceLimits>
}

/** Time a scheduler looks for work before it sleeps, in µs: about 250 to 4,000 pauses of a core. */
const spins: Readonly<Record<BusyWait, number>> = { none: 0, very_short: 10, short: 20, medium: 40, long: 80, very_long: 160 }

export function spinMicroseconds(wait: BusyWait): number {
  return spins[wait]
}

/** Processes that wait in the queue of a scheduler when it wakes another one. */
const wakeupLengths: Readonly<Record<WakeupThreshold, number>> = { very_low: 1, low: 2, medium: 4, high: 16, very_high: 64 }

export function wakeupLength(threshold: WakeupThreshold): number {
  return wakeupLengths[threshold]
}

/**
 * What is in force: options above VIGA_FLAGS, above ERL_FLAGS, above defaults.
 *
 * @throws ERR_VIGA_BAD_FLAG for a flag, ERR_VIGA_BAD_ARGUMENT for an option; nothing has been changed then.
 */
export function settle(options: SchedulerOptions, environment: NodeJS.ProcessEnv): Settings {
  const flags: FlagValues = {
    ...parseFlags(environment[FlagSource.Erlang] ?? '', FlagSource.Erlang),
    ...parseFlags(environment[FlagSource.Viga] ?? '', FlagSource.Viga),
  }
  const cores = Math.min(availableParallelism(), LARGEST_SCHEDULERS)
  const { schedulers, online } = schedulersOf(options) ?? flags
  const total = schedulers ?? cores
  return Object.freeze({
    schedulers: total,
    online: online ?? total,
    startAtOnce: schedulers !== undefined,
    dirtyCpu: number('dirtyCpu', options.dirtyCpu, 1, LARGEST_POOL) ?? flags.dirtyCpu ?? cores,
    dirtyIo: number('dirtyIo', options.dirtyIo, 1, LARGEST_POOL) ?? flags.dirtyIo ?? 10,
    threadPool: number('threadPool', options.threadPool, 1, LARGEST_POOL) ?? flags.threadPool ?? threadPoolSize(),
    sizesThreadPool: (options.threadPool ?? flags.threadPool) !== undefined,
    processLimit:
      number('processLimit', options.processLimit, SMALLEST_PROCESS_LIMIT, LARGEST_PROCESS_LIMIT) ?? flags.processLimit ?? 262_144,
    busyWait: word('busyWait', options.busyWait, busyWaits) ?? flags.busyWait ?? 'medium',
    wakeupThreshold: word('wakeupThreshold', options.wakeupThreshold, wakeupThresholds) ?? flags.wakeupThreshold ?? 'medium',
    compactLoad: yesOrNo('compactLoad', options.compactLoad) ?? flags.compactLoad ?? true,
    tracing: yesOrNo('tracing', options.tracing) ?? false,
    workerResourceLimits: resourceLimits(options.workerResourceLimits),
  })
}

function schedulersOf({ schedulers }: SchedulerOptions): Pick<FlagValues, 'schedulers' | 'online'> | undefined {
  if (schedulers === undefined) return undefined
  if (typeof schedulers !== 'object' || schedulers === null)
    return { schedulers: number('schedulers', schedulers, 1, LARGEST_SCHEDULERS) as number }
  const total = number('schedulers.total', schedulers.total, 1, LARGEST_SCHEDULERS)
  if (total === undefined) throw refusal('schedulers.total', undefined, `whole numbers from 1 to ${LARGEST_SCHEDULERS}`)
  const online = number('schedulers.online', schedulers.online, 1, total)
  return online === undefined ? { schedulers: total } : { schedulers: total, online }
}

function refusal(option: string, given: unknown, allowed: string): VigaError {
  return new VigaError(ErrorCode.BadArgument, `Runtime.start: ${option} is ${describe(given)}; ${allowed} are allowed`)
}

function number(option: string, given: unknown, least: number, most: number): number | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'number' && Number.isInteger(given) && given >= least && given <= most) return given
  throw refusal(option, given, `whole numbers from ${least} to ${most}`)
}

function word<W extends string>(option: string, given: unknown, words: readonly W[]): W | undefined {
  if (given === undefined) return undefined
  const found = words.find((allowed) => allowed === given)
  if (found === undefined) throw refusal(option, given, words.join(', '))
  return found
}

function yesOrNo(option: string, given: unknown): boolean | undefined {
  if (given === undefined || typeof given === 'boolean') return given
  throw refusal(option, given, 'true and false')
}

const limitNames = ['maxYoungGenerationSizeMb', 'maxOldGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'] as const

function resourceLimits(given: unknown): Readonly<ResourceLimits> {
  if (given === undefined) return Object.freeze({})
  if (typeof given !== 'object' || given === null)
    throw refusal('workerResourceLimits', given, `objects of ${limitNames.join(', ')}`)
  for (const [name, value] of Object.entries(given)) {
    word('a name in workerResourceLimits', name, limitNames)
    if (typeof value !== 'number' || !(value > 0)) throw refusal(`workerResourceLimits.${name}`, value, 'megabytes above 0')
  }
  return Object.freeze({ ...given })
}
