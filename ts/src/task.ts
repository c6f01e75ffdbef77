import { type CallOptions, DEFAULT_CALL_TIMEOUT } from './call.js'
import type { ChildOverrides, ChildSpec } from './child-spec.js'
import { ErrorCode, Exit, VigaError } from './errors.js'
import { type Pid, samePid } from './pid.js'
import { isGeneratorFunction, isPromiseLike } from './process/body-kind.js'
import { composed, type Steps, step } from './process/composed-operation.js'
import type { Coroutine } from './process/generator-process.js'
import type { Operation } from './process/operation.js'
import { checkTimeout, receive, type ReceiveOptions, TIMEOUT } from './process/receive.js'
import { Ref, sameRef } from './ref.js'
import { currentProcess } from './runtime-state.js'
import { alias, demonitor, type Down, exit, isDown, monitor, send, unalias, unlink } from './signals.js'
import type { Eventually } from './server-behaviour.js'
import { spawn, spawnLink } from './spawn.js'

/** What a task sends its owner when it is done. */
export interface TaskReply<T = unknown> {
  readonly type: 'TASK'
  readonly ref: Ref
  readonly value: T
}

/** True for the result of a task. A pattern for receive. */
export function isTaskReply(message: unknown, ref?: Ref): message is TaskReply {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'TASK' &&
    'ref' in message &&
    message.ref instanceof Ref &&
    (ref === undefined || sameRef(message.ref, ref))
  )
}

/** How a task came to its end. */
export type TaskOutcome<T> =
  { readonly status: 'ok'; readonly value: T } | { readonly status: 'exit'; readonly reason: unknown }

type Work<A extends readonly unknown[], T> = (...args: A) => Eventually<T>

/** The body of a task's process: `work`, then `deliver` with its result. */
function bodyOf<A extends readonly unknown[], T>(work: Work<A, T>, deliver: (value: T) => void): (...args: A) => unknown {
  if (typeof work !== 'function') throw new VigaError(ErrorCode.BadArgument, `Task: ${String(work)} is no function`)
  if (isGeneratorFunction(work))
    return function* (...args: A): Coroutine<void> {
      deliver(yield* work(...args) as Coroutine<T>)
    }
  return (...args: A): unknown => {
    const value = work(...args) as T | PromiseLike<T>
    return isPromiseLike(value) ? (value as PromiseLike<T>).then(deliver) : deliver(value)
  }
}

/**
 * A process that computes one value for the process that made it. `work` may be plain, `async` or a generator function; it and its
 * arguments are shared with the task, its result is copied like a message.
 *
 * The task is linked to its owner: when one fails, so does the other, unless it traps exits.
 *
 * @example
 * const sum = Task.async(() => 1 + 1)
 * await sum.await() // 2
 */
export class Task<T> {
  readonly pid: Pid<unknown>
  /** The process that made it, and alone may await it. */
  readonly owner: Pid<unknown>
  /** Names the result among the messages of the owner. */
  readonly ref: Ref
  readonly #monitor: Ref
  #outcome: TaskOutcome<T> | null = null

  /** Use {@link Task.async}. */
  constructor(pid: Pid<unknown>, owner: Pid<unknown>, ref: Ref, watch: Ref) {
    this.pid = pid
    this.owner = owner
    this.ref = ref
    this.#monitor = watch
  }

  /** Starts a task, linked to the caller. Its result arrives as a {@link TaskReply} unless it is awaited. */
  static async<A extends readonly unknown[], T>(work: Work<A, T>, ...args: A): Task<T> {
    const ref = alias('reply')
    const body = bodyOf(work, (value) => send(ref, { type: 'TASK', ref, value }))
    const pid = spawnLink(body, ...args)
    return new Task<T>(pid, currentProcess().pid, ref, monitor(pid))
  }

  /** Starts a process for `work` whose result nobody waits for. */
  static start<A extends readonly unknown[]>(work: Work<A, unknown>, ...args: A): Pid<unknown> {
    return spawn(
      bodyOf(work, () => undefined),
      ...args,
    )
  }

  /** Like start, linked to the caller. */
  static startLink<A extends readonly unknown[]>(work: Work<A, unknown>, ...args: A): Pid<unknown> {
    return spawnLink(
      bodyOf(work, () => undefined),
      ...args,
    )
  }

