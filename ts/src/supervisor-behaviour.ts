import { pidKey, startChild, stopChild } from './child-control.js'
import type { CheckedSpec, ChildId } from './child-spec.js'
import type { From } from './from.js'
import type { Pid } from './pid.js'
import type { Coroutine } from './process/generator-process.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import type { AnyBehaviour } from './server-behaviour.js'
import { noReply, ok, type NoReply, type Reply, type Stop, stop } from './server-result.js'
import { isExit } from './signals.js'
import { StartError } from './start.js'
import {
  type Action,
  type AutoShutdown,
  type DecidedChild,
  type DecidedTree,
  onChildEnd,
  onRestart,
  RestartIntensity,
  type Strategy,
} from './supervisor-decision.js'
import { answered, type ChildCounts, type ChildInfo, type SupervisorAnswer, SupervisorRequest } from './supervisor-request.js'

/** A child of a tree, running or not. */
class Child implements DecidedChild {
  readonly spec: CheckedSpec
  pid: Pid | null = null
  /** Its last restart failed; it will be tried again. */
  restarting = false

  constructor(spec: CheckedSpec) {
    this.spec = spec
  }

  get restart(): CheckedSpec['restart'] {
    return this.spec.restart
  }

  get significant(): boolean {
    return this.spec.significant
  }

  get running(): boolean {
    return this.pid !== null
  }

  get info(): ChildInfo {
    const pid = this.restarting ? 'restarting' : ((this.pid ?? undefined) as Pid<unknown> | undefined)
    return { id: this.spec.id, pid, type: this.spec.type }
  }
}

export interface TreeOptions {
  readonly strategy: Strategy
  readonly autoShutdown: AutoShutdown
  readonly maxRestarts: number
  readonly maxSeconds: number
}

/** The state of a supervisor. */
class Tree implements DecidedTree<Child> {
  readonly strategy: Strategy
  readonly autoShutdown: AutoShutdown
  readonly intensity: RestartIntensity
  /** By id, in the order of their start: maps keep the order of insertion. */
  readonly byId = new Map<ChildId, Child>()
  readonly byPid = new Map<number, Child>()
  /** The result of callbacks after which the same tree goes on. */
  readonly goingOn: NoReply<Tree>

  constructor(options: TreeOptions) {
    this.strategy = options.strategy
    this.autoShutdown = options.autoShutdown
    this.intensity = new RestartIntensity(options.maxRestarts, options.maxSeconds)
    this.goingOn = noReply(this)
  }

  get children(): Iterable<Child> {
    return this.byId.values()
  }

  add(spec: CheckedSpec): Child {
    const child = new Child(spec)
    this.byId.set(spec.id, child)
    return child
  }

  /** The child that has ended under `pid`, if any: it runs no more. */
  ended(pid: Pid): Child | undefined {
    const key = pidKey(pid)
    const child = this.byPid.get(key)
    if (child === undefined) return undefined
    this.byPid.delete(key)
    child.pid = null
    return child
  }

  *start(child: Child): Coroutine<void> {
    const pid = yield* startChild(child.spec, [])
    child.restarting = false
    child.pid = pid
    if (pid !== null) this.byPid.set(pidKey(pid), child)
    else if (child.restart === 'temporary') this.byId.delete(child.spec.id)
  }

  *stop(child: Child): Coroutine<void> {
    child.restarting = false
    const pid = child.pid
    if (pid === null) return
    this.ended(pid)
    yield* stopChild(pid, child.spec.shutdown)
  }

  /** Stops everything, the youngest first. */
  *stopAll(): Coroutine<void> {
    for (const child of [...this.byId.values()].reverse()) yield* this.stop(child)
  }
}

/** Asks a supervisor to start a child again whose restart has failed. */
class TryAgain {
  readonly child: Child

  constructor(child: Child) {
    this.child = child
  }
}

function* init(specs: readonly CheckedSpec[], options: TreeOptions): Coroutine<unknown> {
  activeEngine().setTrapExit(currentProcess(), true)
  const tree = new Tree(options)
  for (const spec of specs) {
    try {
      yield* tree.start(tree.add(spec))
    } catch (thrown) {
      if (!(thrown instanceof StartError)) throw thrown
      yield* tree.stopAll()
      return stop(['shutdown', ['failed_to_start_child', spec.id, thrown.reason]])
    }
  }
  return ok(tree)
}

function* perform(tree: Tree, actions: readonly Action<Child>[]): Coroutine<NoReply<Tree> | Stop<Tree>> {
  for (const action of actions) {
    switch (action.do) {
      case 'stop':
        for (const child of action.children) yield* tree.stop(child)
        break
      case 'start':
        yield* restart(tree, action.children)
        break
      case 'forget':
        tree.byId.delete(action.child.spec.id)
        break
      case 'shutdown':
        return stop('shutdown', tree)
    }
  }
  return tree.goingOn
}

