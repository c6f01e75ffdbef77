/** Reads what only messages between schedulers hold (encode-message.ts). */
import type { Ref } from '../ref.js'
import { CallRequest, CastRequest, SystemRequest } from '../request.js'
import type { TraceContext } from '../trace-context.js'
import { arrivedMessage } from '../tracing.js'
import { defineProto } from './copy.js'
import { malformed, read, readPropertyName, type TermReader } from './decode.js'
import { requestOf } from './direct-request.js'
import { MAX_DEPTH } from './refusal.js'
import { Tag } from './tag.js'

const systemKinds: ReadonlySet<string> = new Set<SystemRequest['kind']>(['start', 'stop', 'status', 'change_code'])

/** A request of viga's own, which nothing else holds, an atom, or a record whose names come after its values. */
export function readRequest(reader: TermReader, at: number, depth: number): unknown {
  const tag = reader.bytes[at]
  if (tag === Tag.NamedAtom) return Symbol.for(readText(reader))
  if (tag === Tag.RecordByValues) return readRecordByValues(reader, depth)
  if (depth > 0) throw malformed(reader, at)
  switch (tag) {
    case Tag.CallRequest:
      return new CallRequest(readFrom(reader), readContent(reader))
    case Tag.CastRequest:
      return new CastRequest(readContent(reader))
    case Tag.SystemRequest: {
      const from = readFrom(reader)
      const kind = readText(reader)
      if (!systemKinds.has(kind)) throw malformed(reader, at)
      return new SystemRequest(from, kind as SystemRequest['kind'], readContent(reader))
    }
    case Tag.TracedMessage: {
      const context = readTrace(reader)
      if (reader.bytes[reader.position] === Tag.TracedMessage) throw malformed(reader, at)
      return arrivedMessage(context, read(reader, 0))
    }
    case Tag.DirectRequest:
      return readDirectRequest(reader, at)
    default:
      throw malformed(reader, at)
  }
}

function readDirectRequest(reader: TermReader, at: number): object {
  const name = readText(reader)
  // Parts are an array; anything else might be a request of requests without end.
  const tag = reader.bytes[reader.position]
  if (tag !== Tag.ShortArray) throw malformed(reader, at)
  const parts = read(reader, 0)
  const request = Array.isArray(parts) ? requestOf(name, parts) : undefined
  if (request === undefined) throw malformed(reader, at)
  return request
}

/** The headers, which were checked when they came into the sender's isolate. */
function readTrace(reader: TermReader): TraceContext {
  const traceparent = readText(reader)
  const tracestate = readText(reader)
  return Object.freeze(tracestate === '' ? { traceparent } : { traceparent, tracestate })
}

/** A term as deep as any: it stands by itself, and so must not be an envelope again, whose content might be one again. */
function readContent(reader: TermReader): unknown {
  const at = reader.position
  const tag = reader.bytes[at] as number
  if (tag >= Tag.CallRequest && tag !== Tag.DirectRequest) throw malformed(reader, at)
  return read(reader, 0)
}

function readFrom(reader: TermReader): Ref {
  const at = reader.position
  if (reader.bytes[at] !== Tag.Ref) throw malformed(reader, at)
  return read(reader, 0) as Ref
}

function readText(reader: TermReader): string {
  const at = reader.position
  const tag = reader.bytes[at] as number
  if (tag < Tag.ShortLatin1 || tag > Tag.Utf16) throw malformed(reader, at)
  return read(reader, 0) as string
}

function readRecordByValues(reader: TermReader, depth: number): object {
  if (depth >= MAX_DEPTH) throw malformed(reader, reader.position)
  const count = reader.uint32()
  const values: unknown[] = []
  for (let index = 0; index < count; index++) values.push(read(reader, depth + 1))
  const record: Record<string, unknown> = {}
  for (const value of values) {
    const key = readPropertyName(reader)
    if (key === '__proto__') defineProto(record, value)
    else record[key] = value
  }
  return record
}
