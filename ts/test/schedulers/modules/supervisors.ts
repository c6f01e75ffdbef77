/** Supervisors and an agent, and processes that use them from wherever they are. */
import {
  Agent,
  type AgentHandle,
  DynamicSupervisor,
  genServer,
  type Pid,
  receive,
  Registry,
  schedulerId,
  self,
  send,
  Supervisor,
  type SupervisorHandle,
  TaskSupervisor,
  trapExit,
  via,
} from '../../../src/index.js'
import { Counter } from './counter.js'

export interface Kept {
  readonly scheduler: number
  readonly tree: Pid<unknown>
  readonly flock: Pid<unknown>
  readonly tasks: Pid<unknown>
  readonly agent: Pid<unknown>
}

/** Starts one of each where it runs, tells `to` of them, and lives on. */
export async function keep(to: Pid<unknown>): Promise<void> {
  trapExit(true)
  const tree = await Supervisor.start([Counter.child(1, { id: 'one' })])
  const flock = await DynamicSupervisor.start()
  const tasks = await TaskSupervisor.start()
  const agent = await Agent.start(() => 5)
  send(to, { scheduler: schedulerId(), tree: tree.pid, flock: flock.pid, tasks: tasks.pid, agent: agent.pid } satisfies Kept)
  await receive()
}

async function refusalOf(work: () => PromiseLike<unknown> | void): Promise<[unknown, string]> {
  try {
    await work()
    return [undefined, 'nothing was refused']
  } catch (error) {
    return [(error as { code?: unknown }).code, (error as Error).message]
  }
}

const Hidden = genServer(import.meta, { init: () => 0 })

/** Asks `tree` for all it does. */
async function useTree(tree: SupervisorHandle, scheduler: number): Promise<unknown> {
  const [one] = await tree.whichChildren()
  const place = `two at ${String(self())}`
  const two = await tree.startChild({ ...Counter.child(2, { id: 'two', name: place, scheduler }), restart: 'transient' })
  const counts = await tree.countChildren()
  const answers = [await Counter.at(one?.pid as Pid<unknown>).call.get(), await Counter.at(place).call.add(5)]
  const where = await Counter.at(place).call.where()
  const again = await refusalOf(() => tree.startChild(Counter.child(3, { id: 'two' })))
  const running = await refusalOf(() => tree.deleteChild('two'))
  await tree.terminateChild('two')
  const restarted = await tree.restartChild('two')
  const isAnother = String(restarted) !== String(two)
  await tree.terminateChild('two')
  await tree.deleteChild('two')
  const missing = await refusalOf(() => tree.restartChild('two'))
  return { counts, answers, scheduler: where.scheduler, again, running, isAnother, missing, left: (await tree.whichChildren()).map(({ id }) => id) }
}

/** Everything that can be asked of the supervisors and the agent of `kept`, as terms. */
export async function use(kept: Kept): Promise<Record<string, unknown>> {
  const tree = Supervisor.at(kept.tree)
  const flock = DynamicSupervisor.at(kept.flock)
  const agent = Agent.at(kept.agent) as AgentHandle<number>
  const member = (await flock.startChild(Counter.child(8))) as Pid<unknown>
  const registry = Registry.start({ name: `rooms of ${String(self())}` })
  const room = await flock.startChild(Counter.child(9, { name: via(registry, ['blue', 1]), label: 'blue' }))
  const inRegistry = String(registry.whereis(['blue', 1])) === String(room)
  const members = await flock.countChildren()
  await flock.terminateChild(member)
  await flock.terminateChild(room as Pid<unknown>)
  registry.stop()
  return {
    tree: await useTree(tree, kept.scheduler),
    member: [members, inRegistry, (await flock.whichChildren()).length],
    ownFunction: await refusalOf(() => tree.startChild({ id: 'own', start: () => Counter.startLink(1) })),
    notATerm: await refusalOf(() => tree.startChild(Counter.child((() => 1) as never, { id: 'odd' }))),
    hidden: await refusalOf(() => tree.startChild(Hidden.child({ id: 'hidden' }))),
    task: await refusalOf(() => TaskSupervisor.at(kept.tasks).async(() => 1)),
    agentGet: await refusalOf(() => agent.get()),
    agentCast: await refusalOf(() => agent.cast((n) => n + 1)),
    noTasks: await TaskSupervisor.at(kept.tasks).children(),
  }
}

/** The same from this process, for `to`. */
export async function useFor(to: Pid<unknown>, kept: Kept): Promise<void> {
  send(to, { scheduler: schedulerId(), ...(await use(kept)) })
}
