import { pidKey, startChild } from './child-control.js'
import type { CheckedSpec } from './child-spec.js'
import { AliasMode } from './engine/engine.js'
import type { From } from './from.js'
import type { Pid } from './pid.js'
import type { Coroutine } from './process/generator-process.js'
import { isOrderly } from './process/reason.js'
import { receive, TIMEOUT } from './process/receive.js'
import { newRef } from './ref.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import type { AnyBehaviour } from './server-behaviour.js'
import { noReply, ok, type NoReply, type Reply, type Stop, stop } from './server-result.js'
import { type Down, isDown, isExit } from './signals.js'
import { StartError } from './start.js'
import { stopChild } from './child-control.js'
import { RestartIntensity } from './supervisor-decision.js'
import { answered, type ChildInfo, type SupervisorAnswer, SupervisorRequest } from './supervisor-request.js'

export interface FlockOptions {
  readonly maxChildren: number
  readonly extraArguments: readonly unknown[]
  readonly maxRestarts: number
  readonly maxSeconds: number
}

/** A running child. */
interface Member {
  readonly pid: Pid
  readonly spec: CheckedSpec
}

/** The state of a dynamic supervisor: children by pid alone, so that each start and end is O(1). */
class Flock {
  readonly options: FlockOptions
  readonly intensity: RestartIntensity
  readonly members = new Map<number, Member>()
  /** Children whose last restart failed and will be tried again. */
  readonly restarting = new Set<TryAgain>()
  supervisors = 0
  readonly goingOn: NoReply<Flock>

  constructor(options: FlockOptions) {
    this.options = options
    this.intensity = new RestartIntensity(options.maxRestarts, options.maxSeconds)
    this.goingOn = noReply(this)
  }

  get size(): number {
    return this.members.size + this.restarting.size
  }

  /** Starts a child; its pid, or null when it was ignored. */
  *start(spec: CheckedSpec): Coroutine<Pid | null> {
    const pid = yield* startChild(spec, this.options.extraArguments)
    if (pid !== null) {
      this.members.set(pidKey(pid), { pid, spec })
      if (spec.type === 'supervisor') this.supervisors++
    }
    return pid
  }

  /** The child that runs, or ran, under `pid`: no member any more. */
  remove(pid: Pid): Member | undefined {
    const key = pidKey(pid)
    const member = this.members.get(key)
    if (member === undefined) return undefined
    this.members.delete(key)
    if (member.spec.type === 'supervisor') this.supervisors--
    return member
  }
}

/** Asks a dynamic supervisor to start a child again whose restart has failed. */
class TryAgain {
  readonly spec: CheckedSpec

  constructor(spec: CheckedSpec) {
    this.spec = spec
  }
}

function init(options: FlockOptions): unknown {
  activeEngine().setTrapExit(currentProcess(), true)
  return ok(new Flock(options))
}

function* restart(flock: Flock, spec: CheckedSpec): Coroutine<NoReply<Flock> | Stop<Flock>> {
  if (flock.intensity.exceededAt(performance.now())) return stop('shutdown', flock)
  try {
    yield* flock.start(spec)
  } catch (thrown) {
    if (!(thrown instanceof StartError)) throw thrown
    const again = new TryAgain(spec)
    flock.restarting.add(again)
    activeEngine().send(currentProcess().pid, again)
  }
  return flock.goingOn
}

function handleInfo(message: unknown, flock: Flock): unknown {
  if (isExit(message)) {
    const member = flock.remove(message.from)
    if (member === undefined) return flock.goingOn
    const { spec } = member
    const again = spec.restart === 'permanent' || (spec.restart === 'transient' && !isOrderly(message.reason))
    return again ? restart(flock, spec) : flock.goingOn
  }
  if (message instanceof TryAgain && flock.restarting.delete(message)) return restart(flock, message.spec)
  return flock.goingOn
}

