import type { CallOptions } from './call.js'
import { ErrorCode, Exit, VigaError } from './errors.js'
import { GenServer } from './gen-server.js'
import type { Pid } from './pid.js'
import type { Operation } from './process/operation.js'
import { resolveServer, type ServerRef, serverTerm } from './server-ref.js'

/** What handles of all kinds of server share. Not sendable itself; send its `pid`. */
export class ServerHandleBase implements AsyncDisposable {
  /** The pid or name the handle was made for. */
  readonly target: ServerRef

  constructor(target: ServerRef) {
    this.target = target
  }

  /** The process; for a handle by name, the one that has the name now. @throws ERR_VIGA_NO_SUCH_NAME. */
  get pid(): Pid<unknown> {
    const pid = resolveServer(this.target, 'pid')
    if (pid === undefined)
      throw new VigaError(ErrorCode.NoSuchName, `pid: no process is registered as ${String(serverTerm(this.target))}`)
    return pid as Pid<unknown>
  }

  /** Has the server terminate with `reason` and waits for its end, see GenServer.stop. */
  stop(reason: unknown = 'normal', options: CallOptions = {}): Operation<void> {
    return GenServer.stop(this.target, reason, options)
  }

  /** Stops it, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop()
    } catch (error) {
      const gone = error instanceof Exit && Array.isArray(error.reason) && error.reason[0] === 'noproc'
      if (!gone) throw error
    }
  }
}
