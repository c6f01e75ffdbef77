/**
 * What processes, servers and their supervisors promise, by name, for a process to go through on any scheduler. `far` is a process,
 * of another scheduler where there is one, that sends back what it is sent (echo in everything.ts).
 */
import assert from 'node:assert/strict'
import {
  Agent,
  alias,
  cancelTimer,
  type Coroutine,
  demonitor,
  DynamicSupervisor,
  ets,
  exit,
  GenServer,
  genServer,
  hibernate,
  isAlive,
  isDown,
  isEtsTransfer,
  isExit,
  link,
  monitor,
  noReply,
  ok,
  type Pid,
  processes,
  processInfo,
  readTimer,
  receive,
  type Ref,
  register,
  registered,
  Registry,
  reply,
  schedulerId,
  self,
  send,
  sendAfter,
  spawn,
  spawnLink,
  spawnMonitor,
  stop,
  Supervisor,
  systemInfo,
  Task,
  TaskSupervisor,
  TIMEOUT,
  trapExit,
  unalias,
  unlink,
  unregister,
  via,
  whereis,
} from '../../../src/index.js'
import { Counter } from './counter.js'

const Log = genServer({
  init: (first: readonly unknown[]) => ok<readonly unknown[]>(first, { continue: 'begun' }),
  call: {
    all: (log) => reply(log, log),
    idle: (log) => reply('soon', log, 5),
    end: (log) => stop('asked', 'ended', log),
    async waits(log) {
      return reply(await receive((message) => message === 'go'), log)
    },
  },
  cast: { add: (log, one: unknown) => [...log, one] },
  info: (log, message: unknown) => noReply([...log, message === TIMEOUT ? 'idle' : message]),
  continue: (log, what) => [...log, what],
})

function* awaitName(name: string, before: Pid<unknown> | undefined): Coroutine<Pid<unknown>> {
  for (;;) {
    const pid = whereis(name)
    if (pid !== undefined && String(pid) !== String(before)) return pid
    yield* receive((message) => message === 'never', { timeout: 1 })
  }
}

function reasonOf(thrown: unknown): unknown {
  return (thrown as { readonly reason?: unknown }).reason
}

/** Names that no scenario on another scheduler has at the same time. */
const own = (name: string): string => `${name} of ${String(self())}`

