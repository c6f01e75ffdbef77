import { basename } from 'node:path'
import { isModuleMeta, type ModuleMeta } from './blueprint.js'
import type { CallOptions } from './call.js'
import { type ChildOverrides, type ChildSpec, overrideNames } from './child-spec.js'
import { DefinitionHome } from './definition-home.js'
import { exportsOf, type Module } from './definition-loader.js'
import { ErrorCode, VigaError } from './errors.js'
import { andThen, type Handler, prepared } from './handler.js'
import type { Operation } from './process/operation.js'
import {
  type AnyBehaviour,
  type CastResult,
  compileBehaviour,
  type CompiledBehaviour,
  type Eventually,
  type ServerStatus,
  type SystemMessage,
} from './server-behaviour.js'
import { callClientClass, castClientClass, type ClientClass, ServerHandle } from './server-handle.js'
import type { ServerRef } from './server-ref.js'
import {
  type Ignore,
  noReply,
  ok,
  type NoReply,
  type Ok,
  type Reply,
  ServerResult,
  type Stop,
  type StopReply,
} from './server-result.js'
import { describeStart } from './start-blueprint.js'
import { type StartOptions, startOptionNames, StartOperation } from './start.js'
import { describe } from './term/refusal.js'

/** Handlers of calls by name: (state, ...arguments) to reply(value, state), noReply(state) or stop(...). */
export type CallHandlers<S> = {
  readonly [name: string]: (
    state: S,
    ...args: never[]
  ) => Eventually<Reply<unknown, S> | NoReply<S, unknown> | Stop<S> | StopReply<unknown, S>>
}

/** Handlers of casts by name: (state, ...arguments) to the new state, or noReply(state, next), or stop(reason, state). */
export type CastHandlers<S> = { readonly [name: string]: (state: S, ...args: never[]) => Eventually<S | CastResult<S>> }

type Settled<T> = T extends Generator<unknown, infer V, unknown> ? V : Awaited<T>
type ReplyOf<T> =
  T extends Reply<infer R, unknown>
    ? R
    : T extends StopReply<infer R, unknown>
      ? R
      : T extends NoReply<unknown, infer R>
        ? R
        : never
/** A handler that only ever answers later says with replyLater what; otherwise nobody knows. */
type KnownReply<R> = [R] extends [never] ? unknown : R

export type CallMethods<C> = {
  readonly [N in keyof C]: C[N] extends (state: never, ...args: infer A) => infer R
    ? (...args: A) => Operation<KnownReply<ReplyOf<Settled<R>>>>
    : never
}
export type CastMethods<K> = {
  readonly [N in keyof K]: K[N] extends (state: never, ...args: infer A) => unknown ? (...args: A) => void : never
}

/** The parts of a server. Every function may be plain, `async` or a generator function. */
export interface ServerParts<S, A extends readonly unknown[], C, K, M> {
  /** The first state, or ok(state, next), stop(reason), ignore(). */
  readonly init: (...args: A) => Eventually<S | Ok<S> | Stop<never> | Ignore>
  readonly call?: C & CallHandlers<S>
  readonly cast?: K & CastHandlers<S>
  /** Everything else: messages, DOWN, EXIT and TIMEOUT. Dropped without it. */
  readonly info?: (state: S, message: M | SystemMessage) => Eventually<S | CastResult<S>>
  /** What a result asked for with { continue }. */
  readonly continue?: (state: S, continuation: unknown) => Eventually<S | CastResult<S>>
  /** Before the end, except by 'kill'. */
  readonly terminate?: (state: S, reason: unknown) => unknown
  readonly codeChange?: (state: unknown, oldVersion: unknown, extra: unknown) => Eventually<S>
  readonly formatStatus?: (status: ServerStatus<S>) => unknown
  /** Default id of its children: the name of the file unless given. */
  readonly name?: string
}

/** Handlers whose result may be just the new state: makes it `wrap(state)`. */
function stateful(handler: Handler, wrap: (state: unknown) => unknown): Handler {
  return andThen(handler, (value) => (value instanceof ServerResult ? value : wrap(value)))
}

function handlerTable(handlers: unknown, what: string, prepare: (handler: Handler) => Handler): Record<string, Handler> {
  const table = Object.create(null) as Record<string, Handler>
  if (handlers === undefined) return table
  if (typeof handlers !== 'object' || handlers === null)
    throw new VigaError(ErrorCode.BadArgument, `genServer: ${what} is ${String(handlers)}; an object of handlers is allowed`)
  for (const [name, handler] of Object.entries(handlers)) {
    if (typeof handler !== 'function')
      throw new VigaError(ErrorCode.BadArgument, `genServer: ${what}.${name} is a ${typeof handler}; a function is allowed`)
    table[name] = prepare(handler as Handler)
  }
  return table
}

