import { ErrorCode, VigaError } from './errors.js'
import type { From } from './from.js'
import { isAsyncFunction } from './process/body-kind.js'
import type { Coroutine } from './process/generator-process.js'
import type { Timeout } from './process/receive.js'
import type { Ignore, NoReply, Ok, Reply, Stop, StopReply } from './server-result.js'
import type { Down, ExitMessage } from './signals.js'

/** A callback returns its result, or is an `async` function or a generator function that does. */
export type Eventually<T> = T | PromiseLike<T> | Coroutine<T>

/** What handleInfo may get besides messages of the server's own: ends of others, and its idle time. */
export type SystemMessage = Down | ExitMessage | Timeout

export type CallResult<S> = Reply<unknown, S> | NoReply<S, unknown> | Stop<S> | StopReply<unknown, S>
export type CastResult<S> = NoReply<S, unknown> | Stop<S>

/** What a server's status says, as formatStatus gets and returns it. */
export interface ServerStatus<S = unknown> {
  readonly state: S
}

/**
 * The callbacks of a server in OTP's own form. Each may be a function, an `async` function (declared so: a plain function that
 * returns a promise ends the server) or a generator function; the server handles nothing else until it is through.
 */
export interface ServerBehaviour<S, A extends readonly unknown[] = readonly never[], C = never, K = never, M = never> {
  init(...args: A): Eventually<Ok<S> | Stop<unknown> | Ignore>
  /** A call; without it, calls end the server with ['bad_call', request]. */
  handleCall?(request: C, from: From, state: S): Eventually<CallResult<S>>
  /** A cast; without it, casts end the server with ['bad_cast', request]. */
  handleCast?(request: K, state: S): Eventually<CastResult<S>>
  /** Any other message, DOWN, EXIT and TIMEOUT (idle time) included; without it they are dropped. */
  handleInfo?(message: M | SystemMessage, state: S): Eventually<CastResult<S>>
  /** What a result asked for with { continue }. */
  handleContinue?(continuation: unknown, state: S): Eventually<CastResult<S>>
  /** Before the end: on stop, on an error in a callback, on the parent's exit when trapping; never on 'kill'. */
  terminate?(reason: unknown, state: S): unknown
  /** The state for this behaviour, made from that of the one it replaces. */
  codeChange?(oldVersion: unknown, state: unknown, extra: unknown): Eventually<S>
  /** What GenServer.status shows. */
  formatStatus?(status: ServerStatus<S>): unknown
}

/** A behaviour as the server process runs it. */
export interface AnyBehaviour {
  init(...args: readonly unknown[]): unknown
  handleCall?(request: unknown, from: From, state: unknown): unknown
  handleCast?(request: unknown, state: unknown): unknown
  handleInfo?(message: unknown, state: unknown): unknown
  handleContinue?(continuation: unknown, state: unknown): unknown
  terminate?(reason: unknown, state: unknown): unknown
  codeChange?(oldVersion: unknown, state: unknown, extra: unknown): unknown
  formatStatus?(status: ServerStatus): unknown
}

const callbacks = ['init', 'handleCall', 'handleCast', 'handleInfo', 'handleContinue', 'terminate', 'codeChange'] as const
export type Callback = (typeof callbacks)[number]

/** What is looked up once per behaviour, not once per message. */
export interface CompiledBehaviour {
  readonly behaviour: AnyBehaviour
  /** Which callbacks are async functions: they run inside their process's asynchronous context. */
  readonly async: Readonly<Record<Callback, boolean>>
}

const compiled = new WeakMap<object, CompiledBehaviour>()

/** Checks a behaviour and finds out about its callbacks; once for each. */
export function compileBehaviour(behaviour: unknown, where: string): CompiledBehaviour {
  if (typeof behaviour !== 'object' || behaviour === null)
    throw new VigaError(
      ErrorCode.BadArgument,
      `${where}: the behaviour is ${behaviour === null ? 'null' : typeof behaviour}; an object with init is allowed`,
    )
  const known = compiled.get(behaviour)
  if (known !== undefined) return known
  const found = behaviour as Record<string, unknown>
  for (const name of [...callbacks, 'formatStatus'])
    if (typeof found[name] !== 'function' && (name === 'init' || found[name] !== undefined))
      throw new VigaError(
        ErrorCode.BadArgument,
        `${where}: ${name} of the behaviour is ${found[name] === undefined ? 'missing' : `a ${typeof found[name]}`}; a function is allowed`,
      )
  const made: CompiledBehaviour = {
    behaviour: behaviour as AnyBehaviour,
    async: Object.fromEntries(callbacks.map((name) => [name, isAsyncFunction(found[name])])) as Record<Callback, boolean>,
  }
  compiled.set(behaviour, made)
  return made
}
