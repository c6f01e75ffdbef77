import { describeReason, ErrorCode, VigaError } from './errors.js'
import { type Engine, OutcomeStatus, Priority } from './engine/engine.js'
import { nameText } from './names.js'
import type { Pid } from './pid.js'
import { OutcomeOperation } from './process/outcome-operation.js'
import type { Process } from './process/process.js'
import { checkTimeout } from './process/receive.js'
import { newRef, type Ref } from './ref.js'
import { SystemRequest } from './request.js'
import type { CompiledBehaviour } from './server-behaviour.js'
import { type StartAnswer, type StartArgument, ServerProcess } from './server-process.js'
import type { ServerName } from './server-name.js'
import { type PriorityName, priorityOf } from './spawn.js'

export interface StartOptions {
  /** Registered before init runs; taken already, the start fails with ['already_started', pid]. */
  readonly name?: ServerName
  /** Milliseconds that init may take before the process is killed and the start fails with 'timeout'; Infinity unless given. */
  readonly timeout?: number
  /** Gives the start up with ERR_VIGA_ABORTED; the process is killed. */
  readonly signal?: AbortSignal
  readonly priority?: PriorityName
  /** What reports and processInfo call it. */
  readonly label?: string
}

/** The names of the options, to tell options from arguments. */
export const startOptionNames: ReadonlySet<string> = new Set(['name', 'timeout', 'signal', 'priority', 'label'])

/** A process did not come up. `reason` is what it exited with, 'timeout', or ['already_started', pid]; 'ignore' when init said so. */
export class StartError extends VigaError {
  readonly reason: unknown
  /** True when init returned ignore(): no error in itself. */
  readonly ignored: boolean

  constructor(reason: unknown, ignored = false) {
    super(
      ErrorCode.StartFailed,
      ignored ? 'the process was not started: init returned ignore()' : `the process did not start: ${describeReason(reason)}`,
    )
    this.name = 'StartError'
    this.reason = reason
    this.ignored = ignored
  }
}

/** Starts a server; done when its init is through, with what `handleFor` makes of its pid. */
export class StartOperation<T> extends OutcomeOperation<T> {
  readonly #compiled: CompiledBehaviour
  readonly #argument: StartArgument
  readonly #link: boolean
  readonly #priority: Priority
  readonly #label: string | undefined
  readonly #handleFor: (pid: Pid<unknown>) => T
  #timeout: number
  #pid: Pid<unknown> | null = null

  constructor(
    compiled: CompiledBehaviour,
    args: readonly unknown[],
    options: StartOptions | undefined,
    link: boolean,
    handleFor: (pid: Pid<unknown>) => T,
  ) {
    super(options?.signal)
    const { name, timeout, priority, label } = options ?? {}
    if (name !== undefined && typeof name !== 'object') nameText(name, 'start')
    this.#compiled = compiled
    this.#argument = { args, name }
    this.#link = link
    this.#priority = priority === undefined ? Priority.Normal : priorityOf(priority, 'start')
    this.#label = label
    this.#timeout = timeout === undefined ? Infinity : checkTimeout(timeout, 'start')
    this.#handleFor = handleFor
  }

  /** Fails the start after `milliseconds` if it has no shorter time of its own. */
  limitTime(milliseconds: number): void {
    if (milliseconds < this.#timeout) this.#timeout = milliseconds
  }

  /** True when the process is linked to its starter. */
  get linked(): boolean {
    return this.#link
  }

  protected begin(engine: Engine, process: Process): Ref {
    const server = new ServerProcess(this.#compiled, process.pid)
    server.label = this.#label
    const pid = engine.spawn(server, process, this.#link, null, this.#priority)
    this.#pid = pid as Pid<unknown>
    const ref = newRef(process.pid)
    engine.call(process, pid, ref, new SystemRequest(ref, 'start', this.#argument), this.#timeout)
    return ref
  }

  conclude(engine: Engine, process: Process, status: OutcomeStatus, value: unknown): T {
    if (status === OutcomeStatus.Timeout) {
      this.abandoned(engine, process)
      throw new StartError('timeout')
    }
    if (status === OutcomeStatus.Down) throw new StartError(value)
    const answer = value as StartAnswer
    if (answer === 'started') return this.#handleFor(this.#pid as Pid<unknown>)
    throw answer[0] === 'ignore' ? new StartError('ignore', true) : new StartError(answer[1])
  }

  override abandoned(engine: Engine, process: Process): void {
    const pid = this.#pid as Pid<unknown>
    if (this.#link) engine.unlink(process, pid)
    engine.signalExit(process, pid, 'kill')
  }
}