function* restart(tree: Tree, children: readonly Child[]): Coroutine<void> {
  for (const child of children) {
    try {
      yield* tree.start(child)
    } catch (thrown) {
      if (!(thrown instanceof StartError)) throw thrown
      // Tried again by a message, so that others get a hearing in between; each try counts as a restart.
      child.restarting = true
      activeEngine().send(currentProcess().pid, new TryAgain(child))
      return
    }
  }
}

function handleInfo(message: unknown, tree: Tree): unknown {
  let actions: Action<Child>[]
  if (isExit(message)) {
    const child = tree.ended(message.from)
    if (child === undefined) return tree.goingOn
    actions = onChildEnd(tree, child, message.reason, performance.now())
  } else if (message instanceof TryAgain) {
    const { child } = message
    if (!child.restarting || tree.byId.get(child.spec.id) !== child) return tree.goingOn
    actions = onRestart(tree, child, performance.now())
  } else return tree.goingOn
  return actions.length === 0 ? tree.goingOn : perform(tree, actions)
}

function counts(tree: Tree): ChildCounts {
  let active = 0
  let supervisors = 0
  for (const child of tree.byId.values()) {
    if (child.running) active++
    if (child.spec.type === 'supervisor') supervisors++
  }
  return { specs: tree.byId.size, active, supervisors, workers: tree.byId.size - supervisors }
}

function* startNew(tree: Tree, spec: CheckedSpec): Coroutine<Reply<SupervisorAnswer, Tree>> {
  const there = tree.byId.get(spec.id)
  if (there !== undefined)
    return answered(['start_failed', there.pid === null ? 'already_present' : ['already_started', there.pid]], tree)
  const misfit = spec.significant && tree.autoShutdown === 'never'
  if (misfit) return answered(['bad_child_spec', significantMisfit(spec.id)], tree)
  const child = tree.add(spec)
  try {
    yield* tree.start(child)
  } catch (thrown) {
    if (!(thrown instanceof StartError)) throw thrown
    tree.byId.delete(spec.id)
    return answered(['start_failed', thrown.reason], tree)
  }
  return answered(['ok', child.pid ?? undefined], tree)
}

/** Why a significant child does not fit a tree that never ends for one. */
export function significantMisfit(id: ChildId): string {
  return `child ${String(id)} is significant, but autoShutdown of the supervisor is never; any_significant and all_significant go with it`
}

function* startAgain(tree: Tree, child: Child): Coroutine<Reply<SupervisorAnswer, Tree>> {
  const { id } = child.spec
  if (child.restarting) return answered(['child_state', `restartChild: child ${String(id)} is restarting`], tree)
  if (child.running) return answered(['child_state', `restartChild: child ${String(id)} is running; terminate it first`], tree)
  try {
    yield* tree.start(child)
  } catch (thrown) {
    if (!(thrown instanceof StartError)) throw thrown
    return answered(['start_failed', thrown.reason], tree)
  }
  return answered(['ok', child.pid ?? undefined], tree)
}

function* terminateOne(tree: Tree, child: Child): Coroutine<Reply<SupervisorAnswer, Tree>> {
  yield* tree.stop(child)
  if (child.restart === 'temporary') tree.byId.delete(child.spec.id)
  return answered(['ok', undefined], tree)
}

function deleteOne(tree: Tree, child: Child): Reply<SupervisorAnswer, Tree> {
  const { id } = child.spec
  if (child.running || child.restarting)
    return answered(
      ['child_state', `deleteChild: child ${String(id)} is ${child.running ? 'running' : 'restarting'}; terminate it first`],
      tree,
    )
  tree.byId.delete(id)
  return answered(['ok', undefined], tree)
}

function handleCall(request: unknown, _from: From, tree: Tree): unknown {
  if (!(request instanceof SupervisorRequest))
    return answered(['bad_child_spec', 'a supervisor takes no calls but those of its handle'], tree)
  switch (request.op) {
    case 'which':
      return answered(['ok', [...tree.byId.values()].map(({ info }) => info)], tree)
    case 'count':
      return answered(['ok', counts(tree)], tree)
    case 'start':
      return startNew(tree, request.spec)
    default: {
      const child = tree.byId.get(request.argument as ChildId)
      if (child === undefined)
        return answered(
          [
            'not_found',
            `${request.op}Child: the supervisor has no child ${String(request.argument)}; it has ${[...tree.byId.keys()].map(String).join(', ') || 'none'}`,
          ],
          tree,
        )
      if (request.op === 'terminate') return terminateOne(tree, child)
      return request.op === 'restart' ? startAgain(tree, child) : deleteOne(tree, child)
    }
  }
}

/** A supervisor with a list of children, as a server. Its init takes checked specifications and TreeOptions. */
export const supervisorBehaviour = {
  init,
  handleCall,
  handleInfo,
  terminate: (_reason: unknown, tree: Tree) => tree.stopAll(),
} as unknown as AnyBehaviour
