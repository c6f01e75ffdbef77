/** Says what in a value is no term, and where: the second walk, done only when the first one has failed. */
import { Binary } from '../binary.js'
import { ErrorCode, VigaError } from '../errors.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { errorFacts } from './error-term.js'

/** Deepest nesting of a term. What is nested deeper would exhaust the stack of whoever copies, encodes or compares it. */
export const MAX_DEPTH = 1000

/** Thrown by the first walk. One object, so that throwing it costs nothing; it never leaves ts/src/term. */
export const NOT_A_TERM: unique symbol = Symbol('viga.not-a-term')

const ALLOWED =
  'allowed are undefined, null, booleans, numbers, bigints, strings, atoms (Symbol.for), Uint8Array, Binary, arrays, ' +
  'plain objects, Map, Set, Date, Error, Pid and Ref'

/** The error for a `value` (called `name`) whose walk ended with `thrown`. */
export function refusal(value: unknown, name: string, thrown: unknown): unknown {
  if (thrown instanceof VigaError) return thrown
  let found: string | undefined
  try {
    found = find(value, name, 0, new Map())
  } catch {
    // The value cannot be walked (a getter or a proxy throws): that is then what is wrong with it.
    found = undefined
  }
  if (found !== undefined) return new VigaError(ErrorCode.NotATerm, found)
  return new VigaError(ErrorCode.NotATerm, `${name}: reading it failed; ${ALLOWED}`, { cause: thrown })
}

/** What the first part of `value` that is no term is, and where; undefined when all of it is. */
function find(value: unknown, path: string, depth: number, within: Map<object, string>): string | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') {
    const isAtom = typeof value === 'symbol' && Symbol.keyFor(value) !== undefined
    return isAtom ? undefined : `${shorten(path)}: ${describe(value)}; ${ALLOWED}`
  }
  if (typeof value !== 'object' || value === null) return undefined
  const before = within.get(value)
  if (before !== undefined)
    return `${shorten(path)}: refers back to ${shorten(before)}; a term cannot contain itself`
  if (depth >= MAX_DEPTH) return `${shorten(path)}: nested more than ${MAX_DEPTH} levels deep, which is the most allowed`
  within.set(value, path)
  const found = findWithin(value, path, depth + 1, within)
  within.delete(value)
  return found
}

function findWithin(value: object, path: string, inner: number, within: Map<object, string>): string | undefined {
  if (value instanceof Pid || value instanceof Ref || value instanceof Binary || value instanceof Uint8Array) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Date.prototype) return undefined
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype && !Array.isArray(prototype)) return `${shorten(path)}: ${describe(value)}; ${ALLOWED}`
    return findFirst(value.entries(), (position, element) => find(element, `${path}[${position}]`, inner, within))
  }
  if (prototype === Map.prototype)
    return findFirst(
      [...(value as Map<unknown, unknown>)].entries(),
      (position, [key, part]) =>
        find(key, `${path}.key(${position})`, inner, within) ?? find(part, `${path}.value(${position})`, inner, within),
    )
  if (prototype === Set.prototype)
    return findFirst([...(value as Set<unknown>)].entries(), (position, element) =>
      find(element, `${path}.element(${position})`, inner, within),
    )
  if (value instanceof Error) {
    const facts = errorFacts(value)
    return find(facts.cause, `${path}.cause`, inner, within) ?? findInRecord(facts.further, path, inner, within)
  }
  if (isRecordPrototype(prototype)) return findInRecord(value, path, inner, within)
  return `${shorten(path)}: ${describe(value)}; ${ALLOWED}`
}

/** True for the prototypes of plain objects: none at all, or the Object.prototype of this or another realm (a vm context's). */
export function isRecordPrototype(prototype: unknown): boolean {
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'))
  )
}

function findInRecord(record: object, path: string, inner: number, within: Map<object, string>): string | undefined {
  return findFirst(Object.entries(record), (key, part) =>
    find(part, /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`, inner, within),
  )
}

function findFirst<K, V>(entries: Iterable<[K, V]>, test: (key: K, value: V) => string | undefined): string | undefined {
  for (const [key, value] of entries) {
    const found = test(key, value)
    if (found !== undefined) return found
  }
  return undefined
}

/** A path that goes down a thousand levels is told by its ends. */
function shorten(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 100)} ... ${path.slice(-60)}`
}

function describeFunction(value: object): string {
  try {
    return 'name' in value && typeof value.name === 'string' && value.name !== '' ? `the function ${value.name}` : 'a function without a name'
  } catch {
    return 'a function'
  }
}

/** What a value is, in a few words: `an instance of Socket`, `the function main`. Never throws. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return describeFunction(value)
  if (typeof value === 'symbol') return `${String(value)}, which is no atom (made by Symbol.for)`
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    const constructor: unknown = value.constructor
    if (typeof constructor === 'function' && constructor.name !== '') return `an instance of ${constructor.name}`
  } catch {
    // A proxy or a getter that throws: the general word below is all there is to say.
  }
  return 'an object of a class without a name'
}
