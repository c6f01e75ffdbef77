import { type CallOptions, DirectCall } from './call.js'
import { castDirectly } from './cast.js'
import type { ChildOverrides, ChildSpec } from './child-spec.js'
import { ErrorCode, Exit, VigaError } from './errors.js'
import type { From } from './from.js'
import { andThen, type Handler } from './handler.js'
import type { Operation } from './process/operation.js'
import { type AnyBehaviour, compileBehaviour, type Eventually } from './server-behaviour.js'
import { ServerHandleBase } from './server-handle-base.js'
import type { ServerRef } from './server-ref.js'
import { noReply, ok, reply } from './server-result.js'
import { type StartOptions, StartOperation } from './start.js'
import { copyReason } from './term/copy.js'
import { letStay } from './term/direct-request.js'

/** A function for the agent to run on its state, shared with it on purpose. */
class AgentRequest {
  readonly op: 'get' | 'update' | 'getAndUpdate'
  readonly work: Handler

  constructor(op: AgentRequest['op'], work: unknown) {
    if (typeof work !== 'function')
      throw new VigaError(ErrorCode.BadArgument, `Agent ${op}: ${String(work)} is no function of the state`)
    this.op = op
    this.work = work as Handler
  }

  toString(): string {
    return this.op
  }
}

letStay(
  AgentRequest,
  'a function for an agent runs in its process and stays on its scheduler, and this agent is on another one: ask from a process there, ' +
    'or keep the state in a server that is defined with genServer(import.meta, ...)',
)

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2
}

function perform({ op, work }: AgentRequest, state: unknown): unknown {
  switch (op) {
    case 'get':
      return andThen(work, (value) => reply(value, state))(state)
    case 'update':
      return andThen(work, (next) => reply(undefined, next))(state)
    case 'getAndUpdate':
      return andThen(work, (pair) => {
        if (!isPair(pair)) throw new Exit(['bad_return_value', copyReason(pair)])
        return reply(pair[0], pair[1])
      })(state)
  }
}

const agentBehaviour: AnyBehaviour = {
  init: (first) => andThen(first as Handler, ok)(),
  handleCall: (request: unknown, _from: From, state: unknown) => {
    if (!(request instanceof AgentRequest)) throw new Exit(['bad_call', request])
    return perform(request, state)
  },
  handleCast: (request: unknown, state: unknown) => {
    if (!(request instanceof AgentRequest)) throw new Exit(['bad_cast', request])
    return andThen(request.work, noReply)(state)
  },
}

/**
 * A running agent. Functions given to it run in its process, one after the other, and are shared with it, not copied: they should
 * touch nothing but the state. What they return is copied on its way out, like a message.
 */
export class AgentHandle<S> extends ServerHandleBase {
  /** What `work` makes of the state; without it, the state. */
  get(): Operation<S>
  get<R>(work: (state: S) => Eventually<R>, options?: CallOptions): Operation<R>
  get(work: unknown = (state: unknown) => state, options?: CallOptions): Operation<unknown> {
    return new DirectCall(this.target, new AgentRequest('get', work), options)
  }

  /** Makes what `work` returns the state. */
  update(work: (state: S) => Eventually<S>, options?: CallOptions): Operation<void> {
    return new DirectCall(this.target, new AgentRequest('update', work), options)
  }

  /** Both at once: `work` returns [value, state]. Anything else ends the agent with 'bad_return_value'. */
  getAndUpdate<R>(work: (state: S) => Eventually<readonly [R, S]>, options?: CallOptions): Operation<R> {
    return new DirectCall(this.target, new AgentRequest('getAndUpdate', work), options)
  }

  /** Like update, without waiting. */
  cast(work: (state: S) => Eventually<S>): void {
    castDirectly(this.target, new AgentRequest('update', work))
  }
}

function starting<S>(
  first: () => Eventually<S>,
  options: StartOptions | undefined,
  link: boolean,
): StartOperation<AgentHandle<S>> {
  if (typeof first !== 'function')
    throw new VigaError(ErrorCode.BadArgument, `Agent.start: ${String(first)} is no function that gives the first state`)
  return new StartOperation(
    compileBehaviour(agentBehaviour, 'Agent.start'),
    [first],
    options,
    link,
    (pid) => new AgentHandle<S>(pid),
  )
}

/**
 * Processes that do nothing but hold state. For state with rules of its own use genServer.
 *
 * @example
 * const visits = await Agent.start(() => 0)
 * await visits.update((n) => n + 1)
 * await visits.get((n) => n * 2) // 2
 */
export const Agent = {
  /** Starts an agent; done when `first`, run in its process, has given the first state. */
  start<S>(first: () => Eventually<S>, options?: StartOptions): StartOperation<AgentHandle<S>> {
    return starting(first, options, false)
  },

  /** Like start, linked to the caller. */
  startLink<S>(first: () => Eventually<S>, options?: StartOptions): StartOperation<AgentHandle<S>> {
    return starting(first, options, true)
  },

  /** An agent as a child of a supervisor. Its id is its name, or 'agent'. */
  child<S>(first: () => Eventually<S>, options: StartOptions = {}, overrides: ChildOverrides = {}): ChildSpec {
    const id = typeof options.name === 'string' ? options.name : 'agent'
    return { id, start: () => starting(first, options, true), ...overrides }
  },

  /** A handle for an agent that runs already. */
  at<S>(server: ServerRef): AgentHandle<S> {
    return new AgentHandle<S>(server)
  },
}
