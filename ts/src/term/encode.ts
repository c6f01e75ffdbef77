/**
 * Writes terms in the term format (docs/design/term-format.md). Canonical form, for keys, sorts what has no order of its own,
 * so that equal keys are equal bytes.
 */
import { Binary, bytesOfBinary } from '../binary.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { errorFacts } from './error-term.js'
import { compareEntries, compareStrings, compareTerms } from './order.js'
import { isRecordPrototype, MAX_DEPTH, NOT_A_TERM, refusal } from './refusal.js'
import { Tag } from './tag.js'
import {
  writeArrayHead,
  writeAtom,
  writeBigInt,
  writeBytes,
  writeCountedHead,
  writeDate,
  writeNumber,
  writePid,
  writeRef,
  writeString,
} from './write-part.js'
import { TermWriter } from './writer.js'

const objectPrototype: unknown = Object.prototype
const pidPrototype: unknown = Pid.prototype
const refPrototype: unknown = Ref.prototype
const binaryPrototype: unknown = Binary.prototype

/**
 * Writes `value`. Throws ERR_VIGA_NOT_A_TERM with the path to the offender, beginning with `name`; the writer is then where
 * it was. O(size).
 */
export function encodeTerm(writer: TermWriter, value: unknown, name = 'message'): void {
  const start = writer.position
  try {
    write(writer, value, false, 0)
  } catch (error) {
    writer.position = start
    throw refusal(value, name, error)
  }
}

/** Writes `key` in canonical form. O(size), and the sorting of objects, Maps and Sets in it. */
export function encodeKey(writer: TermWriter, key: unknown, name = 'key'): void {
  const start = writer.position
  try {
    write(writer, key, true, 0)
  } catch (error) {
    writer.position = start
    throw refusal(key, name, error)
  }
}

/** Writes `row` with the element at `keyPosition` in canonical form. */
export function encodeRow(writer: TermWriter, row: readonly unknown[], keyPosition: number, name = 'row'): void {
  const start = writer.position
  try {
    writeArrayHead(writer, row.length)
    for (let index = 0; index < row.length; index++) {
      const value = row[index]
      // What rows are mostly made of, without the detour.
      if (typeof value === 'number') writeNumber(writer, value, index === keyPosition)
      else if (typeof value === 'string') writeString(writer, value)
      else write(writer, value, index === keyPosition, 1)
    }
  } catch (error) {
    writer.position = start
    throw refusal(row, name, error)
  }
}

function write(writer: TermWriter, value: unknown, canonical: boolean, depth: number): void {
  switch (typeof value) {
    case 'number':
      return writeNumber(writer, value, canonical)
    case 'string':
      return writeString(writer, value)
    case 'object':
      return value === null ? writer.byte(Tag.Null) : writeObject(writer, value, canonical, depth)
    case 'boolean':
      return writer.byte(value ? Tag.True : Tag.False)
    case 'undefined':
      return writer.byte(Tag.Undefined)
    case 'bigint':
      return writeBigInt(writer, value)
    case 'symbol':
      return writeAtom(writer, value)
    default:
      throw NOT_A_TERM
  }
}

function writeObject(writer: TermWriter, value: object, canonical: boolean, depth: number): void {
  if (Array.isArray(value)) return writeArray(writer, value, canonical, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === objectPrototype) return writeRecord(writer, value, canonical, depth)
  if (prototype === pidPrototype) return writePid(writer, value as Pid)
  if (prototype === refPrototype) return writeRef(writer, value as Ref)
  if (prototype === binaryPrototype) return writeBytes(writer, Tag.Binary, bytesOfBinary(value as Binary))
  writeOther(writer, value, prototype, canonical, depth)
}

function writeOther(writer: TermWriter, value: object, prototype: unknown, canonical: boolean, depth: number): void {
  if (isRecordPrototype(prototype)) return writeRecord(writer, value, canonical, depth)
  if (value instanceof Uint8Array) return writeBytes(writer, Tag.Bytes, value)
  if (value instanceof Error) return writeError(writer, value, canonical, depth)
  if (prototype === Map.prototype) return writeMap(writer, value as ReadonlyMap<unknown, unknown>, canonical, depth)
  if (prototype === Set.prototype) return writeSet(writer, value as ReadonlySet<unknown>, canonical, depth)
  if (prototype !== Date.prototype) throw NOT_A_TERM
  writeDate(writer, value as Date)
}

function writeArray(writer: TermWriter, array: readonly unknown[], canonical: boolean, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(array)
  if (depth >= MAX_DEPTH || (prototype !== Array.prototype && !Array.isArray(prototype))) throw NOT_A_TERM
  writeArrayHead(writer, array.length)
  for (let index = 0; index < array.length; index++) {
    const value = array[index]
    // What arrays are mostly made of, without the detour, which would put numbers into boxes.
    if (typeof value === 'number') writeNumber(writer, value, canonical)
    else write(writer, value, canonical, depth + 1)
  }
}

function writeRecord(writer: TermWriter, record: object, canonical: boolean, depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  if (canonical) return writeSortedRecord(writer, record, depth)
  const head = writer.position + 1
  writeCountedHead(writer, Tag.Record, 0)
  let count = 0
  for (const key in record) {
    writeString(writer, key)
    write(writer, (record as Record<string, unknown>)[key], false, depth + 1)
    count++
  }
  writer.view.setUint32(head, count, true)
}

function writeSortedRecord(writer: TermWriter, record: object, depth: number): void {
  const keys = Object.keys(record).sort(compareStrings)
  writeCountedHead(writer, Tag.Record, keys.length)
  for (const key of keys) {
    writeString(writer, key)
    write(writer, (record as Record<string, unknown>)[key], true, depth + 1)
  }
}

function writeMap(writer: TermWriter, map: ReadonlyMap<unknown, unknown>, canonical: boolean, depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const entries = canonical ? [...map].sort(compareEntries) : map
  writeCountedHead(writer, Tag.Map, map.size)
  for (const [key, value] of entries) {
    write(writer, key, canonical, depth + 1)
    write(writer, value, canonical, depth + 1)
  }
}

function writeSet(writer: TermWriter, set: ReadonlySet<unknown>, canonical: boolean, depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const elements = canonical ? [...set].sort(compareTerms) : set
  writeCountedHead(writer, Tag.Set, set.size)
  for (const element of elements) write(writer, element, canonical, depth + 1)
}

function writeError(writer: TermWriter, error: Error, canonical: boolean, depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const facts = errorFacts(error)
  writer.byte(Tag.Error)
  writeString(writer, facts.name)
  writeString(writer, facts.message)
  writeErrorRest(writer, facts, canonical, depth)
}

function writeErrorRest(
  writer: TermWriter,
  facts: ReturnType<typeof errorFacts>,
  canonical: boolean,
  depth: number,
): void {
  write(writer, facts.stack, canonical, depth + 1)
  write(writer, facts.cause, canonical, depth + 1)
  writeRecord(writer, facts.further, canonical, depth + 1)
}

/** Of an error what comes after name and message, canonical: the order of errors falls back on it. */
export function encodedErrorRest(error: Error): Uint8Array {
  const writer = new TermWriter(new Uint8Array(256))
  writeErrorRest(writer, errorFacts(error), true, 0)
  return writer.written()
}
