/** Reads terms in the term format (docs/design/term-format.md). */
import { binaryOver } from '../binary.js'
import { ErrorCode, VigaError } from '../errors.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { readAtomNamed } from './atom.js'
import { defineProto } from './copy.js'
import { makeError } from './error-term.js'
import { readKey, readLatin1, readShortLatin1, readUtf16 } from './read-string.js'
import { MAX_DEPTH } from './refusal.js'
import { Tag } from './tag.js'

/** Reads what messages hold beside the terms of tables. */
export interface MessageParts {
  /** The part whose tag stands at `at`, which has been passed. */
  readPart(reader: TermReader, at: number, depth: number): unknown
  /** A record of the shape whose number stands next. */
  readShaped(reader: TermReader, depth: number): object
}

/** Reads terms one after the other from `bytes`. */
export class TermReader {
  bytes: Uint8Array
  view: DataView
  /** Where the next term begins. */
  position: number
  /** Where the terms end. */
  end: number
  /** Null where no messages are. */
  readonly parts: MessageParts | null

  constructor(bytes: Uint8Array, position = 0, parts: MessageParts | null = null) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = position
    this.end = bytes.length
    this.parts = parts
  }

  /** Goes on in other bytes. */
  moveTo(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The next term. Throws ERR_VIGA_BAD_ARGUMENT when the bytes are none. O(size). */
  term(): unknown {
    return read(this, 0)
  }

  uint32(): number {
    const at = this.position
    if (at + 4 > this.end) throw malformed(this, at)
    this.position = at + 4
    return this.view.getUint32(at, true)
  }

  float64(): number {
    const at = this.position
    if (at + 8 > this.end) throw malformed(this, at)
    this.position = at + 8
    return this.view.getFloat64(at, true)
  }
}

/** The term that `bytes` begin with. */
export function decodeTerm(bytes: Uint8Array): unknown {
  return new TermReader(bytes).term()
}

export function malformed(reader: TermReader, at: number): VigaError {
  return new VigaError(
    ErrorCode.BadArgument,
    `no well-formed term at byte ${at} of ${reader.end}; what encodeTerm writes is allowed`,
  )
}

/** Moves past `length` bytes and returns where they begin. */
function pass(reader: TermReader, length: number): number {
  const at = reader.position
  if (at + length > reader.end) throw malformed(reader, at)
  reader.position = at + length
  return at
}

export function read(reader: TermReader, depth: number): unknown {
  const at = reader.position
  const bytes = reader.bytes
  if (at >= reader.end) throw malformed(reader, at)
  reader.position = at + 1
  switch (bytes[at]) {
    case Tag.Integer:
      return reader.view.getInt32(pass(reader, 4), true)
    case Tag.ShortLatin1: {
      const length = bytes[pass(reader, 1)] as number
      return readShortLatin1(bytes, pass(reader, length), length)
    }
    case Tag.ShortArray:
      return readArray(reader, bytes[pass(reader, 1)] as number, depth)
    case Tag.Record:
      return readRecord(reader, depth)
    case Tag.ShapedRecord:
      return readShapedRecord(reader, at, depth)
    case Tag.Float:
      return reader.float64()
    case Tag.Undefined:
      return undefined
    case Tag.Null:
      return null
    case Tag.False:
      return false
    case Tag.True:
      return true
    default:
      return readRare(reader, at, depth)
  }
}

function readRare(reader: TermReader, at: number, depth: number): unknown {
  switch (reader.bytes[at]) {
    case Tag.LongLatin1: {
      const length = reader.uint32()
      return readLatin1(reader.bytes, pass(reader, length), length)
    }
    case Tag.Utf16: {
      const length = reader.uint32()
      return readUtf16(reader.bytes, reader.view, pass(reader, 2 * length), length)
    }
    case Tag.LongArray:
      return readArray(reader, reader.uint32(), depth)
    case Tag.Pid:
      return new Pid(reader.uint32(), reader.uint32())
    case Tag.Ref: {
      const index = reader.uint32()
      const serial = reader.uint32()
      const low = reader.uint32()
      return new Ref(index, serial, low + reader.uint32() * 0x1_0000_0000)
    }
    case Tag.BigInt:
      return readBigInt(reader)
    case Tag.Atom:
      return readAtom(reader)
    case Tag.Bytes:
      return readBytes(reader)
    case Tag.Binary:
      return binaryOver(readBytes(reader))
    case Tag.Map:
      return readMap(reader, depth)
    case Tag.Set:
      return readSet(reader, depth)
    case Tag.Date:
      return new Date(reader.float64())
    case Tag.Error:
      return readError(reader, depth)
    default:
      if (reader.parts === null) throw malformed(reader, at)
      return reader.parts.readPart(reader, at, depth)
  }
}

