/**
 * Erlang's start-up flags, as words on VIGA_FLAGS and ERL_FLAGS. This file knows how they are written; settings.ts what they
 * stand for when nothing is given, and how options are put above them.
 */
import { ErrorCode, VigaError } from './errors.js'

export const busyWaits = ['none', 'very_short', 'short', 'medium', 'long', 'very_long'] as const
/** How long a scheduler without work looks for some before it sleeps. */
export type BusyWait = (typeof busyWaits)[number]

export const wakeupThresholds = ['very_low', 'low', 'medium', 'high', 'very_high'] as const
/** How much queued work wakes another scheduler. */
export type WakeupThreshold = (typeof wakeupThresholds)[number]

export const LARGEST_SCHEDULERS = 256
export const LARGEST_POOL = 1_024
export const SMALLEST_PROCESS_LIMIT = 16
export const LARGEST_PROCESS_LIMIT = 134_217_727

/** What flags have set; what they have not is absent. */
export interface FlagValues {
  readonly schedulers?: number
  readonly online?: number
  readonly dirtyCpu?: number
  readonly dirtyIo?: number
  readonly threadPool?: number
  readonly processLimit?: number
  readonly busyWait?: BusyWait
  readonly wakeupThreshold?: WakeupThreshold
  readonly compactLoad?: boolean
}

interface Flag {
  readonly name: string
  /** What may follow, in words, for the error. */
  readonly allowed: string
  /** What `value` sets, or undefined when it is not allowed. */
  read(value: string): FlagValues | undefined
}

function whole(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined
  const number = Number(text)
  return number >= least && number <= most ? number : undefined
}

function numberFlag(name: string, least: number, most: number, key: keyof FlagValues): Flag {
  return {
    name,
    allowed: `a whole number from ${least} to ${most}`,
    read(value) {
      const number = whole(value, least, most)
      return number === undefined ? undefined : { [key]: number }
    },
  }
}

function wordFlag(name: string, words: readonly string[], valueOf: (word: string) => FlagValues): Flag {
  return {
    name,
    allowed: words.join(', '),
    read: (value) => (words.includes(value) ? valueOf(value) : undefined),
  }
}

/** Flags with an effect. */
const flags: readonly Flag[] = [
  {
    name: '+S',
    allowed: `N or N:M, whole numbers with M <= N, from 1 to ${LARGEST_SCHEDULERS}`,
    read(value) {
      const [first = '', second = first, ...more] = value.split(':')
      const schedulers = whole(first, 1, LARGEST_SCHEDULERS)
      if (schedulers === undefined || more.length !== 0) return undefined
      const online = whole(second, 1, schedulers)
      return online === undefined ? undefined : { schedulers, online }
    },
  },
  numberFlag('+SDcpu', 1, LARGEST_POOL, 'dirtyCpu'),
  numberFlag('+SDio', 1, LARGEST_POOL, 'dirtyIo'),
  numberFlag('+A', 1, LARGEST_POOL, 'threadPool'),
  numberFlag('+P', SMALLEST_PROCESS_LIMIT, LARGEST_PROCESS_LIMIT, 'processLimit'),
  wordFlag('+sbwt', busyWaits, (word) => ({ busyWait: word as BusyWait })),
  wordFlag('+swt', wakeupThresholds, (word) => ({ wakeupThreshold: word as WakeupThreshold })),
  wordFlag('+scl', ['true', 'false'], (word) => ({ compactLoad: word === 'true' })),
]

/** Flags that mean something to viga, which does not do it yet. */
const notYet: ReadonlySet<string> = new Set([
  '+Q', '+hms', '+hmbs', '+hpds', '+spp', '+sbt', '+stbt', '+K', '+zdbbl', '-name', '-sname', '-setcookie', '-kernel',
])
/** The allocators' flags: +M, the allocator's letter, the setting. */
const allocatorFlag = /^\+M[A-Za-z][a-z]+$/

/** Where flags come from. Those of ERL_FLAGS are meant for Erlang: what viga does not know of them is no mistake. */
export const FlagSource = { Viga: 'VIGA_FLAGS', Erlang: 'ERL_FLAGS' } as const
export type FlagSource = (typeof FlagSource)[keyof typeof FlagSource]

/**
 * Reads the words of `text`; the last of two equal flags wins. A value may follow its flag without a space, as in `+P100000`.
 * O(length).
 *
 * @throws ERR_VIGA_BAD_FLAG naming the flag, the value and what is allowed.
 *
 * @example
 * parseFlags('+S 4:2 +sbwt none', FlagSource.Viga) // { schedulers: 4, online: 2, busyWait: 'none' }
 */
export function parseFlags(text: string, source: FlagSource): FlagValues {
  const words = text.split(/\s+/).filter((word) => word !== '')
  let values: FlagValues = {}
  for (let place = 0; place < words.length; place++) {
    const word = words[place] as string
    const flag = flags.find(({ name }) => name === word)
    if (flag !== undefined) {
      values = { ...values, ...valueOf(flag, words[++place], source) }
      continue
    }
    const joined = readJoined(word)
    if (joined !== undefined) values = { ...values, ...joined }
    else if (source === FlagSource.Viga) throw refusalOf(word)
  }
  return values
}

function valueOf(flag: Flag, value: string | undefined, source: FlagSource): FlagValues {
  const read = value === undefined ? undefined : flag.read(value)
  if (read !== undefined) return read
  const given = value === undefined ? 'has no value' : `is ${JSON.stringify(value)}`
  throw new VigaError(ErrorCode.BadFlag, `${source}: ${flag.name} ${given}; allowed is ${flag.allowed}`)
}

/** A flag and its value in one word. What is not exactly that is another flag: +SP is not +S, and +sbwtdcpu not +sbwt. */
function readJoined(word: string): FlagValues | undefined {
  for (const { name, read } of flags) {
    const values = word.startsWith(name) ? read(word.slice(name.length)) : undefined
    if (values !== undefined) return values
  }
  return undefined
}

function refusalOf(word: string): VigaError {
  const known = flags.map(({ name }) => name).join(', ')
  if (notYet.has(word) || allocatorFlag.test(word))
    return new VigaError(ErrorCode.BadFlag, `VIGA_FLAGS: ${word} is not supported yet; these flags are: ${known}`)
  const joined = flags.filter(({ name }) => word.startsWith(name)).sort((a, b) => b.name.length - a.name.length)[0]
  const hint = joined === undefined ? '' : ` (${joined.name} takes ${joined.allowed})`
  return new VigaError(ErrorCode.BadFlag, `VIGA_FLAGS: ${JSON.stringify(word)} is no flag of viga; allowed are ${known}${hint}`)
}
