/**
 * Filters over rows: what a typed expression like `row.element(2).gt(10)` is compiled to, and what an engine evaluates. A
 * filter is data, so that Rust can evaluate it without calling JavaScript.
 */
import { Binary } from './binary.js'
import { Pid } from './pid.js'
import { Ref } from './ref.js'

/** From the row down: a number is an element of an array, a string a property of a plain object. */
export type Path = readonly (number | string)[]

export type Operand = { readonly path: Path } | { readonly term: unknown }

export const Comparison = { Eq: 0x10, Ne: 0x11, Lt: 0x12, Le: 0x13, Gt: 0x14, Ge: 0x15 } as const
export type Comparison = (typeof Comparison)[keyof typeof Comparison]

/** Kinds of terms that a filter can ask for, and their numbers in the encoded filter. */
export const TERM_TYPES = {
  number: 0,
  bigint: 1,
  string: 2,
  atom: 3,
  undefined: 4,
  null: 5,
  boolean: 6,
  Uint8Array: 7,
  Binary: 8,
  array: 9,
  object: 10,
  Map: 11,
  Set: 12,
  Date: 13,
  Error: 14,
  Pid: 15,
  Ref: 16,
} as const
export type TermType = keyof typeof TERM_TYPES

export type Filter =
  | { readonly op: 'true' }
  | { readonly op: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly op: 'not'; readonly part: Filter }
  | { readonly op: 'compare'; readonly comparison: Comparison; readonly left: Operand; readonly right: Operand }
  | { readonly op: 'is'; readonly operand: Operand; readonly type: TermType }

/** What a selection gives of each row. */
export type Projection = 'row' | { readonly path: Path } | { readonly paths: readonly Path[] }

export const EVERY_ROW: Filter = { op: 'true' }

/** Where an array of type `T` has elements; of a type not known, anywhere. */
type Position<T> = unknown extends T
  ? number
  : T extends readonly unknown[]
    ? number extends T['length']
      ? number
      : Extract<keyof T, `${number}`> extends `${infer N extends number}`
        ? N
        : never
    : never

/** What is there; undefined for members of a union that have no elements. */
type Element<T, N extends number> = unknown extends T ? unknown : T extends readonly unknown[] ? T[N] : undefined

/** The properties of objects of type `T`, those of all members of a union. */
type PropertyName<T> = unknown extends T ? string : T extends readonly unknown[] ? never : T extends object ? keyof T & string : never

type Property<T, K> = unknown extends T ? unknown : T extends object ? (K extends keyof T ? T[K] : undefined) : undefined

/** A value of each row, to be compared. What is not there is `undefined`. */
export class Field<T> {
  declare readonly type?: T
  readonly path: Path

  constructor(path: Path) {
    this.path = path
  }

  /** An element of an array. */
  element<N extends Position<T>>(position: N): Field<Element<T, N>> {
    return new Field([...this.path, position])
  }

  /** A property of a plain object. */
  property<K extends PropertyName<T>>(name: K): Field<Property<T, K>> {
    return new Field([...this.path, name])
  }

  /** Equal as terms: 0 equals -0, 1 does not equal 1n, objects and arrays are compared part by part. */
  eq(value: T | Field<T>): Condition {
    return this.#compare(Comparison.Eq, value)
  }

  ne(value: T | Field<T>): Condition {
    return this.#compare(Comparison.Ne, value)
  }

  /** Before `value` in the order of terms. */
  lt(value: T | Field<T>): Condition {
    return this.#compare(Comparison.Lt, value)
  }

  le(value: T | Field<T>): Condition {
    return this.#compare(Comparison.Le, value)
  }

  gt(value: T | Field<T>): Condition {
    return this.#compare(Comparison.Gt, value)
  }

  ge(value: T | Field<T>): Condition {
    return this.#compare(Comparison.Ge, value)
  }

  /** A term of this kind. */
  is(type: TermType): Condition {
    return new Condition({ op: 'is', operand: { path: this.path }, type })
  }

  #compare(comparison: Comparison, value: unknown): Condition {
    const right: Operand = value instanceof Field ? { path: value.path } : { term: value }
    return new Condition({ op: 'compare', comparison, left: { path: this.path }, right })
  }
}

/** What a row must fulfil. */
export class Condition {
  readonly filter: Filter

  constructor(filter: Filter) {
    this.filter = filter
  }

  and(...others: readonly Condition[]): Condition {
    return new Condition({ op: 'and', parts: [this.filter, ...others.map((other) => other.filter)] })
  }

  or(...others: readonly Condition[]): Condition {
    return new Condition({ op: 'or', parts: [this.filter, ...others.map((other) => other.filter)] })
  }

  not(): Condition {
    return new Condition({ op: 'not', part: this.filter })
  }
}

/** The kind of a term. */
export function typeOfTerm(term: unknown): TermType {
  switch (typeof term) {
    case 'symbol':
      return 'atom'
    case 'object':
      return term === null ? 'null' : typeOfObject(term)
    default:
      return typeof term as 'undefined' | 'boolean' | 'number' | 'bigint' | 'string'
  }
}

function typeOfObject(term: object): TermType {
  if (Array.isArray(term)) return 'array'
  if (term instanceof Uint8Array) return 'Uint8Array'
  if (term instanceof Binary) return 'Binary'
  if (term instanceof Pid) return 'Pid'
  if (term instanceof Ref) return 'Ref'
  if (term instanceof Map) return 'Map'
  if (term instanceof Set) return 'Set'
  if (term instanceof Date) return 'Date'
  if (term instanceof Error) return 'Error'
  return 'object'
}
