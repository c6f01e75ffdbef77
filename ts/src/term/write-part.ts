/**
 * Writes the parts of terms that are the same in rows, keys and messages: everything that holds no other terms, and the heads of
 * what does.
 */
import type { Pid } from '../pid.js'
import type { Ref } from '../ref.js'
import { encodedAtom } from './atom.js'
import { NOT_A_TERM } from './refusal.js'
import { Tag } from './tag.js'
import type { TermWriter } from './writer.js'

export function writeNumber(writer: TermWriter, value: number, canonical: boolean): void {
  writer.reserve(9)
  const at = writer.position
  if ((value | 0) === value && (value !== 0 || canonical || 1 / value > 0)) {
    writer.bytes[at] = Tag.Integer
    writer.view.setInt32(at + 1, value, true)
    writer.position = at + 5
  } else {
    writer.bytes[at] = Tag.Float
    writeDouble(writer, at + 1, value)
    writer.position = at + 9
  }
}

const CANONICAL_NAN = 0x7ff8000000000000n

/** The bits of a NaN are whatever the engine likes; the format has one NaN. The room has been reserved. */
function writeDouble(writer: TermWriter, at: number, value: number): void {
  if (value === value) writer.view.setFloat64(at, value, true)
  else writer.view.setBigUint64(at, CANONICAL_NAN, true)
}

export function writeString(writer: TermWriter, value: string): void {
  const length = value.length
  if (length >= WORTH_BULK) return writeLongString(writer, value)
  writer.reserve(length + 2)
  const { bytes } = writer
  let at = writer.position
  bytes[at++] = Tag.ShortLatin1
  bytes[at++] = length
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index)
    if (unit > 255) return writeUtf16(writer, value)
    bytes[at++] = unit
  }
  writer.position = at
}

/** Length from which writing a string in bulk makes up for what the call costs; less than 256. */
const WORTH_BULK = 40

type BulkWrite = (this: Uint8Array, text: string, start: number, bytes: number) => number
const bulk = (typeof Buffer === 'undefined' ? {} : Buffer.prototype) as { latin1Write?: BulkWrite; ucs2Write?: BulkWrite }
const { latin1Write, ucs2Write } = bulk

/** For strings that V8 keeps one byte a unit this needs no look at them. */
const beyondLatin1 = /[\u0100-\uffff]/

function writeLongString(writer: TermWriter, value: string): void {
  if (beyondLatin1.test(value)) return writeUtf16(writer, value)
  const length = value.length
  writer.reserve(length + 5)
  const { bytes } = writer
  let at = writer.position
  if (length < 256) {
    bytes[at] = Tag.ShortLatin1
    bytes[at + 1] = length
    at += 2
  } else {
    bytes[at] = Tag.LongLatin1
    writer.view.setUint32(at + 1, length, true)
    at += 5
  }
  writer.position = at + length
  if (latin1Write !== undefined) latin1Write.call(bytes, value, at, length)
  else for (let index = 0; index < length; index++) bytes[at++] = value.charCodeAt(index)
}

function writeUtf16(writer: TermWriter, value: string): void {
  const length = value.length
  writer.reserve(2 * length + 5)
  const { bytes, view } = writer
  let at = writer.position
  bytes[at] = Tag.Utf16
  view.setUint32(at + 1, length, true)
  at += 5
  writer.position = at + 2 * length
  if (length >= WORTH_BULK && ucs2Write !== undefined) ucs2Write.call(bytes, value, at, 2 * length)
  else for (let index = 0; index < length; index++, at += 2) view.setUint16(at, value.charCodeAt(index), true)
}

export function writeBigInt(writer: TermWriter, value: bigint): void {
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

export function writeAtom(writer: TermWriter, value: symbol): void {
  const encoded = encodedAtom(value)
  if (encoded === undefined) throw NOT_A_TERM
  writer.reserve(3 + encoded.length)
  const at = writer.position
  writer.bytes[at] = Tag.Atom
  writer.view.setUint16(at + 1, encoded.length, true)
  writer.bytes.set(encoded, at + 3)
  writer.position = at + 3 + encoded.length
}

export function writeDate(writer: TermWriter, date: Date): void {
  const time = date.getTime()
  writer.reserve(9)
  writer.bytes[writer.position] = Tag.Date
  writeDouble(writer, writer.position + 1, time)
  writer.position += 9
}

export function writeArrayHead(writer: TermWriter, length: number): void {
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

export function writeCountedHead(writer: TermWriter, tag: number, count: number): void {
  writer.reserve(5)
  writer.bytes[writer.position] = tag
  writer.view.setUint32(writer.position + 1, count, true)
  writer.position += 5
}

export function writeBytes(writer: TermWriter, tag: number, bytes: Uint8Array): void {
  writer.reserve(5 + bytes.length)
  const at = writer.position
  writer.bytes[at] = tag
  writer.view.setUint32(at + 1, bytes.length, true)
  writer.bytes.set(bytes, at + 5)
  writer.position = at + 5 + bytes.length
}

export function writePid(writer: TermWriter, pid: Pid): void {
  writer.reserve(9)
  const at = writer.position
  writer.bytes[at] = Tag.Pid
  writer.view.setUint32(at + 1, pid.index, true)
  writer.view.setUint32(at + 5, pid.serial, true)
  writer.position = at + 9
}

export function writeRef(writer: TermWriter, ref: Ref): void {
  writer.reserve(17)
  const at = writer.position
  writer.bytes[at] = Tag.Ref
  writer.view.setUint32(at + 1, ref.index, true)
  writer.view.setUint32(at + 5, ref.serial, true)
  writer.view.setUint32(at + 9, ref.id % 0x1_0000_0000, true)
  writer.view.setUint32(at + 13, ref.id / 0x1_0000_0000, true)
  writer.position = at + 17
}
