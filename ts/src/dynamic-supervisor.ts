import type { CallOptions } from './call.js'
import { checkChildSpec, type ChildOverrides, type ChildSpec } from './child-spec.js'
import { dynamicSupervisorBehaviour, type FlockOptions } from './dynamic-supervisor-behaviour.js'
import { ErrorCode, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import type { Operation } from './process/operation.js'
import { compileBehaviour } from './server-behaviour.js'
import { ServerHandleBase } from './server-handle-base.js'
import type { ServerRef } from './server-ref.js'
import { type StartOptions, StartOperation } from './start.js'
import { checkIntensity } from './supervisor.js'
import { type ChildCounts, type ChildInfo, SupervisorCall } from './supervisor-request.js'

export interface DynamicSupervisorOptions<X extends readonly unknown[] = readonly never[]> extends StartOptions {
  /** Most children at once: Infinity unless given. One more fails with StartError 'max_children'. */
  readonly maxChildren?: number
  /** Given to the start function of each child. */
  readonly extraArguments?: X
  /** Restarts allowed within `maxSeconds`: 3 unless given. One more ends the supervisor with 'shutdown'. */
  readonly maxRestarts?: number
  /** 5 unless given. */
  readonly maxSeconds?: number
}

/** A running dynamic supervisor. Disposing of it stops it, and so its children. */
export class DynamicSupervisorHandle<in X extends readonly unknown[] = readonly never[]> extends ServerHandleBase {
  /** Takes the start functions its children may have; never there. */
  declare readonly accepts?: (...extra: X) => void

  /** Starts a child: its pid, or undefined when it was ignored. Its id is of no importance. Fails with StartError. */
  startChild(spec: ChildSpec<X>, options?: CallOptions): Operation<Pid<unknown> | undefined> {
    return new SupervisorCall(this.target, 'start', checkChildSpec(spec, 'startChild'), options)
  }

  /** Stops a child and forgets it. @throws ERR_VIGA_NO_SUCH_CHILD. */
  terminateChild(pid: Pid, options?: CallOptions): Operation<void> {
    return new SupervisorCall(this.target, 'terminate', pid, options)
  }

  /** All children, in no particular order. O(n). */
  whichChildren(options?: CallOptions): Operation<ChildInfo[]> {
    return new SupervisorCall<ChildInfo[]>(this.target, 'which', undefined, options)
  }

  /** O(1). */
  countChildren(options?: CallOptions): Operation<ChildCounts> {
    return new SupervisorCall<ChildCounts>(this.target, 'count', undefined, options)
  }
}

/** Starts a dynamic supervisor, with the handle that `handleFor` makes of its pid. */
export function dynamicStart<H>(
  options: DynamicSupervisorOptions<readonly unknown[]>,
  link: boolean,
  where: string,
  handleFor: (pid: Pid<unknown>) => H,
): StartOperation<H> {
  const { maxChildren = Infinity, extraArguments = [] } = options
  if (!(maxChildren >= 0))
    throw new VigaError(ErrorCode.BadArgument, `${where}: maxChildren is ${String(maxChildren)}; numbers from 0 on are allowed`)
  if (!Array.isArray(extraArguments))
    throw new VigaError(ErrorCode.BadArgument, `${where}: extraArguments is ${String(extraArguments)}; an array is allowed`)
  const flock: FlockOptions = { maxChildren, extraArguments, ...checkIntensity(options, where) }
  return new StartOperation(compileBehaviour(dynamicSupervisorBehaviour, where), [flock], options, link, handleFor)
}

function starting<X extends readonly unknown[]>(
  options: DynamicSupervisorOptions<X>,
  link: boolean,
  where: string,
): StartOperation<DynamicSupervisorHandle<X>> {
  return dynamicStart(options, link, where, (pid) => new DynamicSupervisorHandle<X>(pid))
}

/**
 * Supervisors of children that come and go: started one by one, each on its own (one_for_one), stopped all at once. Starting,
 * ending and counting are O(1), whatever the number of children. For a fixed list in order see Supervisor.
 *
 * @example
 * const rooms = await DynamicSupervisor.start()
 * const pid = await rooms.startChild(Room.child('lobby', { restart: 'transient' }))
 */
export const DynamicSupervisor = {
  start<X extends readonly unknown[] = readonly never[]>(
    options: DynamicSupervisorOptions<X> = {},
  ): StartOperation<DynamicSupervisorHandle<X>> {
    return starting(options, false, 'DynamicSupervisor.start')
  },

  /** Like start, linked to the caller. */
  startLink<X extends readonly unknown[] = readonly never[]>(
    options: DynamicSupervisorOptions<X> = {},
  ): StartOperation<DynamicSupervisorHandle<X>> {
    return starting(options, true, 'DynamicSupervisor.startLink')
  },

  /** A dynamic supervisor as a child of another supervisor. Its id is its name, or 'dynamic-supervisor'. */
  child(options: DynamicSupervisorOptions<readonly unknown[]> = {}, overrides: ChildOverrides = {}): ChildSpec {
    const id = typeof options.name === 'string' ? options.name : 'dynamic-supervisor'
    return { id, type: 'supervisor', start: () => starting(options, true, 'DynamicSupervisor.child'), ...overrides }
  },

  /** A handle for a dynamic supervisor that runs already. */
  at<X extends readonly unknown[] = readonly never[]>(server: ServerRef): DynamicSupervisorHandle<X> {
    return new DynamicSupervisorHandle<X>(server)
  },
}