/** Calls the handler that `request`, [name, ...arguments], asks for. */
function dispatch(handlers: Record<string, Handler>, what: string, request: unknown, state: unknown): unknown {
  if (!Array.isArray(request)) throw unknownRequest(handlers, what, typeof request)
  const handler = handlers[request[0] as string]
  if (handler === undefined) throw unknownRequest(handlers, what, String(request[0]))
  switch (request.length) {
    case 1:
      return handler(state)
    case 2:
      return handler(state, request[1])
    case 3:
      return handler(state, request[1], request[2])
    default:
      return handler(state, ...request.slice(1))
  }
}

function unknownRequest(handlers: Record<string, Handler>, what: string, given: string): VigaError {
  return new VigaError(
    ErrorCode.BadArgument,
    `a server was asked for the ${what} ${given}; it has ${Object.keys(handlers).join(', ') || 'none'}`,
  )
}

/** The behaviour that `parts` stand for. */
function behaviourOf(parts: ServerParts<unknown, never[], object, object, unknown>): AnyBehaviour {
  const calls = handlerTable(parts.call, 'call', prepared)
  const casts = handlerTable(parts.cast, 'cast', (handler) => stateful(handler, noReply))
  const init = stateful(parts.init as Handler, ok)
  const behaviour: AnyBehaviour = {
    init,
    handleCall: (request, _from, state) => dispatch(calls, 'call', request, state),
    handleCast: (request, state) => dispatch(casts, 'cast', request, state),
  }
  if (parts.info !== undefined) {
    const info = stateful(parts.info as Handler, noReply)
    behaviour.handleInfo = (message, state) => info(state, message)
  }
  if (parts.continue !== undefined) {
    const proceed = stateful(parts.continue as Handler, noReply)
    behaviour.handleContinue = (continuation, state) => proceed(state, continuation)
  }
  if (parts.terminate !== undefined) {
    const terminate = prepared(parts.terminate as Handler)
    behaviour.terminate = (reason, state) => terminate(state, reason)
  }
  if (parts.codeChange !== undefined) {
    const change = prepared(parts.codeChange as Handler)
    behaviour.codeChange = (oldVersion, state, extra) => change(state, oldVersion, extra)
  }
  const { formatStatus } = parts
  if (formatStatus !== undefined) behaviour.formatStatus = formatStatus as (status: ServerStatus) => unknown
  return behaviour
}

