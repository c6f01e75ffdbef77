/**
 * Deep, private copies of terms: how isolation between the processes of one isolate is kept. Validation is part of the same
 * pass. The pass knows nothing of paths; only when it meets something that is no term, a second one (refusal.ts) finds out
 * where that is.
 */
import { Binary } from '../binary.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { errorFacts, makeError } from './error-term.js'
import { describe, isRecordPrototype, MAX_DEPTH, NOT_A_TERM, refusal } from './refusal.js'

/**
 * A deep copy of `value` that shares nothing mutable with it. Typed as given; note that holes of arrays become undefined, a
 * Buffer becomes a Uint8Array, and an Error of a class of yours an `Error` of that name.
 *
 * Throws ERR_VIGA_NOT_A_TERM, with the path to the offender beginning with `name`, for class instances, functions, symbols
 * that are no atoms, values that contain themselves, and values nested deeper than 1,000 levels. O(size).
 *
 * @example
 * copyTerm({ user: { socket: new Socket() } })
 * // ERR_VIGA_NOT_A_TERM: message.user.socket: an instance of Socket ...
 */
export function copyTerm<T>(value: T, name?: string): T
export function copyTerm(value: unknown, name = 'message'): unknown {
  if (typeof value === 'object') {
    if (value === null) return null
    try {
      return copyObject(value, 0)
    } catch (error) {
      throw refusal(value, name, error)
    }
  }
  if (typeof value === 'function' || typeof value === 'symbol') return copyRare(value, name)
  return value
}

/** An atom as it is; throws for functions and other symbols. */
function copyRare(value: unknown, name: string): unknown {
  if (typeof value === 'symbol' && Symbol.keyFor(value) !== undefined) return value
  throw refusal(value, name, NOT_A_TERM)
}

function copyValue(value: unknown, depth: number): unknown {
  if (typeof value === 'object') return value === null ? null : copyObject(value, depth)
  if (typeof value === 'function') throw NOT_A_TERM
  if (typeof value === 'symbol' && Symbol.keyFor(value) === undefined) throw NOT_A_TERM
  return value
}

/**
 * Kinds are told apart by `constructor`, a property that inline caches serve; asking for the prototype calls V8's runtime, which
 * takes longer than copying a small array. What looks like something else by its constructor (an own property of that name,
 * say) is decided by its prototype. An object without a class of its own, whatever it inherits from, counts as a record.
 */
function copyObject(value: object, depth: number): unknown {
  const { constructor } = value
  if (Array.isArray(value)) {
    if (constructor === Array) return copyArray(value, depth)
  } else if (constructor === Object) {
    return copyRecord(value, depth)
  } else if (value instanceof Pid || value instanceof Ref || value instanceof Binary) {
    return value
  }
  return copyOther(value, Object.getPrototypeOf(value), depth)
}

/** Short arrays as literals, which is twice as fast; longer ones in bulk, and then what is not copied by that. */
function copyArray(array: readonly unknown[], depth: number): unknown[] {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const inner = depth + 1
  switch (array.length) {
    case 0:
      return []
    case 1:
      return [copyValue(array[0], inner)]
    case 2:
      return [copyValue(array[0], inner), copyValue(array[1], inner)]
    case 3:
      return [copyValue(array[0], inner), copyValue(array[1], inner), copyValue(array[2], inner)]
    case 4:
      return [
        copyValue(array[0], inner),
        copyValue(array[1], inner),
        copyValue(array[2], inner),
        copyValue(array[3], inner),
      ]
    default:
      return copyLongArray(array, inner)
  }
}

const slice = Array.prototype.slice

function copyLongArray(array: readonly unknown[], inner: number): unknown[] {
  const copy = slice.call(array) as unknown[]
  for (let index = 0; index < copy.length; index++) {
    const element = copy[index]
    if (typeof element === 'object') {
      if (element !== null) copy[index] = copyObject(element, inner)
    } else if (element === undefined) {
      copy[index] = undefined
    } else if (typeof element === 'function' || typeof element === 'symbol') {
      copyValue(element, inner)
    }
  }
  return copy
}

