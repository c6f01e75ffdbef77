import { Exit } from './errors.js'
import { type Engine, OutcomeStatus } from './engine/engine.js'
import { samePid } from './pid.js'
import type { Operation } from './process/operation.js'
import { OutcomeOperation } from './process/outcome-operation.js'
import type { Process } from './process/process.js'
import { checkTimeout } from './process/receive.js'
import { newRef, type Ref } from './ref.js'
import { CallRequest } from './request.js'
import { resolveServer, type ServerRef, serverTerm } from './server-ref.js'
import { copyReason, copyTerm } from './term/copy.js'

export interface CallOptions {
  /** Milliseconds to wait for the reply: 5,000 unless given; Infinity for ever. */
  readonly timeout?: number
  /** Gives the call up with ERR_VIGA_ABORTED. */
  readonly signal?: AbortSignal | undefined
}

/** Longest wait for a reply unless told otherwise, in ms. */
export const DEFAULT_CALL_TIMEOUT = 5_000

/** A request and the wait for its reply. */
export class CallOperation<T> extends OutcomeOperation<T> {
  readonly target: ServerRef
  readonly request: unknown
  readonly timeout: number

  constructor(target: ServerRef, request: unknown, options: CallOptions | undefined) {
    super(options === undefined ? undefined : options.signal)
    this.target = target
    this.request = request
    this.timeout =
      options === undefined || options.timeout === undefined ? DEFAULT_CALL_TIMEOUT : checkTimeout(options.timeout, 'call')
  }

  protected begin(engine: Engine, process: Process): Ref {
    const pid = resolveServer(this.target, 'call')
    if (pid === undefined) throw this.failure('noproc')
    if (samePid(pid, process.pid)) throw this.failure('calling_self')
    const ref = newRef(process.pid)
    engine.call(process, pid, ref, this.envelope(ref, engine.isFar(pid)), this.timeout)
    return ref
  }

  /** What goes into the server's mailbox. */
  protected envelope(ref: Ref, far: boolean): unknown {
    return new CallRequest(ref, far ? this.request : copyTerm(this.request, 'request'))
  }

  /** The request as exit reasons tell of it. */
  protected described(): unknown {
    return copyReason(this.request)
  }

  conclude(_engine: Engine, _process: Process, status: OutcomeStatus, value: unknown): T {
    if (status === OutcomeStatus.Reply) return value as T
    throw this.failure(status === OutcomeStatus.Timeout ? 'timeout' : value)
  }

  protected failure(reason: unknown): Exit {
    return new Exit([reason, ['GenServer', 'call', [serverTerm(this.target), this.described(), this.timeout]]])
  }
}

/** A call whose request goes to the server as it is: of viga's own, between processes that share it on purpose. */
export class DirectCall<T> extends CallOperation<T> {
  protected override envelope(ref: Ref): unknown {
    return new CallRequest(ref, this.request)
  }

  protected override described(): unknown {
    return String(this.request)
  }
}

/** Sends `request` to a server and waits for the reply, see GenServer.call. */
export function call<T>(target: ServerRef, request: unknown, options?: CallOptions): Operation<T> {
  return new CallOperation<T>(target, request, options)
}