export const scenarios: Record<string, (far: Pid<unknown>) => Coroutine> = {
  *'calls, casts, messages, continuations and idle times'() {
    const log = yield* Log.start([])
    log.cast.add('cast')
    send(log.pid, 'message')
    assert.equal(yield* log.call.idle(), 'soon')
    while (!(yield* log.call.all()).includes('idle')) {
      yield* log.call.idle()
      yield* receive({ timeout: 10 })
    }
    assert.deepEqual((yield* log.call.all()).slice(0, 3), ['begun', 'cast', 'message'])
    sendAfter(2, log.pid, 'go')
    assert.equal(yield* log.call.waits(), 'go')
    const ref = monitor(log.pid)
    assert.equal(yield* log.call.end(), 'ended')
    assert.deepEqual(yield* receive(), { type: 'DOWN', ref, pid: log.pid, reason: 'asked' })
    try {
      yield* log.call.all()
      assert.fail('a server that has ended answers')
    } catch (thrown) {
      assert.equal((reasonOf(thrown) as unknown[])[0], 'noproc')
    }
  },

  *'calls that take too long'() {
    const log = yield* Log.start([])
    try {
      yield* GenServer.call(log.pid, ['waits'], { timeout: 5 })
      assert.fail('no timeout')
    } catch (thrown) {
      assert.equal((reasonOf(thrown) as unknown[])[0], 'timeout')
    }
    yield* hibernateUntil('done', 5)
    exit(log.pid, 'kill')
  },

  *'servers in the form of OTP'(far) {
    const pid = yield* GenServer.start(
      {
        init: (n: number) => ok(n),
        handleCall: (_: unknown, __, n: number) => reply(n, n + 1),
        handleInfo: (message: unknown, n: number) => {
          send(far, { from: self(), value: message })
          return noReply(n)
        },
      },
      [4],
    )
    assert.equal(yield* GenServer.call(pid, 'next'), 4)
    assert.equal(yield* GenServer.call(pid, 'next'), 5)
    yield* GenServer.stop(pid)
    assert.equal(isAlive(pid), false)
  },

  *'names'(far) {
    const name = own('somebody')
    register(name, self())
    send(name, 'by name')
    assert.equal(yield* receive(), 'by name')
    assert.ok(registered().includes(name))
    send(far, { from: name, value: 'to a name' })
    assert.equal(((yield* receive()) as { value: unknown }).value, 'to a name')
    assert.throws(() => register(name, far), { code: 'ERR_VIGA_NAME_TAKEN' })
    unregister(name)
    assert.equal(whereis(name), undefined)
    const ref = monitor(name)
    assert.deepEqual({ ...((yield* receive()) as object), pid: null }, { type: 'DOWN', ref, name, pid: null, reason: 'noproc' })
  },

  *'registries'(far) {
    const rooms = Registry.start<unknown, unknown>({ name: own('rooms') })
    assert.deepEqual(rooms.register(['blue', 1], { guests: 2 }), { registered: true })
    const counter = yield* Counter.start(3, { name: via(rooms, 'red') })
    assert.equal(yield* Counter.at(via(rooms, 'red')).call.get(), 3)
    assert.deepEqual(rooms.lookup(['blue', 1]), [{ pid: self(), value: { guests: 2 } }])
    yield* counter.stop()
    assert.equal(rooms.whereis('red'), undefined)
    assert.equal(rooms.whereis(far), undefined)
    assert.equal(rooms.count(), 1)
    rooms.stop()
  },

  *'tables'() {
    const table = ets.new<[key: string, n: number]>(own('table'), { kind: 'orderedSet', access: 'public' })
    table.insert(['a', 1], ['b', 2], ['c', 3])
    assert.equal(table.updateCounter('b', 5), 7)
    assert.deepEqual(table.select((row) => row.element(1).gt(2)), [['b', 7], ['c', 3]])
    const { ref } = spawnMonitor(function* () {
      ets.whereis<[string, number]>(`table of ${String(table.info()?.owner)}`)?.insert(['d', 4])
    })
    yield* receive((message) => isDown(message, ref))
    assert.deepEqual(table.lookup('d'), ['d', 4])
    table.drop()
  },

  *'supervisors restart what ends'() {
    const [one, two] = [own('one'), own('two')]
    const tree = yield* Supervisor.start([Counter.child(1, { id: 'one', name: one }), Counter.child(2, { id: 'two', name: two })], {
      strategy: 'one_for_all',
    })
    const before = [whereis(one), whereis(two)]
    exit(before[1] as Pid, 'kill')
    assert.notDeepEqual(yield* awaitName(one, before[0]), before[0])
    yield* awaitName(two, before[1])
    assert.equal(yield* Counter.at(two).call.get(), 2)
    assert.equal((yield* Counter.at(two).call.where()).scheduler, schedulerId())
    assert.deepEqual(yield* tree.countChildren(), { specs: 2, active: 2, workers: 2, supervisors: 0 })
    yield* tree.stop()
    assert.deepEqual([whereis(one), whereis(two)], [undefined, undefined])
  },

  *'supervisors that give up'() {
    trapExit(true)
    const tree = yield* Supervisor.startLink([Counter.child(1, { name: own('fragile') })], { maxRestarts: 0 })
    exit(whereis(own('fragile')) as Pid, 'kill')
    assert.deepEqual(yield* receive(), { type: 'EXIT', from: tree.pid, reason: 'shutdown' })
  },

  *'dynamic supervisors'() {
    const flock = yield* DynamicSupervisor.start()
    const pids: (Pid<unknown> | undefined)[] = []
    for (let n = 0; n < 20; n++) pids.push(yield* flock.startChild(Counter.child(n, { restart: 'temporary' })))
    exit(pids[7] as Pid, 'kill')
    while ((yield* flock.countChildren()).active !== 19) yield
    yield* flock.stop()
    assert.ok(pids.every((pid) => !isAlive(pid as Pid)))
  },

  *'tasks'() {
    assert.equal(yield* Task.async((n: number) => n + 1, 1).await(), 2)
    assert.equal(yield* Task.async(async () => await Promise.resolve('later')).await(), 'later')
    trapExit(true)
    const failing = Task.async(() => exit('no luck'))
    assert.deepEqual(yield* failing.yield(), { status: 'exit', reason: 'no luck' })
    assert.ok(isExit(yield* receive(), failing.pid))
    const endless = Task.async(async () => await receive())
    assert.equal(yield* endless.yield({ timeout: 1 }), undefined)
    assert.equal(yield* endless.shutdown('brutal_kill'), undefined)
    const tasks = yield* TaskSupervisor.start()
    assert.equal(yield* (yield* tasks.asyncNoLink(() => 7)).await(), 7)
    yield* tasks.stop()
  },

  *'agents'() {
    const agent = yield* Agent.start(() => 1)
    yield* agent.update((n) => n + 1)
    agent.cast((n) => n * 10)
    assert.equal(yield* agent.get(), 20)
    assert.equal(yield* agent.getAndUpdate((n) => [n, n + 1] as const), 20)
    yield* agent.stop()
  },

  *'links and exits'(far) {
    trapExit(true)
    const child = spawnLink(function* () {
      exit(yield* receive())
    })
    send(child, 'over' as never)
    assert.deepEqual(yield* receive(), { type: 'EXIT', from: child, reason: 'over' })
    link(far)
    unlink(far)
    const victim = spawn(function* () {
      spawnLink(function* () {
        exit('both')
      })
      yield* receive()
    })
    const ref = monitor(victim)
    assert.deepEqual(yield* receive(), { type: 'DOWN', ref, pid: victim, reason: 'both' })
    exit(self(), 'caught')
    assert.deepEqual(yield* receive(), { type: 'EXIT', from: self(), reason: 'caught' })
  },

  *'monitors'() {
    const { pid, ref } = spawnMonitor(function* () {
      yield* receive()
    })
    const second = monitor(pid)
    assert.equal(demonitor(second), true)
    exit(pid, 'kill')
    assert.deepEqual(yield* receive(), { type: 'DOWN', ref, pid, reason: 'killed' })
    assert.equal(yield* receive({ timeout: 1 }), TIMEOUT)
  },

  *'aliases'(far) {
    const once = alias('reply')
    send(far, { from: once, value: 1 })
    send(far, { from: once, value: 2 })
    assert.equal(((yield* receive()) as { value: unknown }).value, 1)
    const many: Ref = alias()
    send(far, { from: many, value: 3 })
    assert.equal(((yield* receive()) as { value: unknown }).value, 3)
    assert.equal(unalias(many), true)
    send(far, { from: many, value: 4 })
    send(far, { from: self(), value: 5 })
    assert.equal(((yield* receive()) as { value: unknown }).value, 5)
  },

  *'selective receive'(far) {
    for (let n = 0; n < 100; n++) send(far, { from: self(), value: n })
    const is = (wanted: number) => (message: unknown) => (message as { value: unknown }).value === wanted
    yield* receive(is(99))
    yield* receive(is(50))
    assert.equal(processInfo(self())?.messageQueueLength, 98)
    for (let n = 0; n < 99; n++)
      if (n !== 50) assert.equal(((yield* receive()) as { value: unknown }).value, n)
    assert.equal(yield* receive({ timeout: 0 }), TIMEOUT)
  },

  *'timers'(far) {
    const never = sendAfter(60_000, far, { from: self(), value: 'never' })
    sendAfter(3, far, { from: self(), value: 'far' })
    assert.equal(((yield* receive()) as { value: unknown }).value, 'far')
    assert.ok((readTimer(never) as number) > 50_000)
    assert.ok((cancelTimer(never) as number) > 50_000)
    assert.equal(cancelTimer(never), false)
    sendAfter(2, self<string>(), 'near')
    assert.equal(yield* receive(), 'near')
    assert.equal(yield* receive({ timeout: 2 }), TIMEOUT)
    yield* hibernateUntil('awake', 2)
  },

  *'introspection'(far) {
    // An answer says that it has begun, and that all sent before has arrived.
    send(far, { from: self(), value: 'begun' })
    yield* receive()
    const facts = systemInfo()
    assert.ok(facts.processCount >= 3 && facts.processLimit >= facts.processCount)
    const all = processes().map(String)
    assert.ok(all.includes(String(self())) && all.includes(String(far)))
    assert.equal(new Set(all).size, all.length)
    assert.equal(processInfo(self())?.status, 'running')
    const name = own('far')
    register(name, far)
    link(far)
    const ref = monitor(far)
    send(far, { from: self(), value: 'there' })
    yield* receive()
    const info = processInfo(far)
    if (info === undefined) return assert.fail('nothing is known of a process that is alive')
    assert.ok(info.names.includes(name) && registered().includes(name))
    assert.ok(info.links.some((pid) => String(pid) === String(self())))
    assert.ok(info.monitoredBy.some((pid) => String(pid) === String(self())))
    assert.ok(info.reductions > 0 && info.memory > 0)
    unregister(name)
    demonitor(ref)
    unlink(far)
    const busy = spawn(function* () {
      for (;;) yield
    })
    assert.equal(processInfo(busy)?.parent === null, false)
    exit(busy, 'kill')
    assert.equal(processInfo(busy), undefined)
  },
}

