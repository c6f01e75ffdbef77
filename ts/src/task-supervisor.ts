import type { CallOptions } from './call.js'
import { checkChildSpec, type ChildOverrides, type ChildSpec } from './child-spec.js'
import { DynamicSupervisor, type DynamicSupervisorOptions, dynamicStart } from './dynamic-supervisor.js'
import { ErrorCode, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import { runInProcess } from './process/async-context.js'
import { isGeneratorFunction } from './process/body-kind.js'
import { composed, type Steps, step } from './process/composed-operation.js'
import type { Coroutine } from './process/generator-process.js'
import type { Operation } from './process/operation.js'
import { settled } from './process/promise-operation.js'
import { receive } from './process/receive.js'
import { Ref } from './ref.js'
import { currentProcess } from './runtime-state.js'
import type { Eventually } from './server-behaviour.js'
import { ServerHandleBase } from './server-handle-base.js'
import type { ServerRef } from './server-ref.js'
import { alias, demonitor, isDown, link, monitor, self, send } from './signals.js'
import { spawnLink } from './spawn.js'
import type { StartOperation } from './start.js'
import { type ChildInfo, SupervisorCall } from './supervisor-request.js'
import { Task } from './task.js'

type Work<A extends readonly unknown[], T> = (...args: A) => Eventually<T>

/** What the owner sends a task once it watches it: whom to give the result to. */
interface Go {
  readonly type: 'GO'
  readonly to: Ref
}

function isGo(message: unknown): message is Go {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'GO' &&
    'to' in message &&
    message.to instanceof Ref
  )
}

/** Runs `work` of any kind to its end, in the current process. */
function* through<A extends readonly unknown[], T>(work: Work<A, T>, args: A): Coroutine<T> {
  if (isGeneratorFunction(work)) return yield* work(...args) as Coroutine<T>
  return yield* settled(runInProcess(currentProcess(), async () => (await work(...args)) as T))
}

/** A task that begins when its owner watches it, so that its end is never missed; it ends with an owner that dies before. */
function* owned<A extends readonly unknown[], T>(owner: Pid<unknown>, work: Work<A, T>, args: A): Coroutine<void> {
  const watch = monitor(owner)
  const first = yield* receive((message): message is unknown => isGo(message) || isDown(message, watch))
  if (!isGo(first)) return
  demonitor(watch, { flush: true })
  const value = yield* through(work, args)
  send(first.to, { type: 'TASK', ref: first.to, value })
}

function checkWork(work: unknown): void {
  if (typeof work !== 'function') throw new VigaError(ErrorCode.BadArgument, `TaskSupervisor: ${String(work)} is no function`)
}

/** Has the supervisor `target` start a process of its own. */
function startUnder(target: ServerRef, start: () => Pid<unknown>): Operation<Pid<unknown>> {
  const spec = checkChildSpec({ id: 'task', restart: 'temporary', start } satisfies ChildSpec, 'TaskSupervisor')
  return new SupervisorCall<Pid<unknown>>(target, 'start', spec, undefined)
}

/** A running supervisor of tasks. Its tasks are temporary: none is started again. */
export class TaskSupervisorHandle extends ServerHandleBase {
  /** Starts a task for the caller under this supervisor, linked to both. */
  async<A extends readonly unknown[], T>(work: Work<A, T>, ...args: A): Operation<Task<T>> {
    return ownedTask(this.target, true, work, args)
  }

  /** Like async, not linked to the caller: its failure is an outcome of `yield`, and an Exit in `await`, and no more. */
  asyncNoLink<A extends readonly unknown[], T>(work: Work<A, T>, ...args: A): Operation<Task<T>> {
    return ownedTask(this.target, false, work, args)
  }

  /** Starts a process for `work` whose result nobody waits for: its pid. */
  startChild<A extends readonly unknown[]>(work: Work<A, unknown>, ...args: A): Operation<Pid<unknown>> {
    checkWork(work)
    return startUnder(this.target, () => spawnLink(through<A, unknown>, work, args))
  }

  /** The tasks under way. */
  children(options?: CallOptions): Operation<ChildInfo[]> {
    return DynamicSupervisor.at(this.target).whichChildren(options)
  }

  /** Ends a task. @throws ERR_VIGA_NO_SUCH_CHILD. */
  terminateChild(pid: Pid, options?: CallOptions): Operation<void> {
    return DynamicSupervisor.at(this.target).terminateChild(pid, options)
  }
}

function ownedTask<A extends readonly unknown[], T>(
  target: ServerRef,
  linked: boolean,
  work: Work<A, T>,
  args: A,
): Operation<Task<T>> {
  checkWork(work)
  return composed(function* (): Steps<Task<T>> {
    const owner = self()
    const pid = yield* step(startUnder(target, () => spawnLink(owned<A, T>, owner, work, args)))
    const watch = monitor(pid)
    if (linked) link(pid)
    const ref = alias('reply')
    send(pid, { type: 'GO', to: ref } satisfies Go)
    return new Task<T>(pid, owner, ref, watch)
  })
}

export type TaskSupervisorOptions = Omit<DynamicSupervisorOptions, 'extraArguments'>

function starting(options: TaskSupervisorOptions, linked: boolean, where: string): StartOperation<TaskSupervisorHandle> {
  return dynamicStart(options, linked, where, (pid) => new TaskSupervisorHandle(pid))
}

/**
 * Supervisors of tasks: they stop with the supervisor, not only with the process that wants the result, and `asyncNoLink` lets the
 * one survive the other.
 *
 * @example
 * const tasks = await TaskSupervisor.start()
 * const task = await tasks.asyncNoLink(() => 1 + 1)
 * await task.await() // 2
 */
export const TaskSupervisor = {
  start(options: TaskSupervisorOptions = {}): StartOperation<TaskSupervisorHandle> {
    return starting(options, false, 'TaskSupervisor.start')
  },

  /** Like start, linked to the caller. */
  startLink(options: TaskSupervisorOptions = {}): StartOperation<TaskSupervisorHandle> {
    return starting(options, true, 'TaskSupervisor.startLink')
  },

  /** A supervisor of tasks as a child of another supervisor. Its id is its name, or 'task-supervisor'. */
  child(options: TaskSupervisorOptions = {}, overrides: ChildOverrides = {}): ChildSpec {
    const id = typeof options.name === 'string' ? options.name : 'task-supervisor'
    return { id, type: 'supervisor', start: () => starting(options, true, 'TaskSupervisor.child'), ...overrides }
  },

  /** A handle for a supervisor of tasks that runs already. */
  at(server: ServerRef): TaskSupervisorHandle {
    return new TaskSupervisorHandle(server)
  },
}
