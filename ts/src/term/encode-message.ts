/**
 * Writes messages between schedulers in the term format (docs/design/term-format.md): what copyTerm (copy.ts) copies, told apart in
 * the same way, and viga's own requests.
 *
 * While a message is written, code of its author may run (a getter, a proxy) and records may move: what has been written is
 * found by its distance from the writer's `start`, never by its position.
 */
import { Binary, bytesOfBinary, offsetOfBinary } from '../binary.js'
import { Pid } from '../pid.js'
import { Ref } from '../ref.js'
import { CallRequest, CastRequest, SystemRequest } from '../request.js'
import { TracedMessage } from '../traced-message.js'
import { encodedAtom } from './atom.js'
import { partsOfRequest } from './direct-request.js'
import { errorFacts } from './error-term.js'
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
import type { TermWriter } from './writer.js'

/** The part of `message` that its author chose: the request in one of viga's envelopes, or all of it. */
export function contentOf(message: unknown): unknown {
  if (message instanceof TracedMessage) return contentOf(message.message)
  if (message instanceof CallRequest || message instanceof CastRequest) return message.request
  return message instanceof SystemRequest ? message.argument : message
}

/** Writes a message. Throws NOT_A_TERM, or whatever reading the message throws. O(size). */
export function writeMessage(writer: TermWriter, message: unknown): void {
  if (typeof message === 'object' && message !== null) {
    const { constructor } = message
    if (constructor === CallRequest) return writeCall(writer, message as CallRequest)
    if (constructor === CastRequest) return writeCast(writer, message as CastRequest)
    if (constructor === SystemRequest) return writeSystem(writer, message as SystemRequest)
    if (constructor === TracedMessage) return writeTraced(writer, message as TracedMessage)
    return writeObject(writer, message, 0)
  }
  writeTerm(writer, message, 0)
}

function writeTraced(writer: TermWriter, { context, message }: TracedMessage): void {
  writer.byte(Tag.TracedMessage)
  writeString(writer, context.traceparent)
  writeString(writer, context.tracestate ?? '')
  writeMessage(writer, message)
}

function writeCall(writer: TermWriter, { from, request }: CallRequest): void {
  writer.byte(Tag.CallRequest)
  writeRef(writer, from)
  writeTerm(writer, request, 0)
}

function writeCast(writer: TermWriter, { request }: CastRequest): void {
  writer.byte(Tag.CastRequest)
  writeTerm(writer, request, 0)
}

function writeSystem(writer: TermWriter, { from, kind, argument }: SystemRequest): void {
  writer.byte(Tag.SystemRequest)
  writeRef(writer, from)
  writeString(writer, kind)
  writeTerm(writer, argument, 0)
}

function writeTerm(writer: TermWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'number':
      return writeNumber(writer, value, false)
    case 'string':
      return writeString(writer, value)
    case 'object':
      return value === null ? writer.byte(Tag.Null) : writeObject(writer, value, depth)
    case 'boolean':
      return writer.byte(value ? Tag.True : Tag.False)
    case 'undefined':
      return writer.byte(Tag.Undefined)
    case 'bigint':
      return writeBigInt(writer, value)
    case 'symbol':
      return writeSymbol(writer, value)
    default:
      throw NOT_A_TERM
  }
}

/** Atoms whose names UTF-8 cannot carry, or that are longer than tables allow, go by their UTF-16 units. */
function writeSymbol(writer: TermWriter, value: symbol): void {
  if (encodedAtom(value) !== undefined) return writeAtom(writer, value)
  const name = Symbol.keyFor(value)
  if (name === undefined) throw NOT_A_TERM
  writer.byte(Tag.NamedAtom)
  writeString(writer, name)
}

/** Decides as copyObject does, for the reasons given there. */
function writeObject(writer: TermWriter, value: object, depth: number): void {
  const { constructor } = value
  if (Array.isArray(value)) {
    if (constructor === Array) return writeArray(writer, value, depth)
  } else if (constructor === Object) {
    return writeRecord(writer, value, depth)
  } else if (value instanceof Pid) {
    return writePid(writer, value)
  } else if (value instanceof Ref) {
    return writeRef(writer, value)
  } else if (value instanceof Binary) {
    return writeBinary(writer, value)
  }
  writeOther(writer, value, Object.getPrototypeOf(value), depth)
}

function writeOther(writer: TermWriter, value: object, prototype: unknown, depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  if (Array.isArray(value)) {
    if (prototype === Array.prototype || Array.isArray(prototype)) return writeArray(writer, value, depth)
    throw NOT_A_TERM
  }
  if (isRecordPrototype(prototype)) return writeRecord(writer, value, depth)
  if (value instanceof Uint8Array) return writeBytes(writer, Tag.Bytes, value)
  if (value instanceof Error) return writeError(writer, value, depth + 1)
  if (prototype === Map.prototype) return writeMap(writer, value as ReadonlyMap<unknown, unknown>, depth + 1)
  if (prototype === Set.prototype) return writeSet(writer, value as ReadonlySet<unknown>, depth + 1)
  if (prototype === Date.prototype) return writeDate(writer, value as Date)
  if (depth > 0) throw NOT_A_TERM
  writeDirectRequest(writer, value)
}

