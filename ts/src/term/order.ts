/**
 * The order of terms, as docs/design/term-format.md has it: the one ordered_set tables and selections go by, on both engines.
 * crates/ets compares encoded terms by the same rules; ts/test/term/vectors.json holds the two together.
 */
import { Binary, bytesOfBinary } from '../binary.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { encodedErrorRest } from './encode.js'
import { errorFacts } from './error-term.js'

/** Kinds in ascending order. */
const Rank = {
  Number: 0,
  Atom: 1,
  Ref: 2,
  Pid: 3,
  Array: 4,
  Record: 5,
  Map: 6,
  Set: 7,
  Date: 8,
  Error: 9,
  String: 10,
  Bytes: 11,
  Binary: 12,
} as const
type Rank = (typeof Rank)[keyof typeof Rank]

function rankOf(term: unknown): Rank {
  switch (typeof term) {
    case 'number':
    case 'bigint':
      return Rank.Number
    case 'string':
      return Rank.String
    case 'object':
      return term === null ? Rank.Atom : rankOfObject(term)
    default:
      return Rank.Atom
  }
}

function rankOfObject(term: object): Rank {
  if (Array.isArray(term)) return Rank.Array
  if (term instanceof Pid) return Rank.Pid
  if (term instanceof Ref) return Rank.Ref
  if (term instanceof Binary) return Rank.Binary
  if (term instanceof Uint8Array) return Rank.Bytes
  if (term instanceof Map) return Rank.Map
  if (term instanceof Set) return Rank.Set
  if (term instanceof Date) return Rank.Date
  if (term instanceof Error) return Rank.Error
  return Rank.Record
}

/** Negative when `a` stands before `b`, 0 when they are equal, positive otherwise. Both must be terms. O(size). */
export function compareTerms(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b)
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b)
  const rank = rankOf(a)
  const difference = rank - rankOf(b)
  return difference !== 0 ? difference : compareSameRank(rank, a, b)
}

function compareSameRank(rank: Rank, a: unknown, b: unknown): number {
  switch (rank) {
    case Rank.Number:
      return compareNumbers(a as number | bigint, b as number | bigint)
    case Rank.Atom:
      return compareAtoms(a, b)
    case Rank.Ref:
      return compareRefs(a as Ref, b as Ref)
    case Rank.Pid:
      return comparePids(a as Pid, b as Pid)
    case Rank.Array:
      return compareArrays(a as readonly unknown[], b as readonly unknown[])
    case Rank.Record:
      return compareRecords(a as Record<string, unknown>, b as Record<string, unknown>)
    case Rank.Map:
      return compareMaps(a as ReadonlyMap<unknown, unknown>, b as ReadonlyMap<unknown, unknown>)
    case Rank.Set:
      return compareSets(a as ReadonlySet<unknown>, b as ReadonlySet<unknown>)
    case Rank.Date:
      return compareDates((a as Date).getTime(), (b as Date).getTime())
    case Rank.Error:
      return compareErrors(a as Error, b as Error)
    case Rank.String:
      return compareStrings(a as string, b as string)
    case Rank.Bytes:
      return compareBytes(a as Uint8Array, b as Uint8Array)
    case Rank.Binary:
      return compareBytes(bytesOfBinary(a as Binary), bytesOfBinary(b as Binary))
  }
}

/** By value; NaN last; a bigint after the number it equals. */
function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1
  if (a > b) return 1
  const aIsNaN = a !== a
  const bIsNaN = b !== b
  if (aIsNaN || bIsNaN) return Number(aIsNaN) - Number(bIsNaN)
  return typeof a === typeof b ? 0 : typeof a === 'number' ? -1 : 1
}

/** undefined, null, false and true by these names, just before the symbol of the same name. */
function compareAtoms(a: unknown, b: unknown): number {
  if (a === b) return 0
  const byName = compareStrings(atomName(a), atomName(b))
  return byName !== 0 ? byName : Number(typeof a === 'symbol') - Number(typeof b === 'symbol')
}

function atomName(atom: unknown): string {
  return typeof atom === 'symbol' ? (Symbol.keyFor(atom) as string) : String(atom)
}

/** By code point, which is also the order of the UTF-8 bytes; a surrogate without its other half is its own code point. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const common = Math.min(a.length, b.length)
  let at = 0
  while (at < common && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === common && at === Math.max(a.length, b.length)) return 0
  // After a high surrogate the first difference may be in the middle of a pair.
  if (at > 0 && (a.charCodeAt(at - 1) & 0xfc00) === 0xd800) {
    const difference = (a.codePointAt(at - 1) as number) - (b.codePointAt(at - 1) as number)
    if (difference !== 0) return difference
  }
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1)
}

function compareRefs(a: Ref, b: Ref): number {
  return a.index - b.index || a.serial - b.serial || a.id - b.id
}

function comparePids(a: Pid, b: Pid): number {
  return a.index - b.index || a.serial - b.serial
}

function compareArrays(a: readonly unknown[], b: readonly unknown[]): number {
  let difference = a.length - b.length
  for (let index = 0; difference === 0 && index < a.length; index++) difference = compareTerms(a[index], b[index])
  return difference
}

function compareRecords(a: Record<string, unknown>, b: Record<string, unknown>): number {
  const aKeys = Object.keys(a).sort(compareStrings)
  const bKeys = Object.keys(b).sort(compareStrings)
  return (
    compareArrays(aKeys, bKeys) ||
    compareArrays(
      aKeys.map((key) => a[key]),
      bKeys.map((key) => b[key]),
    )
  )
}

function compareMaps(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): number {
  if (a.size !== b.size) return a.size - b.size
  const aEntries = [...a].sort(compareEntries)
  const bEntries = [...b].sort(compareEntries)
  return (
    compareArrays(
      aEntries.map((entry) => entry[0]),
      bEntries.map((entry) => entry[0]),
    ) ||
    compareArrays(
      aEntries.map((entry) => entry[1]),
      bEntries.map((entry) => entry[1]),
    )
  )
}

/** Keys that are equal as terms (two objects, say) go by their values. */
export function compareEntries(a: readonly [unknown, unknown], b: readonly [unknown, unknown]): number {
  return compareTerms(a[0], b[0]) || compareTerms(a[1], b[1])
}

function compareSets(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): number {
  return a.size - b.size || compareArrays([...a].sort(compareTerms), [...b].sort(compareTerms))
}

/** Invalid dates first. */
function compareDates(a: number, b: number): number {
  if (a === b) return 0
  if (a !== a) return b !== b ? 0 : -1
  return b !== b ? 1 : a - b
}

function compareErrors(a: Error, b: Error): number {
  const aFacts = errorFacts(a)
  const bFacts = errorFacts(b)
  return (
    compareStrings(aFacts.name, bFacts.name) ||
    compareStrings(aFacts.message, bFacts.message) ||
    compareBytes(encodedErrorRest(a), encodedErrorRest(b))
  )
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length)
  for (let index = 0; index < common; index++) {
    const difference = (a[index] as number) - (b[index] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
