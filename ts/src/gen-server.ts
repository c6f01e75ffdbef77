import { isDeepStrictEqual } from 'node:util'
import { call, type CallOptions, CallOperation } from './call.js'
import { cast } from './cast.js'
import { type Engine, OutcomeStatus } from './engine/engine.js'
import { Exit } from './errors.js'
import { answer } from './from.js'
import { type Pid, samePid } from './pid.js'
import type { Operation } from './process/operation.js'
import { OutcomeOperation } from './process/outcome-operation.js'
import type { Process } from './process/process.js'
import { checkTimeout } from './process/receive.js'
import { newRef, type Ref } from './ref.js'
import { SystemRequest } from './request.js'
import { type AnyBehaviour, compileBehaviour, type ServerBehaviour } from './server-behaviour.js'
import type { CodeChange } from './server-process.js'
import { resolveServer, type ServerRef, serverTerm } from './server-ref.js'
import { type StartOptions, StartOperation } from './start.js'
import { copyTerm } from './term/copy.js'

/** Asks a server to stop and waits for its end. */
class StopOperation extends OutcomeOperation<void> {
  readonly #target: ServerRef
  readonly #reason: unknown
  readonly #timeout: number

  constructor(target: ServerRef, reason: unknown, options: CallOptions) {
    super(options.signal)
    this.#target = target
    this.#reason = copyTerm(reason, 'reason')
    this.#timeout = options.timeout === undefined ? Infinity : checkTimeout(options.timeout, 'stop')
  }

  protected begin(engine: Engine, process: Process): Ref {
    const pid = resolveServer(this.#target, 'stop')
    if (pid === undefined) throw this.#failure('noproc')
    if (samePid(pid, process.pid)) throw this.#failure('calling_self')
    const ref = newRef(process.pid)
    engine.call(process, pid, ref, new SystemRequest(ref, 'stop', this.#reason), this.#timeout)
    return ref
  }

  conclude(_engine: Engine, _process: Process, status: OutcomeStatus, value: unknown): void {
    if (status === OutcomeStatus.Timeout) throw this.#failure('timeout')
    if (!isDeepStrictEqual(value, this.#reason)) throw this.#failure(value)
  }

  #failure(reason: unknown): Exit {
    return new Exit([reason, ['GenServer', 'stop', [serverTerm(this.#target), this.#reason, this.#timeout]]])
  }
}

/** A call that viga itself answers. */
class SystemCall<T> extends CallOperation<T> {
  readonly #kind: SystemRequest['kind']

  constructor(target: ServerRef, kind: SystemRequest['kind'], argument: unknown, options: CallOptions | undefined) {
    super(target, argument, options)
    this.#kind = kind
  }

  protected override envelope(ref: Ref): unknown {
    return new SystemRequest(ref, this.#kind, this.request)
  }

  protected override described(): unknown {
    return this.#kind
  }
}

const pidItself = (pid: Pid<unknown>): Pid<unknown> => pid

/**
 * Servers in OTP's own form: a behaviour object with init, handleCall, handleCast, handleInfo, handleContinue, terminate,
 * codeChange and formatStatus. `genServer` is built on it and infers the types of requests.
 *
 * @example
 * const stack: ServerBehaviour<number[], [number[]], 'pop', { push: number }> = {
 *   init: (first) => ok(first),
 *   handleCall: (_request, _from, items) => reply(items.at(-1), items.slice(0, -1)),
 *   handleCast: ({ push }, items) => noReply([...items, push]),
 * }
 * const pid = await GenServer.start(stack, [[1, 2]])
 * await GenServer.call<number>(pid, 'pop') // 2
 */
export const GenServer = {
  /**
   * Starts a server; done when its init is through, with its pid. `args` go to init as they are.
   *
   * Fails with {@link StartError}: init stopped, failed, ignored or took too long, or the name is taken.
   */
  start<S, A extends readonly unknown[], C, K, M>(
    behaviour: ServerBehaviour<S, A, C, K, M>,
    args: A,
    options?: StartOptions,
  ): StartOperation<Pid<unknown>> {
    return new StartOperation(compileBehaviour(behaviour, 'GenServer.start'), args, options, false, pidItself)
  },

  /** Like start, linked: when init fails the caller gets the exit signal too, as in Erlang. */
  startLink<S, A extends readonly unknown[], C, K, M>(
    behaviour: ServerBehaviour<S, A, C, K, M>,
    args: A,
    options?: StartOptions,
  ): StartOperation<Pid<unknown>> {
    return new StartOperation(compileBehaviour(behaviour, 'GenServer.startLink'), args, options, true, pidItself)
  },

  /**
   * Sends a copy of `request` and waits for the reply: 5,000 ms unless told otherwise.
   *
   * Fails with {@link Exit}, whose reason is [why, ['GenServer', 'call', [server, request, timeout]]]: 'timeout', 'noproc',
   * 'calling_self', or what the server exited with. A reply that comes later is dropped.
   */
  call<R = unknown>(server: ServerRef, request: unknown, options?: CallOptions): Operation<R> {
    return call<R>(server, request, options)
  },

  /** Sends a copy of `request` without waiting; goes nowhere when nobody is there. */
  cast(server: ServerRef, request: unknown): void {
    cast(server, request)
  },

  /** Answers a call, from any process. */
  reply: answer,

  /**
   * Has the server terminate with `reason` and waits for its end. Fails with {@link Exit} when it ends with another reason, does
   * not end in time (Infinity unless given) or is not there.
   */
  stop(server: ServerRef, reason: unknown = 'normal', options: CallOptions = {}): Operation<void> {
    return new StopOperation(server, reason, options)
  },

  /** What formatStatus makes of the server's state: { state } unless it has one. */
  status<T = unknown>(server: ServerRef, options?: CallOptions): Operation<T> {
    return new SystemCall<T>(server, 'status', undefined, options)
  },

  /**
   * Goes on with another behaviour, or that of a definition; its codeChange(oldVersion, state, extra) makes the new state. Only on
   * the scheduler the server runs on.
   */
  changeCode<S, A extends readonly unknown[], C, K, M>(
    server: ServerRef,
    next: ServerBehaviour<S, A, C, K, M> | { readonly behaviour: AnyBehaviour },
    change: { readonly oldVersion?: unknown; readonly extra?: unknown } = {},
    options?: CallOptions,
  ): Operation<'ok'> {
    const behaviour = 'behaviour' in next ? next.behaviour : next
    compileBehaviour(behaviour, 'GenServer.changeCode')
    const argument: CodeChange = { behaviour, oldVersion: change.oldVersion, extra: change.extra }
    return new SystemCall<'ok'>(server, 'change_code', argument, options)
  },
}