function* startNew(flock: Flock, spec: CheckedSpec): Coroutine<Reply<SupervisorAnswer, Flock>> {
  if (flock.size >= flock.options.maxChildren) return answered(['start_failed', 'max_children'], flock)
  if (spec.significant)
    return answered(
      ['bad_child_spec', `child ${String(spec.id)} is significant; a dynamic supervisor does not end with its children`],
      flock,
    )
  try {
    return answered(['ok', (yield* flock.start(spec)) ?? undefined], flock)
  } catch (thrown) {
    if (!(thrown instanceof StartError)) throw thrown
    return answered(['start_failed', thrown.reason], flock)
  }
}

function* terminateOne(flock: Flock, pid: Pid): Coroutine<Reply<SupervisorAnswer, Flock>> {
  const member = flock.remove(pid)
  if (member === undefined) return answered(['not_found', `terminateChild: the supervisor has no child ${String(pid)}`], flock)
  yield* stopChild(member.pid, member.spec.shutdown)
  return answered(['ok', undefined], flock)
}

function whichChildren(flock: Flock): ChildInfo[] {
  const running = [...flock.members.values()].map(({ pid, spec }): ChildInfo => ({
    id: undefined,
    pid: pid as Pid<unknown>,
    type: spec.type,
  }))
  const waiting = [...flock.restarting].map(({ spec }): ChildInfo => ({ id: undefined, pid: 'restarting', type: spec.type }))
  return [...running, ...waiting]
}

function handleCall(request: unknown, _from: From, flock: Flock): unknown {
  if (!(request instanceof SupervisorRequest))
    return answered(['bad_child_spec', 'a supervisor takes no calls but those of its handle'], flock)
  switch (request.op) {
    case 'which':
      return answered(['ok', whichChildren(flock)], flock)
    case 'count': {
      const { supervisors, size } = flock
      return answered(['ok', { specs: size, active: flock.members.size, supervisors, workers: size - supervisors }], flock)
    }
    case 'start':
      return startNew(flock, request.spec)
    case 'terminate':
      return terminateOne(flock, request.argument as Pid)
    default:
      return answered(['not_found', `${request.op}Child: children of a dynamic supervisor have no ids`], flock)
  }
}

/**
 * Stops all children at once, which have no order, and waits for their ends; each is killed when its own time is up. O(n log n).
 */
function* stopAll(flock: Flock): Coroutine<void> {
  const engine = activeEngine()
  const supervisor = currentProcess()
  const began = performance.now()
  const alive = new Map<number, Pid>()
  const deadlines: { readonly at: number; readonly ref: number }[] = []
  for (const { pid, spec } of flock.members.values()) {
    const ref = newRef(supervisor.pid)
    engine.monitor(supervisor, pid, ref, AliasMode.None, null)
    engine.unlink(supervisor, pid)
    engine.signalExit(supervisor, pid, spec.shutdown === 'brutal_kill' ? 'kill' : 'shutdown')
    alive.set(ref.id, pid)
    if (spec.shutdown !== 'brutal_kill' && spec.shutdown !== Infinity)
      deadlines.push({ at: began + spec.shutdown, ref: ref.id })
  }
  flock.members.clear()
  deadlines.sort((a, b) => b.at - a.at)
  const isEnd = (message: unknown): message is Down => isDown(message) && alive.has(message.ref.id)
  while (alive.size > 0) {
    let next = deadlines.at(-1)
    while (next !== undefined && !alive.has(next.ref)) {
      deadlines.pop()
      next = deadlines.at(-1)
    }
    const end =
      next === undefined ? yield* receive(isEnd) : yield* receive(isEnd, { timeout: Math.max(0, next.at - performance.now()) })
    if (end !== TIMEOUT) alive.delete(end.ref.id)
    else if (next !== undefined) {
      deadlines.pop()
      engine.signalExit(supervisor, alive.get(next.ref) as Pid, 'kill')
    }
  }
}

/** A supervisor of children that come and go, as a server. Its init takes FlockOptions. */
export const dynamicSupervisorBehaviour = {
  init,
  handleCall,
  handleInfo,
  terminate: (_reason: unknown, flock: Flock) => stopAll(flock),
} as unknown as AnyBehaviour