/** Hibernates until `word`, sent in so many ms, arrives. */
function* hibernateUntil(word: string, milliseconds: number): Coroutine<void> {
  sendAfter(milliseconds, self<string>(), word)
  yield* hibernate()
  assert.equal(yield* receive(), word)
}

/** Goes through the scenario `name` and tells `to` how it went: [scheduler, what went wrong or null]. */
export function* goThrough(to: Pid<unknown>, far: Pid<unknown>, name: string): Coroutine {
  let failure: string | null = null
  try {
    yield* (scenarios[name] as (far: Pid<unknown>) => Coroutine)(far)
  } catch (error) {
    failure = (error as Error).stack ?? String(error)
  }
  send(to, ['over', schedulerId(), failure])
}

/** Makes a table, and gives it to `to`, or leaves it to `to`. */
export function* bequeath(to: Pid<unknown>, how: 'give' | 'leave'): Coroutine {
  const heir = how === 'leave' ? { heir: { pid: to, data: ['left', schedulerId()] } } : {}
  const table = ets.new<[string, number]>({ ...heir })
  table.insert(['silver', 1])
  send(to, ['from', self()])
  if (how === 'give') table.giveAway(to, ['given', schedulerId()])
}

/** Receives a table, writes to it as only its owner may, and tells `to` of what came with it. */
export function* inherit(to: Pid<unknown>): Coroutine {
  send(to, ['heir', self()])
  const message = yield* receive(isEtsTransfer)
  const table = ets.open<[string, number]>(message.table)
  table.insert(['gold', 2])
  send(to, ['inherited', schedulerId(), message.from, message.data, table.lookup('silver')])
  yield* receive()
}

/** Runs in one slice until there is a row 'stop' in the table of this name. */
export function spin(to: Pid<unknown>, name: string): void {
  const table = ets.whereis(name)
  register(name, self())
  send(to, 'soon')
  table?.insert(['spins'])
  while (table?.member('stop') === false);
}
