/**
 * Shapes of records: lists of property names that come again and again. A message names such a list by its number, and whoever
 * reads it makes the record by a function made for that list, which costs a fraction of adding properties one by one.
 */
import { defineProto } from './copy.js'
import { read, type TermReader } from './decode.js'

/** Where shapes get their numbers, the same in all isolates (crates/node/src/shapes.rs). */
export interface ShapeAddon {
  /** The number of a JSON array of names, from 1 on; 0 when there is none left. */
  defineShape(keys: string): number
  /** The names of a number; an empty string when nothing has it. */
  shapeKeys(number: string): string
}

/** A list of names, and the lists that begin with it. */
export class Shape {
  readonly keys: readonly string[]
  /** The last of the names: what a list has that its beginning has not. */
  readonly key: string
  /** 0 as long as it has none, -1 when it will never have one. */
  number = 0
  /** Records of just this shape met so far, while it has no number. */
  met = 0
  /** The longer list met last. */
  latest: Shape | null = null
  /** All others by their last names. */
  longer: Map<string, Shape> | null = null

  constructor(keys: readonly string[]) {
    this.keys = keys
    this.key = keys.length === 0 ? '' : (keys[keys.length - 1] as string)
  }
}

/** Makes a record of the values that stand next in the reader. */
type Maker = (reader: TermReader, depth: number) => object

/** Records with more properties are dictionaries, no shapes. */
const MOST_KEYS = 48
/** Shapes kept by an isolate that writes. Those forgotten are met again if there are any. */
const MOST_SHAPES = 4096
/** A shape gets a number when it comes for the third time. */
const OFTEN = 3

/** The shapes that an isolate writes and reads. */
export class RecordShapes {
  /** The list without names, where each record begins. */
  root = new Shape([])
  readonly #addon: ShapeAddon
  readonly #makers: (Maker | undefined)[] = []
  #count = 0

  constructor(addon: ShapeAddon) {
    this.#addon = addon
  }

  /** The list with one more name; null when it is not known. */
  longer(shape: Shape, key: string): Shape | null {
    const { latest } = shape
    if (latest !== null && latest.key === key) return latest
    return this.#other(shape, key)
  }

  /** Remembers the list with one more name. One step for each record that has it, so what comes but once costs little. */
  grow(shape: Shape, key: string): void {
    if (shape.keys.length === MOST_KEYS) return
    if (++this.#count > MOST_SHAPES) {
      this.#count = 0
      this.root = new Shape([])
      return
    }
    const grown = new Shape([...shape.keys, key])
    shape.longer ??= new Map()
    shape.longer.set(key, grown)
    shape.latest = grown
  }

  /** The number of a shape of which one more record has come; not above 0 when it has none. */
  numberOf(shape: Shape): number {
    return shape.number > 0 ? shape.number : this.#define(shape)
  }

  /** Makes the record with the shape of this number; undefined when there is none. */
  maker(number: number): Maker | undefined {
    return this.#makers[number] ?? this.#learn(number)
  }

  #other(shape: Shape, key: string): Shape | null {
    const found = shape.longer?.get(key)
    if (found === undefined) return null
    shape.latest = found
    return found
  }

  #define(shape: Shape): number {
    if (shape.number === 0 && ++shape.met >= OFTEN) {
      const number = this.#addon.defineShape(JSON.stringify(shape.keys))
      shape.number = number === 0 ? -1 : number
    }
    return shape.number
  }

  #learn(number: number): Maker | undefined {
    const keys = this.#addon.shapeKeys(String(number))
    return keys === '' ? undefined : (this.#makers[number] = makerOf(JSON.parse(keys) as string[]))
  }
}

/**
 * A literal with all the names, so that records of a shape are of one hidden class from the beginning. Where code may not be made of
 * strings (--disallow-code-generation-from-strings), property by property.
 */
function makerOf(keys: readonly string[]): Maker {
  const properties = keys.map((key) => `${propertyName(key)}: read(reader, depth)`)
  try {
    const make = new Function('read', `return (reader, depth) => ({ ${properties.join(', ')} })`) as (reading: typeof read) => Maker
    return make(read)
  } catch {
    return (reader, depth) => readProperties(reader, keys, depth)
  }
}

/** In quotes `__proto__` would be the prototype. */
function propertyName(key: string): string {
  return key === '__proto__' ? "['__proto__']" : JSON.stringify(key)
}

function readProperties(reader: TermReader, keys: readonly string[], depth: number): object {
  const record: Record<string, unknown> = {}
  for (const key of keys) {
    const value = read(reader, depth)
    if (key === '__proto__') defineProto(record, value)
    else record[key] = value
  }
  return record
}
