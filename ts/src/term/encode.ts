/**
 * Writes terms in the term format (docs/design/term-format.md). Canonical form, for keys, sorts what has no order of its own,
 * so that equal keys are equal bytes.
 */
import { Binary, bytesOfBinary } from '../binary.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { encodedAtom } from './atom.js'
import { errorFacts } from './error-term.js'
import { compareEntries, compareStrings, compareTerms } from './order.js'
import { isRecordPrototype, MAX_DEPTH, NOT_A_TERM, refusal } from './refusal.js'
import { Tag } from './tag.js'
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

function writeNumber(writer: TermWriter, value: number, canonical: boolean): void {
  writer.reserve(9)
  const at = writer.position
  if ((value | 0) === value && (value !== 0 || canonical || 1 / value > 0)) {
    writer.bytes[at] = Tag.Integer
    writer.view.setInt32(at + 1, value, true)
    writer.position = at + 5
  } else {
    writer.bytes[at] = Tag.Float
    // The bits of a NaN are whatever the engine likes; the format has one NaN.
    if (value === value) writer.view.setFloat64(at + 1, value, true)
    else writer.view.setBigUint64(at + 1, CANONICAL_NAN, true)
    writer.position = at + 9
  }
}

const CANONICAL_NAN = 0x7ff8000000000000n

function writeString(writer: TermWriter, value: string): void {
  const length = value.length
  writer.reserve(length + 5)
  if (length >= WORTH_BULK && writeAscii(writer, value)) return
  const { bytes, position } = writer
  let at = position
  if (length < 256) {
    bytes[at] = Tag.ShortLatin1
    bytes[at + 1] = length
    at += 2
  } else {
    bytes[at] = Tag.LongLatin1
    writer.view.setUint32(at + 1, length, true)
    at += 5
  }
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index)
    if (unit > 255) return writeUtf16(writer, value)
    bytes[at++] = unit
  }
  writer.position = at
}

/** Length from which writing a string in bulk makes up for what the attempt costs. */
const WORTH_BULK = 64
const utf8 = new TextEncoder()

/** Writes a string if it is ASCII, in bulk; false (and nothing done) if not. The room has been reserved. */
function writeAscii(writer: TermWriter, value: string): boolean {
  const length = value.length
  const at = writer.position + (length < 256 ? 2 : 5)
  const { read, written } = utf8.encodeInto(value, writer.bytes.subarray(at, at + length))
  if (read !== length || written !== length) return false
  if (length < 256) {
    writer.bytes[at - 2] = Tag.ShortLatin1
    writer.bytes[at - 1] = length
  } else {
    writer.bytes[at - 5] = Tag.LongLatin1
    writer.view.setUint32(at - 4, length, true)
  }
  writer.position = at + length
  return true
}

function writeUtf16(writer: TermWriter, value: string): void {
  const length = value.length
  writer.reserve(2 * length + 5)
  const view = writer.view
  let at = writer.position
  view.setUint8(at, Tag.Utf16)
  view.setUint32(at + 1, length, true)
  at += 5
  for (let index = 0; index < length; index++, at += 2) view.setUint16(at, value.charCodeAt(index), true)
  writer.position = at
}

function writeBigInt(writer: TermWriter, value: bigint): void {
  const negative = value < 0n
  const magnitude = negative ? -value : value
  if (magnitude <= 0xffffffffffffffffn) {
    writer.reserve(14)
    const at = writer.position
    writer.view.setBigUint64(at + 6, magnitude, true)
    let length = 8
    while (length > 0 && writer.bytes[at + 5 + length] === 0) length--
    writeBigIntHead(writer, negative, length)
    writer.position = at + 6 + length
    return
  }
  const digits = magnitude.toString(16)
  const length = (digits.length + 1) >> 1
  writer.reserve(6 + length)
  writeBigIntHead(writer, negative, length)
  let at = writer.position
  for (let end = digits.length; end > 0; end -= 2)
    writer.bytes[at++] = Number.parseInt(digits.slice(Math.max(0, end - 2), end), 16)
  writer.position = at
}

function writeBigIntHead(writer: TermWriter, negative: boolean, length: number): void {
  const at = writer.position
  writer.bytes[at] = Tag.BigInt
  writer.bytes[at + 1] = negative ? 1 : 0
  writer.view.setUint32(at + 2, length, true)
  writer.position = at + 6
}

function writeAtom(writer: TermWriter, value: symbol): void {
  const encoded = encodedAtom(value)
  if (encoded === undefined) throw NOT_A_TERM
  writer.reserve(3 + encoded.length)
  const at = writer.position
  writer.bytes[at] = Tag.Atom
  writer.view.setUint16(at + 1, encoded.length, true)
  writer.bytes.set(encoded, at + 3)
  writer.position = at + 3 + encoded.length
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
  const time = (value as Date).getTime()
  writer.reserve(9)
  writer.byte(Tag.Date)
  if (time === time) writer.view.setFloat64(writer.position, time, true)
  else writer.view.setBigUint64(writer.position, CANONICAL_NAN, true)
  writer.position += 8
}

function writeArrayHead(writer: TermWriter, length: number): void {
  writer.reserve(5)
  const at = writer.position
  if (length < 256) {
    writer.bytes[at] = Tag.ShortArray
    writer.bytes[at + 1] = length
    writer.position = at + 2
  } else {
    writer.bytes[at] = Tag.LongArray
    writer.view.setUint32(at + 1, length, true)
    writer.position = at + 5
  }
}

function writeArray(writer: TermWriter, array: readonly unknown[], canonical: boolean, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(array)
  if (depth >= MAX_DEPTH || (prototype !== Array.prototype && !Array.isArray(prototype))) throw NOT_A_TERM
  writeArrayHead(writer, array.length)
  for (let index = 0; index < array.length; index++) write(writer, array[index], canonical, depth + 1)
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

function writeCountedHead(writer: TermWriter, tag: number, count: number): void {
  writer.reserve(5)
  writer.bytes[writer.position] = tag
  writer.view.setUint32(writer.position + 1, count, true)
  writer.position += 5
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

function writeBytes(writer: TermWriter, tag: number, bytes: Uint8Array): void {
  writer.reserve(5 + bytes.length)
  const at = writer.position
  writer.bytes[at] = tag
  writer.view.setUint32(at + 1, bytes.length, true)
  writer.bytes.set(bytes, at + 5)
  writer.position = at + 5 + bytes.length
}

function writePid(writer: TermWriter, pid: Pid): void {
  writer.reserve(9)
  const at = writer.position
  writer.bytes[at] = Tag.Pid
  writer.view.setUint32(at + 1, pid.index, true)
  writer.view.setUint32(at + 5, pid.serial, true)
  writer.position = at + 9
}

function writeRef(writer: TermWriter, ref: Ref): void {
  writer.reserve(17)
  const at = writer.position
  writer.bytes[at] = Tag.Ref
  writer.view.setUint32(at + 1, ref.index, true)
  writer.view.setUint32(at + 5, ref.serial, true)
  writer.view.setUint32(at + 9, ref.id % 0x1_0000_0000, true)
  writer.view.setUint32(at + 13, ref.id / 0x1_0000_0000, true)
  writer.position = at + 17
}
