import { type CallOptions, DirectCall } from './call.js'
import { arrivedSpec, type TravellingSpec } from './child-arrival.js'
import type { CheckedSpec, ChildId } from './child-spec.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import type { Engine, OutcomeStatus } from './engine/engine.js'
import type { Pid } from './pid.js'
import type { Process } from './process/process.js'
import type { ServerRef } from './server-ref.js'
import { type Reply, reply } from './server-result.js'
import { startBlueprint } from './start-blueprint.js'
import { StartError } from './start.js'
import { letTravel } from './term/direct-request.js'

/** What is asked of a supervisor: not copied on one scheduler, for a child specification holds functions. */
export class SupervisorRequest {
  readonly op: 'which' | 'count' | 'start' | 'terminate' | 'restart' | 'delete'
  readonly argument: unknown

  constructor(op: SupervisorRequest['op'], argument: unknown) {
    this.op = op
    this.argument = argument
  }

  /** What is to be started. */
  get spec(): CheckedSpec {
    return arrivedSpec(this.argument as CheckedSpec | TravellingSpec)
  }

  toString(): string {
    return this.op
  }
}

letTravel(SupervisorRequest, 'supervisor', ({ op, argument }) => [op, op === 'start' ? travelling(argument as CheckedSpec) : argument])

function travelling(spec: CheckedSpec): TravellingSpec {
  const start = startBlueprint(spec.start)
  if (start !== undefined) return { ...spec, start }
  throw new VigaError(
    ErrorCode.BadChildSpec,
    `startChild: the supervisor runs on another scheduler, where the start function of child ${String(spec.id)} is not known: ` +
      'give it Definition.child(...) of a server that is defined with genServer(import.meta, ...) and exported, or ask from a process on its scheduler',
  )
}

/** What a supervisor answers. */
export type SupervisorAnswer =
  | readonly ['ok', unknown]
  | readonly ['not_found', string]
  | readonly ['child_state', string]
  | readonly ['bad_child_spec', string]
  | readonly ['start_failed', unknown]

export function answered<S>(answer: SupervisorAnswer, state: S): Reply<SupervisorAnswer, S> {
  return reply(answer, state)
}

/** A request to a supervisor, whose refusals become errors. */
export class SupervisorCall<T> extends DirectCall<T> {
  constructor(target: ServerRef, op: SupervisorRequest['op'], argument: unknown, options: CallOptions | undefined) {
    // What a child takes to start or stop is the child's affair, so there is no limit unless one is given.
    super(target, new SupervisorRequest(op, argument), { timeout: Infinity, ...options })
  }

  override conclude(engine: Engine, process: Process, status: OutcomeStatus, value: unknown): T {
    const answer = super.conclude(engine, process, status, value) as SupervisorAnswer
    switch (answer[0]) {
      case 'ok':
        return answer[1] as T
      case 'not_found':
        throw new VigaError(ErrorCode.NoSuchChild, answer[1])
      case 'child_state':
        throw new VigaError(ErrorCode.ChildState, answer[1])
      case 'bad_child_spec':
        throw new VigaError(ErrorCode.BadChildSpec, answer[1])
      case 'start_failed':
        throw new StartError(answer[1])
      default:
        throw new VigaError(
          ErrorCode.BadArgument,
          `${String(this.target)} is no supervisor: it answered ${describeReason(answer)}`,
        )
    }
  }
}

/** A child as whichChildren tells of it. */
export interface ChildInfo {
  readonly id: ChildId | undefined
  /** Undefined when it is not running. */
  readonly pid: Pid<unknown> | 'restarting' | undefined
  readonly type: 'worker' | 'supervisor'
}

export interface ChildCounts {
  /** Child specifications, running or not. */
  readonly specs: number
  /** Children that run. */
  readonly active: number
  readonly workers: number
  readonly supervisors: number
}