/** True for options given after the arguments: a plain object, past what init requires, of option names only. */
function isTrailing(value: unknown, position: number, required: number, names: ReadonlySet<string>): boolean {
  if (position < required || typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every((key) => names.has(key))
}

/** What may follow the arguments of init in `child`. */
const childOptionNames: ReadonlySet<string> = new Set([...overrideNames, ...startOptionNames])

const definitionsOf = new Map<string, number>()

/** The default id of children: the file's name, numbered when it defines several. */
function defaultId(url: string | undefined): string {
  const file = url === undefined ? 'server' : basename(new URL(url).pathname).replace(/\.[^.]*$/, '')
  const count = (definitionsOf.get(url ?? '') ?? 0) + 1
  definitionsOf.set(url ?? '', count)
  return count === 1 && url !== undefined ? file : `${file}-${count}`
}

/** A kind of server, made by {@link genServer}. */
export class ServerDefinition<A extends readonly unknown[], Calls extends object, Casts extends object> {
  /** Where it is defined, if import.meta was given. */
  readonly url: string | undefined
  /** Default id of its children. */
  readonly name: string
  /** The behaviour, for GenServer and changeCode. */
  readonly behaviour: AnyBehaviour
  /** @internal What a process of it runs. */
  readonly compiled: CompiledBehaviour
  /** @internal Where other isolates find it, if import.meta was given. */
  readonly home: DefinitionHome | null
  readonly #clients: readonly [ClientClass, ClientClass]
  readonly #required: number

  /** Use {@link genServer}. */
  constructor(meta: ModuleMeta | null, parts: ServerParts<never, never[], object, object, never>) {
    const given = parts as unknown as ServerParts<unknown, never[], object, object, unknown>
    if (typeof given !== 'object' || given === null || typeof given.init !== 'function')
      throw new VigaError(
        ErrorCode.BadArgument,
        'genServer: init is missing; { init, call, cast, info, terminate, ... } is allowed',
      )
    this.url = meta?.url
    this.name = given.name ?? defaultId(this.url)
    this.behaviour = behaviourOf(given)
    this.compiled = compileBehaviour(this.behaviour, 'genServer')
    this.home = meta === null ? null : new DefinitionHome(meta, this)
    this.#clients = [callClientClass(Object.keys(given.call ?? {})), castClientClass(Object.keys(given.cast ?? {}))]
    this.#required = given.init.length
  }

  /**
   * Starts a server with the arguments of init, and options after them: `Counter.start(0, { name: 'counter' })`. Done when init
   * is through, with a handle.
   *
   * An object after the arguments that init requires is taken for options when it has nothing but option names in it.
   * Fails with StartError: init stopped, failed, ignored or took too long, or the name is taken.
   */
  start(...args: readonly [...A, options?: StartOptions]): StartOperation<ServerHandle<Calls, Casts>> {
    return this.#starting(args, false)
  }

  /** Like start, linked: when init fails the caller gets the exit signal too, as in Erlang. */
  startLink(...args: readonly [...A, options?: StartOptions]): StartOperation<ServerHandle<Calls, Casts>> {
    return this.#starting(args, true)
  }

  /** A handle for a server of this kind that runs already. */
  at(server: ServerRef, options?: CallOptions): ServerHandle<Calls, Casts> {
    return new ServerHandle<Calls, Casts>(server, this.#clients, options)
  }

  /**
   * A child specification, for supervisors: the arguments of init, then what is to differ: `Counter.child(0, { id: 'hits',
   * restart: 'transient', name: 'hits' })`. Start options go in the same object.
   */
  child(...args: readonly [...A, overrides?: ChildOverrides & StartOptions]): ChildSpec {
    const last = args.at(-1)
    const trailing = isTrailing(last, args.length - 1, this.#required, childOptionNames)
    const given = trailing ? args.slice(0, -1) : args
    const options: Record<string, unknown> = {}
    const overrides: Record<string, unknown> = {}
    if (trailing)
      for (const [name, value] of Object.entries(last as object))
        (startOptionNames.has(name) ? options : overrides)[name] = value
    const id = typeof options['name'] === 'string' ? options['name'] : this.name
    return { id, start: this.childStart(given, options), ...overrides }
  }

  /** @internal What starts a child, linked, and is known on other schedulers. */
  childStart(args: readonly unknown[], options: StartOptions): () => StartOperation<ServerHandle<Calls, Casts>> {
    const start = (): StartOperation<ServerHandle<Calls, Casts>> =>
      new StartOperation(this.compiled, args, options, true, this.#handle, this.home)
    if (this.home !== null) describeStart(start, this.home, args, options)
    return start
  }

  readonly #handle = (pid: ServerRef): ServerHandle<Calls, Casts> => this.at(pid)

  #starting(args: readonly unknown[], link: boolean): StartOperation<ServerHandle<Calls, Casts>> {
    const last = args.at(-1)
    if (!isTrailing(last, args.length - 1, this.#required, startOptionNames))
      return new StartOperation(this.compiled, args, undefined, link, this.#handle, this.home)
    return new StartOperation(this.compiled, args.slice(0, -1), last as StartOptions, link, this.#handle, this.home)
  }
}

/** The type of the handles of a definition: `HandleOf<typeof Counter>`. */
export type HandleOf<D> = D extends ServerDefinition<infer _A, infer Calls, infer Casts> ? ServerHandle<Calls, Casts> : never

/** The definition that `name` means in its module: exported under it, or by its place ('#1') and exported under any. */
export function findDefinition(module: Module, name: string): ServerDefinition<never[], object, object> | undefined {
  const exported = exportsOf(module)
  const place = name.startsWith('#') ? Number(name.slice(1)) : 0
  for (const value of place === 0 ? [exported.get(name)] : exported.values())
    if (value instanceof ServerDefinition && (place === 0 || value.home?.place === place)) return value
  return undefined
}

/**
 * Defines a kind of server. Requests and the types of their replies are inferred from the handlers.
 *
 * Each handler gets the state and the arguments of the request. A call handler returns reply(value, state), noReply(state) or
 * stop(reason, state); a cast handler the new state.
 *
 * With `import.meta` before the parts, and exported from its module, the definition can start on any scheduler: `export const
 * Counter = genServer(import.meta, { ... })`, then `Counter.start(0, { scheduler: 2 })`.
 *
 * @example
 * const Counter = genServer({
 *   init: (start: number) => start,
 *   call: { get: (n) => reply(n, n), add: (n, by: number) => reply(n + by, n + by) },
 *   cast: { reset: () => 0 },
 * })
 * const counter = await Counter.start(0)
 * await counter.call.add(5) // 5
 */
export function genServer<
  S,
  A extends readonly unknown[],
  C extends CallHandlers<S> = {},
  K extends CastHandlers<S> = {},
  M = unknown,
>(parts: ServerParts<S, A, C, K, M>): ServerDefinition<A, CallMethods<C>, CastMethods<K>>
export function genServer<
  S,
  A extends readonly unknown[],
  C extends CallHandlers<S> = {},
  K extends CastHandlers<S> = {},
  M = unknown,
>(meta: ModuleMeta, parts: ServerParts<S, A, C, K, M>): ServerDefinition<A, CallMethods<C>, CastMethods<K>>
export function genServer(metaOrParts: unknown, parts?: unknown): ServerDefinition<never[], object, object> {
  const local = parts === undefined
  const chosen = (local ? metaOrParts : parts) as ServerParts<never, never[], object, object, never>
  if (!local && !isModuleMeta(metaOrParts))
    throw new VigaError(ErrorCode.BadArgument, `genServer: ${describe(metaOrParts)} is given before the parts; import.meta, or { url }, is allowed`)
  return new ServerDefinition(local ? null : (metaOrParts as ModuleMeta), chosen)
}
