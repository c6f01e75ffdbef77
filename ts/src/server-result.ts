import type { From } from './from.js'

/** What a server does next: an idle time in ms after which it is told, hibernation, or a continuation before any message. */
export type Next = number | 'hibernate' | { readonly continue: unknown }

export const ResultKind = { Reply: 0, NoReply: 1, Stop: 2, StopReply: 3, Ok: 4, Ignore: 5 } as const
export type ResultKind = (typeof ResultKind)[keyof typeof ResultKind]

/** What a callback of a server returns. One class for all results, so that the server sees one shape. */
export class ServerResult<out K extends ResultKind, out R, out S> {
  readonly kind: K
  /** The reply. */
  readonly value: R
  /** The new state. */
  readonly state: S
  /** What comes next, or the reason to stop. */
  readonly extra: unknown

  constructor(kind: K, value: R, state: S, extra: unknown) {
    this.kind = kind
    this.value = value
    this.state = state
    this.extra = extra
  }
}

export type Ok<S> = ServerResult<typeof ResultKind.Ok, undefined, S>
export type Ignore = ServerResult<typeof ResultKind.Ignore, undefined, undefined>
export type Reply<R, S> = ServerResult<typeof ResultKind.Reply, R, S>
/** `R` is what will be answered later. */
export type NoReply<S, R = never> = ServerResult<typeof ResultKind.NoReply, R, S>
export type Stop<S> = ServerResult<typeof ResultKind.Stop, never, S>
export type StopReply<R, S> = ServerResult<typeof ResultKind.StopReply, R, S>

/** From init: the server is up, with its first state. */
export function ok<S>(state: S, next?: Next): Ok<S> {
  return new ServerResult(ResultKind.Ok, undefined, state, next)
}

/** From init: no server after all, and no error. The process ends with 'normal'. */
export function ignore(): Ignore {
  return new ServerResult(ResultKind.Ignore, undefined, undefined, undefined)
}

/** Answers the call with `value`; the server goes on with `state`. */
export function reply<R, S>(value: R, state: S, next?: Next): Reply<R, S> {
  return new ServerResult(ResultKind.Reply, value, state, next)
}

/** Goes on with `state`. After a call the reply comes later, from GenServer.reply. */
export function noReply<S>(state: S, next?: Next): NoReply<S> {
  return new ServerResult(ResultKind.NoReply, undefined as never, state, next)
}

/** Like {@link noReply}, and gives the call the type of the reply that `from` will get. */
export function replyLater<R, S>(_from: From<R>, state: S, next?: Next): NoReply<S, R> {
  return new ServerResult<typeof ResultKind.NoReply, R, S>(ResultKind.NoReply, undefined as R, state, next)
}

/**
 * Ends the server: `terminate(reason, state)` runs, then the process exits with `reason`. With three arguments the caller is
 * answered first. In init one argument will do.
 */
export function stop(reason: unknown): Stop<never>
export function stop<S>(reason: unknown, state: S): Stop<S>
export function stop<R, S>(reason: unknown, value: R, state: S): StopReply<R, S>
export function stop(reason: unknown, ...rest: readonly unknown[]): ServerResult<ResultKind, unknown, unknown> {
  return rest.length > 1
    ? new ServerResult(ResultKind.StopReply, rest[0], rest[1], reason)
    : new ServerResult(ResultKind.Stop, undefined, rest[0], reason)
}
