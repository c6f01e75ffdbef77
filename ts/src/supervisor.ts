import type { CallOptions } from './call.js'
import { checkChildSpec, checkChildSpecs, type ChildId, type ChildOverrides, type ChildSpec } from './child-spec.js'
import { ErrorCode, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import type { Operation } from './process/operation.js'
import { compileBehaviour } from './server-behaviour.js'
import { ServerHandleBase } from './server-handle-base.js'
import { type StartOptions, StartOperation } from './start.js'
import type { ServerRef } from './server-ref.js'
import { significantMisfit, supervisorBehaviour, type TreeOptions } from './supervisor-behaviour.js'
import type { AutoShutdown, Strategy } from './supervisor-decision.js'
import { type ChildCounts, type ChildInfo, SupervisorCall } from './supervisor-request.js'

export interface SupervisorOptions extends StartOptions {
  /** 'one_for_one' unless given. */
  readonly strategy?: Strategy
  /** Restarts allowed within `maxSeconds`: 3 unless given. One more ends the supervisor with 'shutdown'. */
  readonly maxRestarts?: number
  /** 5 unless given. */
  readonly maxSeconds?: number
  /** 'never' unless given. */
  readonly autoShutdown?: AutoShutdown
}

const strategies: readonly unknown[] = ['one_for_one', 'one_for_all', 'rest_for_one']
const autoShutdowns: readonly unknown[] = ['never', 'any_significant', 'all_significant']

function refuse(where: string, what: string, given: unknown, allowed: string): never {
  throw new VigaError(ErrorCode.BadArgument, `${where}: ${what} is ${String(given)}; ${allowed} are allowed`)
}

/** Checks the limits that both kinds of supervisor have. */
export function checkIntensity(
  options: { readonly maxRestarts?: number; readonly maxSeconds?: number },
  where: string,
): { maxRestarts: number; maxSeconds: number } {
  const { maxRestarts = 3, maxSeconds = 5 } = options
  if (!(typeof maxRestarts === 'number' && maxRestarts >= 0)) refuse(where, 'maxRestarts', maxRestarts, 'numbers from 0 on')
  if (!(typeof maxSeconds === 'number' && maxSeconds > 0)) refuse(where, 'maxSeconds', maxSeconds, 'seconds above 0')
  return { maxRestarts, maxSeconds }
}

function starting(
  children: readonly ChildSpec[],
  options: SupervisorOptions,
  link: boolean,
  where: string,
): StartOperation<SupervisorHandle> {
  const { strategy = 'one_for_one', autoShutdown = 'never' } = options
  if (!strategies.includes(strategy)) refuse(where, 'strategy', strategy, strategies.join(', '))
  if (!autoShutdowns.includes(autoShutdown)) refuse(where, 'autoShutdown', autoShutdown, autoShutdowns.join(', '))
  const tree: TreeOptions = { strategy, autoShutdown, ...checkIntensity(options, where) }
  const specs = checkChildSpecs(children, where)
  const misfit = autoShutdown === 'never' ? specs.find(({ significant }) => significant) : undefined
  if (misfit !== undefined) throw new VigaError(ErrorCode.BadChildSpec, `${where}: ${significantMisfit(misfit.id)}`)
  return new StartOperation(compileBehaviour(supervisorBehaviour, where), [specs, tree], options, link, handleFor)
}

const handleFor = (pid: ServerRef): SupervisorHandle => new SupervisorHandle(pid)

/** A running supervisor. Disposing of it stops it, and so its children. */
export class SupervisorHandle extends ServerHandleBase {
  /** All children, in the order of their start. */
  whichChildren(options?: CallOptions): Operation<ChildInfo[]> {
    return new SupervisorCall<ChildInfo[]>(this.target, 'which', undefined, options)
  }

  countChildren(options?: CallOptions): Operation<ChildCounts> {
    return new SupervisorCall<ChildCounts>(this.target, 'count', undefined, options)
  }

  /**
   * Adds a child and starts it after the others: its pid, or undefined when it was ignored. Fails with StartError, after which
   * the supervisor does not know the child; reason ['already_started', pid] or 'already_present' for an id that is taken.
   */
  startChild(spec: ChildSpec, options?: CallOptions): Operation<Pid<unknown> | undefined> {
    return new SupervisorCall(this.target, 'start', checkChildSpec(spec, 'startChild'), options)
  }

  /** Stops a child; its specification stays, unless it is temporary. @throws ERR_VIGA_NO_SUCH_CHILD. */
  terminateChild(id: ChildId, options?: CallOptions): Operation<void> {
    return new SupervisorCall(this.target, 'terminate', id, options)
  }

  /** Starts a child that has been terminated. @throws ERR_VIGA_NO_SUCH_CHILD, ERR_VIGA_CHILD_STATE; fails with StartError. */
  restartChild(id: ChildId, options?: CallOptions): Operation<Pid<unknown> | undefined> {
    return new SupervisorCall(this.target, 'restart', id, options)
  }

  /** Forgets a child that has been terminated. @throws ERR_VIGA_NO_SUCH_CHILD, ERR_VIGA_CHILD_STATE. */
  deleteChild(id: ChildId, options?: CallOptions): Operation<void> {
    return new SupervisorCall(this.target, 'delete', id, options)
  }
}

/**
 * Supervisors: processes that start their children in order, start them again when they end, and stop them in reverse order.
 * For children that come and go by the thousand see DynamicSupervisor.
 *
 * @example
 * const tree = await Supervisor.start([Counter.child(0), Rooms.child()], { strategy: 'rest_for_one' })
 * await tree.countChildren() // { specs: 2, active: 2, supervisors: 0, workers: 2 }
 */
export const Supervisor = {
  /**
   * Starts a supervisor; done when all children are started. When one does not start, those before it are stopped in reverse
   * order and it fails with StartError, reason ['shutdown', ['failed_to_start_child', id, reason]].
   *
   * @throws ERR_VIGA_BAD_CHILD_SPEC, ERR_VIGA_BAD_ARGUMENT at once.
   */
  start(children: readonly ChildSpec[], options: SupervisorOptions = {}): StartOperation<SupervisorHandle> {
    return starting(children, options, false, 'Supervisor.start')
  },

  /** Like start, linked to the caller. */
  startLink(children: readonly ChildSpec[], options: SupervisorOptions = {}): StartOperation<SupervisorHandle> {
    return starting(children, options, true, 'Supervisor.startLink')
  },

  /** A supervisor as a child of another. Its id is its name, or 'supervisor'. */
  child(children: readonly ChildSpec[], options: SupervisorOptions = {}, overrides: ChildOverrides = {}): ChildSpec {
    const id = typeof options.name === 'string' ? options.name : 'supervisor'
    return { id, type: 'supervisor', start: () => starting(children, options, true, 'Supervisor.child'), ...overrides }
  },

  /** A handle for a supervisor that runs already. */
  at: handleFor,
}