  /** Work as a child of a supervisor: temporary unless told otherwise. Its id is 'task'. */
  static child(work: Work<readonly never[], unknown>, overrides: ChildOverrides = {}): ChildSpec {
    return { id: 'task', restart: 'temporary', start: () => Task.startLink(work), ...overrides }
  }

  /**
   * Waits for the result, 5,000 ms unless told otherwise. Fails with {@link Exit}, reason [why, ['Task', 'await', [pid, timeout]]],
   * when the task has failed or takes longer; after that the result is not to be had any more.
   *
   * @throws ERR_VIGA_BAD_ARGUMENT in another process than the owner.
   */
  await(options: CallOptions = {}): Operation<T> {
    const timeout = options.timeout === undefined ? DEFAULT_CALL_TIMEOUT : checkTimeout(options.timeout, 'Task.await')
    const task = this
    return composed(function* (): Steps<T> {
      const outcome = yield* task.#outcomeWithin({ ...options, timeout })
      if (outcome?.status === 'ok') return outcome.value
      if (outcome === undefined) task.#giveUp()
      const reason = outcome === undefined ? 'timeout' : outcome.reason
      throw new Exit([reason, ['Task', 'await', [task.pid, timeout]]])
    })
  }

  /** Waits for the end of the task, 5,000 ms unless told otherwise; undefined when it goes on, and can be awaited again. */
  yield(options: CallOptions = {}): Operation<TaskOutcome<T> | undefined> {
    const timeout = options.timeout === undefined ? DEFAULT_CALL_TIMEOUT : checkTimeout(options.timeout, 'Task.yield')
    return composed(() => this.#outcomeWithin({ ...options, timeout }))
  }

  /**
   * Unlinks the task and ends it: by 'shutdown', and by 'kill' when that takes longer than `how` ms; or at once with
   * 'brutal_kill'. Gives its outcome when it had come to one, undefined when it was still at work.
   */
  shutdown(how: number | 'brutal_kill' = 5_000): Operation<TaskOutcome<T> | undefined> {
    const timeout = how === 'brutal_kill' ? 0 : checkTimeout(how, 'Task.shutdown')
    const task = this
    return composed(function* (): Steps<TaskOutcome<T> | undefined> {
      const before = yield* task.#outcomeWithin({ timeout: 0 })
      if (before !== undefined) return before
      unlink(task.pid)
      exit(task.pid, how === 'brutal_kill' ? 'kill' : 'shutdown')
      let outcome = how === 'brutal_kill' ? undefined : yield* task.#outcomeWithin({ timeout })
      if (outcome === undefined) {
        exit(task.pid, 'kill')
        outcome = (yield* task.#outcomeWithin({ timeout: Infinity })) as TaskOutcome<T>
      }
      const stopped = outcome.status === 'exit' && (outcome.reason === 'shutdown' || outcome.reason === 'killed')
      return stopped ? undefined : outcome
    })
  }

  *#outcomeWithin(options: ReceiveOptions | CallOptions): Steps<TaskOutcome<T> | undefined> {
    if (this.#outcome !== null) return this.#outcome
    if (!samePid(currentProcess().pid, this.owner))
      throw new VigaError(
        ErrorCode.BadArgument,
        `task ${String(this.pid)} belongs to ${String(this.owner)}; ${String(currentProcess().pid)} cannot wait for it`,
      )
    const { ref } = this
    const watch = this.#monitor
    const isOurs = (message: unknown): message is TaskReply<T> | Down => isTaskReply(message, ref) || isDown(message, watch)
    const got = yield* step(receive(isOurs, options as ReceiveOptions))
    if (got === TIMEOUT) return undefined
    if (got.type === 'TASK') {
      demonitor(watch, { flush: true })
      this.#outcome = { status: 'ok', value: got.value }
    } else {
      unalias(ref)
      this.#outcome = { status: 'exit', reason: got.reason }
    }
    return this.#outcome
  }

  #giveUp(): void {
    unalias(this.ref)
    demonitor(this.#monitor, { flush: true })
    this.#outcome = { status: 'exit', reason: 'timeout' }
  }
}
