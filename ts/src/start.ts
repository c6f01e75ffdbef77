import { BlueprintKind, nameTerm, PACKED_LATER, type ServerBlueprintOptions } from './blueprint.js'
import type { DefinitionHome } from './definition-home.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import { type Blueprint, type Engine, OutcomeStatus, Priority, type SliceEnd } from './engine/engine.js'
import { nameText } from './names.js'
import type { Pid } from './pid.js'
import { Placement } from './placement.js'
import { runInProcess } from './process/async-context.js'
import { OutcomeOperation } from './process/outcome-operation.js'
import type { Process } from './process/process.js'
import { checkTimeout } from './process/receive.js'
import { newRef, type Ref } from './ref.js'
import { SystemRequest } from './request.js'
import { activeEngine, wantScheduler } from './runtime-state.js'
import { HERE } from './scheduler-place.js'
import type { CompiledBehaviour } from './server-behaviour.js'
import { type StartAnswer, type StartArgument, ServerProcess } from './server-process.js'
import type { ServerName } from './server-name.js'
import { type PriorityName, priorityOf } from './spawn.js'
import { copyTerm } from './term/copy.js'

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
  /**
   * The scheduler to run on, from 1; the starter's unless given. Arguments are terms then, and copied. Another one takes a server
   * that is defined with genServer(import.meta, ...) and exported.
   */
  readonly scheduler?: number
}

/** The names of the options, to tell options from arguments. */
export const startOptionNames: ReadonlySet<string> = new Set(['name', 'timeout', 'signal', 'priority', 'label', 'scheduler'])

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
  /** Null for a server that starts where its starter is. */
  readonly #placement: Placement | null
  readonly #home: DefinitionHome | null
  #timeout: number
  #pid: Pid<unknown> | null = null
  /** Since the first `await` that had to look for the definition. */
  #found: Promise<T> | null = null

  constructor(
    compiled: CompiledBehaviour,
    args: readonly unknown[],
    options: StartOptions | undefined,
    link: boolean,
    handleFor: (pid: Pid<unknown>) => T,
    home: DefinitionHome | null = null,
  ) {
    super(options?.signal)
    const { name, timeout, priority, label, scheduler } = options ?? {}
    if (name !== undefined && typeof name !== 'object') nameText(name, 'start')
    this.#compiled = compiled
    this.#argument = { args, name }
    this.#link = link
    this.#priority = priority === undefined ? Priority.Normal : priorityOf(priority, 'start')
    this.#label = label
    this.#timeout = timeout === undefined ? Infinity : checkTimeout(timeout, 'start')
    this.#handleFor = handleFor
    this.#home = home
    this.#placement = scheduler === undefined ? null : new Placement(scheduler, home)
  }

  /** Fails the start after `milliseconds` if it has no shorter time of its own. */
  limitTime(milliseconds: number): void {
    if (milliseconds < this.#timeout) this.#timeout = milliseconds
  }

  /** True when the process is linked to its starter. */
  get linked(): boolean {
    return this.#link
  }

  override next(): IteratorResult<SliceEnd, T> {
    const search = this.#placement === null ? null : this.#placement.search
    if (search !== null) {
      const step = search.next()
      if (step.done !== true) return step as IteratorYieldResult<SliceEnd>
      this.#placement?.found()
    }
    return super.next()
  }

  protected override promise(): Promise<T> {
    const placement = this.#placement
    if (placement === null) return super.promise()
    if (this.#found !== null) return this.#found
    const { search } = placement
    if (search === null) return super.promise()
    const within = activeEngine().current
    return (this.#found = search.then(() => {
      placement.found()
      // Begun in the slice of a process, it goes on as that process's, which a promise does not know by itself.
      return within === null ? super.promise() : runInProcess(within, () => super.promise())
    }))
  }

  protected begin(engine: Engine, process: Process): Ref {
    const placement = this.#placement
    const server = new ServerProcess(this.#compiled, process.pid)
    server.label = this.#label
    if (placement === null && engine.schedulers > 1 && this.#home !== null) {
      server.home = this.#home
      server.blueprint = PACKED_LATER
    }
    const argument =
      placement === null ? this.#argument : { ...this.#argument, args: copyArguments(this.#argument.args) }
    const place = placement === null ? HERE : placement.place
    if (placement !== null && place !== HERE) {
      server.blueprint = this.#blueprint(placement.home, argument, process.pid)
      wantScheduler(place)
    }
    const pid = engine.spawn(server, process, this.#link, null, this.#priority, place)
    this.#pid = pid as Pid<unknown>
    const ref = newRef(process.pid)
    engine.call(process, pid, ref, new SystemRequest(ref, 'start', place === HERE ? argument : undefined), this.#timeout)
    return ref
  }

  #blueprint(home: DefinitionHome, { args, name }: StartArgument, parent: Pid): Blueprint {
    const options: ServerBlueprintOptions = { parent, name: nameTerm(name), label: this.#label }
    return { kind: BlueprintKind.Server, url: home.url, name: home.name as string, args, options }
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

function copyArguments(args: readonly unknown[]): unknown[] {
  return args.map((arg, place) => copyTerm(arg, `argument ${place + 1}`))
}