/** Own enumerable properties with string keys. Those with symbols for keys are left behind, as JSON leaves them. */
function copyRecord(record: object, depth: number): object {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const copy: Record<string, unknown> = {}
  for (const key in record) {
    let value = (record as Record<string, unknown>)[key]
    if (typeof value === 'object') {
      if (value !== null) value = copyObject(value, depth + 1)
    } else if (typeof value === 'function' || typeof value === 'symbol') {
      value = copyValue(value, depth + 1)
    }
    if (key === '__proto__') defineProto(copy, value)
    else copy[key] = value
  }
  return copy
}

/** An own property of this name cannot be made by assignment, which would set the prototype. */
export function defineProto(record: object, value: unknown): void {
  Object.defineProperty(record, '__proto__', { value, writable: true, enumerable: true, configurable: true })
}

function copyOther(value: object, prototype: unknown, depth: number): unknown {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  if (Array.isArray(value)) {
    if (prototype === Array.prototype || Array.isArray(prototype)) return copyArray(value, depth)
    throw NOT_A_TERM
  }
  if (isRecordPrototype(prototype)) return copyRecord(value, depth)
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof Error) return copyError(value, depth + 1)
  if (prototype === Map.prototype) return copyMap(value as ReadonlyMap<unknown, unknown>, depth + 1)
  if (prototype === Set.prototype) return copySet(value as ReadonlySet<unknown>, depth + 1)
  if (prototype === Date.prototype) return new Date((value as Date).getTime())
  throw NOT_A_TERM
}

function copyMap(map: ReadonlyMap<unknown, unknown>, inner: number): Map<unknown, unknown> {
  const copy = new Map<unknown, unknown>()
  for (const [key, value] of map) copy.set(copyValue(key, inner), copyValue(value, inner))
  return copy
}

function copySet(set: ReadonlySet<unknown>, inner: number): Set<unknown> {
  const copy = new Set<unknown>()
  for (const element of set) copy.add(copyValue(element, inner))
  return copy
}

function copyError(error: Error, inner: number): Error {
  const facts = errorFacts(error)
  const cause = copyValue(facts.cause, inner)
  return makeError(facts.name, facts.message, facts.stack, cause, copyRecord(facts.further, inner))
}

/**
 * A copy of what a process threw or ended with. Never throws: what is no term in it becomes a string that describes it.
 * O(size).
 */
export function copyReason(value: unknown): unknown {
  try {
    return copyTerm(value)
  } catch {
    return tolerantCopy(value, 0, new Set())
  }
}

function tolerantCopy(value: unknown, depth: number, within: Set<object>): unknown {
  if (typeof value !== 'object' || value === null) {
    const isTerm = typeof value !== 'function' && (typeof value !== 'symbol' || Symbol.keyFor(value) !== undefined)
    return isTerm ? value : describe(value)
  }
  if (within.has(value)) return 'a reference back to what it is part of'
  if (depth >= TOLERATED_DEPTH) return 'nested too deeply'
  within.add(value)
  try {
    return tolerantCopyObject(value, (part) => tolerantCopy(part, depth + 1, within))
  } catch (error) {
    return `${describe(value)} that could not be read: ${describeThrown(error)}`
  } finally {
    within.delete(value)
  }
}

/** Of a reason that is no term as it stands nobody needs more than this. */
const TOLERATED_DEPTH = 100

function tolerantCopyObject(value: object, copyPart: (part: unknown) => unknown): unknown {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return Array.from(value as readonly unknown[], copyPart)
  if (isRecordPrototype(prototype)) return tolerantCopyRecord(value, copyPart)
  if (value instanceof Error) {
    const facts = errorFacts(value)
    return makeError(
      facts.name,
      facts.message,
      facts.stack,
      copyPart(facts.cause),
      tolerantCopyRecord(facts.further, copyPart),
    )
  }
  if (prototype === Map.prototype)
    return new Map(Array.from(value as Map<unknown, unknown>, ([key, part]) => [copyPart(key), copyPart(part)]))
  if (prototype === Set.prototype) return new Set(Array.from(value as Set<unknown>, copyPart))
  try {
    return copyObject(value, 0)
  } catch {
    return describe(value)
  }
}

function tolerantCopyRecord(record: object, copyPart: (part: unknown) => unknown): object {
  return Object.fromEntries(
    Object.keys(record).map((key) => {
      try {
        return [key, copyPart((record as Record<string, unknown>)[key])]
      } catch (error) {
        return [key, `a property that could not be read: ${describeThrown(error)}`]
      }
    }),
  )
}

function describeThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown
  } catch {
    return typeof thrown
  }
}
