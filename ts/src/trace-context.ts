import { ErrorCode, VigaError } from './errors.js'
import { describe } from './term/refusal.js'

/** A position in a distributed trace, as the W3C's two headers tell it (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** Version, trace id, id of the parent span and flags: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. */
  readonly traceparent: string
  /** What vendors add: `vendor=value`, separated by commas. */
  readonly tracestate?: string
}

const traceparent = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-.*)?$/
/** Of version 00; later ones may add parts, of which nothing is known. */
const LENGTH = 55
const member = /^[a-z\d][a-z\d_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
const MOST_MEMBERS = 32

/**
 * A frozen copy of `given`, with just the two headers. O(length).
 *
 * @throws ERR_VIGA_BAD_ARGUMENT when a header does not have the W3C's syntax.
 */
export function checkTraceContext(given: TraceContext, where: string): TraceContext {
  if (typeof given !== 'object' || given === null)
    throw refusal(where, 'the context', given, '{ traceparent, tracestate? } is allowed')
  const { traceparent: parent, tracestate: state } = given
  if (!isTraceParent(parent))
    throw refusal(where, 'traceparent', parent, 'version-traceid-parentid-flags in 2, 32, 16 and 2 small hexadecimal digits is allowed')
  if (state === undefined) return Object.freeze({ traceparent: parent })
  if (!isTraceState(state))
    throw refusal(where, 'tracestate', state, `up to ${MOST_MEMBERS} different key=value, separated by commas, are allowed`)
  return Object.freeze({ traceparent: parent, tracestate: state })
}

function isTraceParent(parent: unknown): parent is string {
  return typeof parent === 'string' && traceparent.test(parent) && (parent.length === LENGTH || !parent.startsWith('00'))
}

function isTraceState(state: unknown): state is string {
  if (typeof state !== 'string') return false
  const members = state.split(',').map(trimmed).filter((text) => text !== '')
  const keys = new Set(members.map((text) => text.slice(0, text.indexOf('='))))
  return members.length <= MOST_MEMBERS && keys.size === members.length && members.every((text) => member.test(text))
}

/** Spaces and tabs around a member are no part of it. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

function refusal(where: string, what: string, given: unknown, allowed: string): VigaError {
  const shown = typeof given === 'string' ? JSON.stringify(given.slice(0, 200)) : describe(given)
  return new VigaError(ErrorCode.BadArgument, `${where}: ${what} is ${shown}; ${allowed}`)
}
