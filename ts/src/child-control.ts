import type { CheckedSpec } from './child-spec.js'
import { AliasMode, type Engine } from './engine/engine.js'
import { Pid } from './pid.js'
import { runInProcess } from './process/async-context.js'
import { isAsyncFunction, isPromiseLike } from './process/body-kind.js'
import type { Coroutine } from './process/generator-process.js'
import { BaseOperation } from './process/operation.js'
import type { Process } from './process/process.js'
import { settled } from './process/promise-operation.js'
import { reasonOfThrown } from './process/reason.js'
import { receive, TIMEOUT } from './process/receive.js'
import { newRef } from './ref.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import { ResultKind, ServerResult } from './server-result.js'
import { isDown } from './signals.js'
import { StartError, StartOperation } from './start.js'
import { copyReason } from './term/copy.js'

/**
 * Starts a child from within its supervisor: its pid, linked to the supervisor, or null when it was ignored. A server whose init
 * is synchronous is started without a promise or a timer.
 *
 * @throws StartError with the reason, whatever the start function did.
 */
export function* startChild(spec: CheckedSpec, extra: readonly unknown[]): Coroutine<Pid | null> {
  const engine = activeEngine()
  const supervisor = currentProcess()
  let started: unknown
  let linked = false
  try {
    const made = isAsyncFunction(spec.start) ? runInProcess(supervisor, () => spec.start(...extra)) : spec.start(...extra)
    if (made instanceof StartOperation) {
      made.limitTime(spec.startTimeout)
      linked = made.linked
      started = yield* made
    } else if (made instanceof BaseOperation && spec.startTimeout === Infinity) started = yield* made
    else if (isPromiseLike(made)) started = yield* settled(inTime(engine, supervisor, made, spec.startTimeout))
    else started = made
  } catch (thrown) {
    if (!(thrown instanceof StartError)) throw new StartError(reasonOfThrown(thrown))
    if (thrown.ignored) return null
    throw thrown
  }
  if (started instanceof ServerResult && started.kind === ResultKind.Ignore) return null
  const pid = pidOf(started)
  if (pid === undefined) throw new StartError(['bad_return_value', copyReason(started)])
  if (!linked) engine.link(supervisor, pid)
  return pid
}

function pidOf(started: unknown): Pid | undefined {
  if (started instanceof Pid) return started
  if (typeof started === 'object' && started !== null && 'pid' in started && started.pid instanceof Pid) return started.pid
  return undefined
}

/** Longest time Node's setTimeout takes; more would be none at all. */
const LONGEST_TIMEOUT = 2_147_483_647

/** The promise, or a StartError 'timeout'; a child that comes after that is killed. */
function inTime(engine: Engine, supervisor: Process, made: PromiseLike<unknown>, milliseconds: number): PromiseLike<unknown> {
  const running = runInProcess(supervisor, () => Promise.resolve(made))
  if (milliseconds === Infinity) return running
  return new Promise((resolve, reject) => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      reject(new StartError('timeout'))
    }, Math.min(milliseconds, LONGEST_TIMEOUT))
    running.then(
      (started) => {
        clearTimeout(timer)
        const pid = pidOf(started)
        if (late && pid !== undefined && !supervisor.ended) engine.signalExit(supervisor, pid, 'kill')
        resolve(started)
      },
      (thrown: unknown) => {
        clearTimeout(timer)
        reject(thrown)
      },
    )
  })
}

/**
 * Stops a child from within its supervisor and waits for its end: by 'shutdown', and by 'kill' when that takes longer than
 * `shutdown` ms; or by 'kill' at once. No EXIT comes of it.
 */
export function* stopChild(pid: Pid, shutdown: CheckedSpec['shutdown']): Coroutine<void> {
  const engine = activeEngine()
  const supervisor = currentProcess()
  const ref = newRef(supervisor.pid)
  engine.monitor(supervisor, pid, ref, AliasMode.None, null)
  engine.unlink(supervisor, pid)
  engine.signalExit(supervisor, pid, shutdown === 'brutal_kill' ? 'kill' : 'shutdown')
  const isEnd = (message: unknown): boolean => isDown(message, ref)
  if (shutdown !== 'brutal_kill' && shutdown !== Infinity) {
    if ((yield* receive(isEnd, { timeout: shutdown })) !== TIMEOUT) return
    engine.signalExit(supervisor, pid, 'kill')
  }
  yield* receive(isEnd)
}

/** A number for a pid, to find it by: exact, as pids have fewer than 2^27 places and serials stay below 2^26. */
export function pidKey(pid: Pid): number {
  return pid.serial * 134_217_728 + pid.index
}
