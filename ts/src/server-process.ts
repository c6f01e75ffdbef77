import { ErrorCode, Exit, VigaError } from './errors.js'
import { BlueprintKind, type MovedServerOptions } from './blueprint.js'
import type { DefinitionHome } from './definition-home.js'
import { type Blueprint, Mobility, type SliceEnd } from './engine/engine.js'
import { answer, type From } from './from.js'
import type { Pid } from './pid.js'
import { runInProcess } from './process/async-context.js'
import { isGenerator, isPromiseLike } from './process/body-kind.js'
import { CallbackProcess, HIBERNATE, NEVER_IDLE, type Work } from './process/callback-process.js'
import type { Coroutine } from './process/generator-process.js'
import { reasonOfThrown } from './process/reason.js'
import { TIMEOUT } from './process/receive.js'
import type { Ref } from './ref.js'
import { CallRequest, CastRequest, SystemRequest } from './request.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import { type Callback, compileBehaviour, type CompiledBehaviour } from './server-behaviour.js'
import { type Next, ResultKind, ServerResult } from './server-result.js'
import { registerServer, type ServerName } from './server-name.js'
import { isExit } from './signals.js'
import { copyReason, copyTerm } from './term/copy.js'

/** What the starter sends with its request to start. */
export interface StartArgument {
  readonly args: readonly unknown[]
  readonly name: ServerName | undefined
}

/** The answer to a request to start: 'started', ['ignore'], or ['error', reason]. */
export type StartAnswer = 'started' | readonly ['ignore'] | readonly ['error', unknown]

/** A promise of an async callback that already runs inside its process. */
class InProcess {
  readonly promise: PromiseLike<unknown>

  constructor(promise: PromiseLike<unknown>) {
    this.promise = promise
  }
}

/** Calls an async function so that self() is right in all of it. Servers accept promises only in this wrapper. */
export function callInProcess(body: () => unknown): InProcess {
  const process = currentProcess()
  return new InProcess(runInProcess(process, async () => await body()))
}

const Phase = { Starting: 0, Running: 1, Ending: 2 } as const
type Phase = (typeof Phase)[keyof typeof Phase]

/** A server: a compiled behaviour and its state, run message by message. */
export class ServerProcess extends CallbackProcess {
  #compiled: CompiledBehaviour
  readonly #parent: Pid
  #state: unknown = undefined
  #phase: Phase = Phase.Starting
  /** The caller of the request in hand, see `from`; null between requests. */
  #caller: Ref | null = null
  /**
   * While starting: what came with the process, see the constructor. While running: what to continue with. While ending: the reply
   * that the caller gets last.
   */
  #pending: unknown = undefined

  /** A server from another scheduler brings its `argument` with it; others get it with the request to start. */
  constructor(compiled: CompiledBehaviour, parent: Pid, argument?: StartArgument) {
    super()
    this.#compiled = compiled
    this.#parent = parent
    this.#pending = argument
  }

  /** The caller of the request in hand. */
  get caller(): Ref | null {
    return this.#caller
  }

  /** Where other schedulers find its definition, if it may go there. */
  home: DefinitionHome | null = null

  override get mobility(): Mobility {
    return this.home === null ? Mobility.None : Mobility.AtRest
  }

  override pack(): Blueprint | null {
    const { home } = this
    if (home === null || this.context !== null || !this.isResting || this.#phase === Phase.Ending || this.#pending !== undefined)
      return null
    if (home.name === null) {
      home.findSoon()
      return null
    }
    const options: MovedServerOptions = {
      parent: this.#parent,
      label: this.label,
      running: this.#phase === Phase.Running,
      state: this.#state,
    }
    return { kind: BlueprintKind.Moved, url: home.url, name: home.name, args: [], options }
  }

  /** A server that was packed goes on with its state. */
  unpack(options: MovedServerOptions): void {
    if (!options.running) return
    this.#state = options.state
    this.#phase = Phase.Running
  }

  override bury(): void {
    super.bury()
    this.#state = undefined
    this.#pending = undefined
  }

  protected start(): Work {
    return undefined
  }

  protected message(message: unknown): Work {
    if (message instanceof CallRequest) return this.#call(message.from, message.request)
    if (message instanceof CastRequest) return this.#cast(message.request)
    if (message instanceof SystemRequest) return this.#system(message)
    if (isExit(message, this.#parent)) throw new Exit(message.reason)
    return this.#info(message)
  }

  protected idle(): Work {
    return this.#info(TIMEOUT)
  }

  protected override followUp(): Work {
    const { behaviour, async } = this.#compiled
    const continuation = this.#pending
    this.#pending = undefined
    if (behaviour.handleContinue === undefined)
      throw new VigaError(ErrorCode.BadArgument, 'a server asked to continue, but its behaviour has no handleContinue')
    return this.#take(
      async.handleContinue
        ? this.#inProcess('handleContinue', continuation, this.#state)
        : behaviour.handleContinue(continuation, this.#state),
      null,
    )
  }

  #call(from: Ref, request: unknown): Work {
    this.#caller = from
    const { behaviour, async } = this.#compiled
    if (behaviour.handleCall === undefined) throw new Exit(['bad_call', request])
    return this.#take(
      async.handleCall
        ? this.#inProcess('handleCall', request, from, this.#state)
        : behaviour.handleCall(request, from, this.#state),
      from,
    )
  }

  #cast(request: unknown): Work {
    const { behaviour, async } = this.#compiled
    if (behaviour.handleCast === undefined) throw new Exit(['bad_cast', request])
    return this.#take(
      async.handleCast ? this.#inProcess('handleCast', request, this.#state) : behaviour.handleCast(request, this.#state),
      null,
    )
  }