function writeDirectRequest(writer: TermWriter, value: object): void {
  const request = partsOfRequest(value)
  if (request === undefined) throw NOT_A_TERM
  writer.byte(Tag.DirectRequest)
  writeString(writer, request.name)
  try {
    writeArray(writer, request.parts, 0)
  } catch (thrown) {
    // The request itself is no term; what of it is refused must be said here.
    throw refusal(request.parts, 'request', thrown)
  }
}

function writeArray(writer: TermWriter, array: readonly unknown[], depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const { length } = array
  writeArrayHead(writer, length)
  for (let index = 0; index < length; index++) {
    const value = array[index]
    // What arrays are mostly made of, without the detour, and numbers without a box.
    if (typeof value === 'number') writeNumber(writer, value, false)
    else if (typeof value === 'string') writeString(writer, value)
    else writeTerm(writer, value, depth + 1)
  }
}

/** Own and inherited enumerable properties, each read once. Which shape they make is known only when all have been seen. */
function writeRecord(writer: TermWriter, record: object, depth: number): void {
  if (depth >= MAX_DEPTH) throw NOT_A_TERM
  const shapes = writer.carrier === null ? null : writer.carrier.shapes
  if (shapes === null) return writeNamedRecord(writer, record, depth)
  writeCountedHead(writer, Tag.ShapedRecord, 0)
  const head = writer.position - 5 - writer.start
  let shape = shapes.root
  let unknown: string[] | null = null
  for (const key in record) {
    const value = (record as Record<string, unknown>)[key]
    if (unknown === null) {
      const longer = shapes.longer(shape, key)
      if (longer !== null) {
        shape = longer
      } else {
        unknown = [...shape.keys, key]
        shapes.grow(shape, key)
      }
    } else {
      unknown.push(key)
    }
    if (typeof value === 'number') writeNumber(writer, value, false)
    else if (typeof value === 'string') writeString(writer, value)
    else writeTerm(writer, value, depth + 1)
  }
  const number = unknown === null ? shapes.numberOf(shape) : 0
  if (number > 0) writer.view.setUint32(writer.start + head + 1, number, true)
  else writeNamesAfter(writer, head, unknown ?? shape.keys)
}

/** For a record without a shape: its names, after the values that are there already. */
function writeNamesAfter(writer: TermWriter, head: number, keys: readonly string[]): void {
  writer.bytes[writer.start + head] = Tag.RecordByValues
  writer.view.setUint32(writer.start + head + 1, keys.length, true)
  for (const key of keys) writeString(writer, key)
}

function writeNamedRecord(writer: TermWriter, record: object, depth: number): void {
  writeCountedHead(writer, Tag.Record, 0)
  const head = writer.position - 4 - writer.start
  let count = 0
  for (const key in record) {
    const value = (record as Record<string, unknown>)[key]
    writeString(writer, key)
    writeTerm(writer, value, depth + 1)
    count++
  }
  writer.view.setUint32(writer.start + head, count, true)
}

function writeMap(writer: TermWriter, map: ReadonlyMap<unknown, unknown>, inner: number): void {
  writeCountedHead(writer, Tag.Map, 0)
  const head = writer.position - 4 - writer.start
  let count = 0
  for (const [key, value] of map) {
    writeTerm(writer, key, inner)
    writeTerm(writer, value, inner)
    count++
  }
  writer.view.setUint32(writer.start + head, count, true)
}

function writeSet(writer: TermWriter, set: ReadonlySet<unknown>, inner: number): void {
  writeCountedHead(writer, Tag.Set, 0)
  const head = writer.position - 4 - writer.start
  let count = 0
  for (const element of set) {
    writeTerm(writer, element, inner)
    count++
  }
  writer.view.setUint32(writer.start + head, count, true)
}

function writeError(writer: TermWriter, error: Error, inner: number): void {
  const facts = errorFacts(error)
  writer.byte(Tag.Error)
  writeString(writer, facts.name)
  writeString(writer, facts.message)
  writeTerm(writer, facts.stack, inner)
  writeTerm(writer, facts.cause, inner)
  writeRecord(writer, facts.further, inner)
}

/** By reference when it is long, see the carrier. */
function writeBinary(writer: TermWriter, binary: Binary): void {
  const place = writer.carrier === null ? -1 : writer.carrier.enlist(binary)
  if (place === -1) return writeBytes(writer, Tag.Binary, bytesOfBinary(binary))
  writer.reserve(13)
  const at = writer.position
  writer.bytes[at] = Tag.SharedBinary
  writer.view.setUint32(at + 1, place, true)
  writer.view.setUint32(at + 5, offsetOfBinary(binary), true)
  writer.view.setUint32(at + 9, binary.length, true)
  writer.position = at + 13
}