function readArray(reader: TermReader, length: number, depth: number): unknown[] {
  if (depth >= MAX_DEPTH) throw malformed(reader, reader.position)
  const inner = depth + 1
  switch (length) {
    case 0:
      return []
    case 1:
      return [read(reader, inner)]
    case 2:
      return [read(reader, inner), read(reader, inner)]
    case 3:
      return [read(reader, inner), read(reader, inner), read(reader, inner)]
    default:
      return readLongArray(reader, length, inner)
  }
}

/** Numbers without the detour, which would put each of them into a box. */
function readLongArray(reader: TermReader, length: number, inner: number): unknown[] {
  const { bytes, view, end } = reader
  const array: unknown[] = []
  for (let index = 0; index < length; index++) {
    const at = reader.position
    const tag = bytes[at]
    if (tag === Tag.Integer && at + 5 <= end) {
      array.push(view.getInt32(at + 1, true))
      reader.position = at + 5
    } else if (tag === Tag.Float && at + 9 <= end) {
      array.push(view.getFloat64(at + 1, true))
      reader.position = at + 9
    } else {
      array.push(read(reader, inner))
    }
  }
  return array
}

function readRecord(reader: TermReader, depth: number): object {
  if (depth >= MAX_DEPTH) throw malformed(reader, reader.position)
  const count = reader.uint32()
  const record: Record<string, unknown> = {}
  for (let index = 0; index < count; index++) {
    const key = readPropertyName(reader)
    const value = read(reader, depth + 1)
    if (key === '__proto__') defineProto(record, value)
    else record[key] = value
  }
  return record
}

function readShapedRecord(reader: TermReader, at: number, depth: number): object {
  if (depth >= MAX_DEPTH || reader.parts === null) throw malformed(reader, at)
  return reader.parts.readShaped(reader, depth + 1)
}

export function readPropertyName(reader: TermReader): string {
  const at = reader.position
  if (reader.bytes[at] === Tag.ShortLatin1) {
    reader.position = at + 1
    const length = reader.bytes[pass(reader, 1)] as number
    return readKey(reader.bytes, pass(reader, length), length)
  }
  const key = read(reader, MAX_DEPTH)
  if (typeof key !== 'string') throw malformed(reader, at)
  return key
}

function readMap(reader: TermReader, depth: number): Map<unknown, unknown> {
  if (depth >= MAX_DEPTH) throw malformed(reader, reader.position)
  const count = reader.uint32()
  const map = new Map<unknown, unknown>()
  for (let index = 0; index < count; index++) {
    const key = read(reader, depth + 1)
    map.set(key, read(reader, depth + 1))
  }
  return map
}

function readSet(reader: TermReader, depth: number): Set<unknown> {
  if (depth >= MAX_DEPTH) throw malformed(reader, reader.position)
  const count = reader.uint32()
  const set = new Set<unknown>()
  for (let index = 0; index < count; index++) set.add(read(reader, depth + 1))
  return set
}

function readError(reader: TermReader, depth: number): Error {
  if (depth >= MAX_DEPTH) throw malformed(reader, reader.position)
  const at = reader.position
  const name = read(reader, MAX_DEPTH)
  const message = read(reader, MAX_DEPTH)
  const stack = read(reader, MAX_DEPTH)
  const cause = read(reader, depth + 1)
  const further = read(reader, depth + 1)
  if (typeof name !== 'string' || typeof message !== 'string' || typeof further !== 'object' || further === null)
    throw malformed(reader, at)
  return makeError(name, message, typeof stack === 'string' ? stack : undefined, cause, further)
}

function readBigInt(reader: TermReader): bigint {
  const negative = reader.bytes[pass(reader, 1)] === 1
  const length = reader.uint32()
  const start = pass(reader, length)
  let digits = ''
  for (let at = start + length - 1; at >= start; at--) digits += (reader.bytes[at] as number).toString(16).padStart(2, '0')
  const magnitude = digits === '' ? 0n : BigInt(`0x${digits}`)
  return negative ? -magnitude : magnitude
}

function readAtom(reader: TermReader): symbol {
  const head = pass(reader, 2)
  const length = reader.view.getUint16(head, true)
  return readAtomNamed(reader.bytes, pass(reader, length), length)
}

function readBytes(reader: TermReader): Uint8Array {
  const length = reader.uint32()
  const start = pass(reader, length)
  return new Uint8Array(reader.bytes.subarray(start, start + length))
}