  #info(message: unknown): Work {
    const { behaviour, async } = this.#compiled
    if (behaviour.handleInfo === undefined) return undefined
    return this.#take(
      async.handleInfo ? this.#inProcess('handleInfo', message, this.#state) : behaviour.handleInfo(message, this.#state),
      null,
    )
  }

  #inProcess(callback: Callback, ...args: readonly unknown[]): InProcess {
    const behaviour = this.#compiled.behaviour as unknown as Record<Callback, (...args: readonly unknown[]) => unknown>
    return callInProcess(() => behaviour[callback](...args))
  }

  /** Acts on what a callback returned, now or when it is through. */
  #take(result: unknown, from: Ref | null): Work {
    if (result instanceof ServerResult) {
      this.#apply(result, from)
      return undefined
    }
    return this.#eventually(result, (value) => {
      if (!(value instanceof ServerResult)) throw badReturn(value)
      this.#apply(value, from)
    })
  }

  /** Has `use` called with the result of a callback when there is one. */
  #eventually(result: unknown, use: (value: unknown) => void): Work {
    if (result instanceof InProcess)
      return result.promise.then((value) => {
        if (!this.ended) use(value)
      })
    if (isPromiseLike(result)) throw undeclaredPromise(result)
    if (isGenerator(result)) return follow(result as Coroutine, use)
    use(result)
    return undefined
  }

  #apply(result: ServerResult<ResultKind, unknown, unknown>, from: Ref | null): void {
    switch (result.kind) {
      case ResultKind.Reply:
        if (from === null) throw badReturn(result)
        answer(from, result.value)
        break
      case ResultKind.NoReply:
        break
      case ResultKind.StopReply:
        if (from === null) throw badReturn(result)
        this.#state = result.state
        this.#pending = { from, reply: copyTerm(result.value, 'reply') } satisfies LastReply
        throw new Exit(result.extra)
      case ResultKind.Stop:
        this.#state = result.state
        throw new Exit(result.extra)
      default:
        throw badReturn(result)
    }
    this.#state = result.state
    this.#caller = null
    if (result.extra !== undefined) this.#plan(result.extra)
  }

  #plan(next: unknown): void {
    if (typeof next === 'number' && next >= 0) this.idleTimeout = next === Infinity ? NEVER_IDLE : Math.ceil(next)
    else if (next === 'hibernate') this.idleTimeout = HIBERNATE
    else if (typeof next === 'object' && next !== null && 'continue' in next) {
      this.#pending = (next as Extract<Next, object>).continue
      this.followUpDue = true
    } else throw new Exit(['bad_return_value', copyReason(next)])
  }

  #system(request: SystemRequest): Work {
    switch (request.kind) {
      case 'start':
        return this.#init(request.from, (request.argument ?? this.#takeArgument()) as StartArgument)
      case 'stop':
        throw new Exit(request.argument)
      case 'status':
        return this.#status(request.from)
      case 'change_code':
        return this.#changeCode(request.from, request.argument as CodeChange)
    }
  }

  #takeArgument(): unknown {
    const argument = this.#pending
    this.#pending = undefined
    return argument
  }

  #init(from: Ref, { args, name }: StartArgument): Work {
    const engine = activeEngine()
    if (name !== undefined) {
      const taken = registerServer(name, this.pid)
      if (taken !== null) {
        engine.reply(from, ['error', taken])
        throw new Exit('normal')
      }
    }
    const { behaviour, async } = this.#compiled
    return this.#eventually(async.init ? this.#inProcess('init', ...args) : behaviour.init(...args), (result) => {
      if (!(result instanceof ServerResult)) throw badReturn(result)
      switch (result.kind) {
        case ResultKind.Ok:
          this.#state = result.state
          this.#phase = Phase.Running
          if (result.extra !== undefined) this.#plan(result.extra)
          activeEngine().reply(from, 'started' satisfies StartAnswer)
          return
        case ResultKind.Ignore:
          activeEngine().reply(from, ['ignore'] satisfies StartAnswer)
          throw new Exit('normal')
        case ResultKind.Stop:
          activeEngine().reply(from, ['error', copyReason(result.extra)] satisfies StartAnswer)
          throw new Exit(result.extra)
        default:
          throw badReturn(result)
      }
    })
  }

  #status(from: Ref): Work {
    const { behaviour } = this.#compiled
    const status = { state: this.#state }
    activeEngine().reply(
      from,
      copyTerm(behaviour.formatStatus === undefined ? status : behaviour.formatStatus(status), 'status'),
    )
  }

  #changeCode(from: Ref, change: CodeChange): Work {
    const next = compileBehaviour(change.behaviour, 'GenServer.changeCode')
    const adopt = (state: unknown): void => {
      this.#compiled = next
      // The definition elsewhere has not changed.
      this.home = null
      this.#state = state
      activeEngine().reply(from, 'ok')
    }
    const { behaviour, async } = next
    if (behaviour.codeChange === undefined) {
      adopt(this.#state)
      return undefined
    }
    const result = async.codeChange
      ? callInProcess(() => behaviour.codeChange?.(change.oldVersion, this.#state, change.extra))
      : behaviour.codeChange(change.oldVersion, this.#state, change.extra)
    return this.#eventually(result, adopt)
  }

  /** Whatever ends a running server passes through terminate; what ends terminate itself is the reason then. */
  protected override failed(thrown: unknown): SliceEnd {
    const reason = reasonOfThrown(thrown)
    if (this.#phase !== Phase.Running) return this.#leave(reason)
    this.#phase = Phase.Ending
    this.followUpDue = false
    if (!isLastReply(this.#pending)) this.#pending = undefined
    const { behaviour, async } = this.#compiled
    if (behaviour.terminate === undefined) return this.#leave(reason)
    try {
      const work = this.#eventually(
        async.terminate ? this.#inProcess('terminate', reason, this.#state) : behaviour.terminate(reason, this.#state),
        () => {
          throw new Exit(reason)
        },
      )
      return this.seeThrough(work)
    } catch (last) {
      return this.#leave(reasonOfThrown(last))
    }
  }

  #leave(reason: unknown): SliceEnd {
    const last = this.#pending
    if (isLastReply(last)) activeEngine().reply(last.from, last.reply)
    return this.end(reason)
  }
}

/** What a request to change code carries. */
export interface CodeChange {
  readonly behaviour: unknown
  readonly oldVersion: unknown
  readonly extra: unknown
}

interface LastReply {
  readonly from: From
  readonly reply: unknown
}

function isLastReply(value: unknown): value is LastReply {
  return typeof value === 'object' && value !== null && 'from' in value && 'reply' in value
}

function* follow(coroutine: Coroutine, use: (value: unknown) => void): Coroutine<void> {
  use(yield* coroutine)
}

function badReturn(value: unknown): Exit {
  return new Exit(['bad_return_value', value instanceof ServerResult ? { ...copyResult(value) } : copyReason(value)])
}

function copyResult(result: ServerResult<ResultKind, unknown, unknown>): Record<string, unknown> {
  const names = ['reply', 'noReply', 'stop', 'stop with a reply', 'ok', 'ignore']
  return { result: names[result.kind], value: copyReason(result.value), state: copyReason(result.state) }
}

/** The promise goes on outside the process, which is why it is refused; what it may still throw has no one to go to. */
function undeclaredPromise(promise: PromiseLike<unknown>): VigaError {
  promise.then(undefined, () => undefined)
  return new VigaError(
    ErrorCode.WrongBody,
    'a callback of a server returned a promise but is not declared async, so self() and receive() would be wrong in it: declare it `async`',
  )
}

/** The caller of the request in hand, for a reply that comes later. @throws ERR_VIGA_WRONG_BODY outside a call handler. */
export function from<R = unknown>(): From<R> {
  const process = currentProcess()
  const caller = process instanceof ServerProcess ? process.caller : null
  if (caller === null)
    throw new VigaError(
      ErrorCode.WrongBody,
      'from(): no call is being handled here; it tells the caller inside a call handler of a server',
    )
  return caller
}
