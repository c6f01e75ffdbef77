import { expect, test } from 'vitest'
import {
  type ChildSpec,
  type Down,
  DynamicSupervisor,
  exit,
  genServer,
  ignore,
  isDown,
  isExit,
  monitor,
  type Pid,
  receive,
  reply,
  self,
  send,
  spawn,
  spawnLink,
  StartError,
  stop,
  Supervisor,
  trapExit,
  VigaError,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

const Room = genServer({
  init: (name: string, observer: Pid<unknown>) => {
    send(observer, { up: name, pid: self() })
    return name
  },
  call: { name: (name) => reply(name, name) },
  cast: { end: (name, reason: unknown) => stop(reason, name) },
})

interface Started {
  readonly up: string
  readonly pid: Pid<unknown>
}
const isUp = (message: unknown): message is Started => typeof message === 'object' && message !== null && 'up' in message

async function downOf(pid: Pid, act: () => unknown): Promise<unknown> {
  const ref = monitor(pid)
  const acted = act()
  const { reason } = await receive((message): message is Down => isDown(message, ref))
  await acted
  return reason
}

async function failure(operation: PromiseLike<unknown>): Promise<unknown> {
  try {
    await operation
  } catch (error) {
    if (error instanceof StartError) return error.reason
    if (error instanceof VigaError) return error.code
    throw error
  }
  throw new Error('it did not fail')
}

test('starts children as they come, several of one id, and stops them', async () => {
  const rooms = await DynamicSupervisor.start()
  const spec = Room.child('lobby', self())
  const [first, second] = [await rooms.startChild(spec), await rooms.startChild(spec)]
  expect(first).not.toEqual(second)
  expect(await Room.at(first as Pid).call.name()).toBe('lobby')
  expect(await rooms.countChildren()).toEqual({ specs: 2, active: 2, workers: 2, supervisors: 0 })
  expect(await downOf(first as Pid, () => rooms.terminateChild(first as Pid).then(() => undefined))).toBe('shutdown')
  expect(await rooms.whichChildren()).toEqual([{ id: undefined, pid: second, type: 'worker' }])
  expect(await failure(rooms.terminateChild(first as Pid))).toBe('ERR_VIGA_NO_SUCH_CHILD')
  expect(await downOf(second as Pid, () => rooms.stop().then(() => undefined))).toBe('shutdown')
})

test('restarts by kind, each child on its own', async () => {
  const rooms = await DynamicSupervisor.start({ maxRestarts: 10 })
  await rooms.startChild(Room.child('p', self()))
  await rooms.startChild(Room.child('t', self(), { restart: 'transient' }))
  await rooms.startChild(Room.child('x', self(), { restart: 'temporary' }))
  const [p, t, x] = [await receive(isUp), await receive(isUp), await receive(isUp)]
  Room.at(p.pid).cast.end('normal')
  expect((await receive(isUp)).up).toBe('p')
  Room.at(t.pid).cast.end('crash')
  const again = await receive(isUp)
  expect(again.up).toBe('t')
  await downOf(again.pid, () => Room.at(again.pid).cast.end('shutdown'))
  await downOf(x.pid, () => exit(x.pid, 'kill'))
  expect(await rooms.countChildren()).toEqual({ specs: 1, active: 1, workers: 1, supervisors: 0 })
})

test('maxChildren is the most there are', async () => {
  const rooms = await DynamicSupervisor.start({ maxChildren: 2 })
  const spec = Room.child('r', self())
  const first = await rooms.startChild(spec)
  await rooms.startChild(spec)
  expect(await failure(rooms.startChild(spec))).toBe('max_children')
  await rooms.terminateChild(first as Pid)
  expect(await rooms.startChild(spec)).toBeDefined()
})

test('extra arguments go to every start function', async () => {
  const root = self()
  const rooms = await DynamicSupervisor.start({ extraArguments: [root, 'north'] as const })
  const pid = await rooms.startChild({ id: 'r', start: (observer, wing) => Room.startLink(`${wing} room`, observer) })
  expect(await Room.at(pid as Pid).call.name()).toBe('north room')
})

test('a start that fails, ignores or gives nonsense leaves nothing behind', async () => {
  const rooms = await DynamicSupervisor.start()
  expect(await failure(rooms.startChild({ id: 'f', start: () => exit('no luck') }))).toBe('no luck')
  expect(await failure(rooms.startChild({ id: 'n', start: () => 'x' as unknown as Pid }))).toEqual(['bad_return_value', 'x'])
  expect(await rooms.startChild({ id: 'i', start: () => ignore() })).toBeUndefined()
  expect(await failure(rooms.startChild({ ...Room.child('s', self()), restart: 'transient', significant: true }))).toBe(
    'ERR_VIGA_BAD_CHILD_SPEC',
  )
  expect(() => rooms.startChild({ id: 'b' } as ChildSpec)).toThrow(/ERR_VIGA_BAD_CHILD_SPEC/)
  expect(await rooms.countChildren()).toEqual({ specs: 0, active: 0, workers: 0, supervisors: 0 })
})

test('a restart that fails is tried again until it works or was once too often', async () => {
  const root = self()
  let fails = 0
  const flaky: ChildSpec = {
    id: 'flaky',
    start: () => (fails-- > 0 ? exit('not yet') : Room.startLink('flaky', root)),
  }
  const rooms = await DynamicSupervisor.start({ maxRestarts: 4, maxSeconds: 60 })
  await rooms.startChild(flaky)
  const first = await receive(isUp)
  fails = 2
  exit(first.pid, 'kill')
  const second = await receive(isUp)
  fails = 9
  expect(await downOf(rooms.pid, () => exit(second.pid, 'kill'))).toBe('shutdown')
})

test('is a child of a supervisor, and stops all its children at once, each within its time', async () => {
  const tree = await Supervisor.start([DynamicSupervisor.child({ name: 'rooms' })])
  const rooms = DynamicSupervisor.at('rooms')
  const obedient = await rooms.startChild(Room.child('obedient', self()))
  const stubborn = await rooms.startChild({
    id: 'stubborn',
    shutdown: 1,
    start: () =>
      spawnLink(function* () {
        trapExit(true)
        for (;;) yield* receive()
      }),
  })
  const brutal = await rooms.startChild(Room.child('brutal', self(), { shutdown: 'brutal_kill' }))
  const refs = [obedient, stubborn, brutal].map((pid) => monitor(pid as Pid))
  await tree.stop()
  const reasons: unknown[] = []
  for (const ref of refs) reasons.push((await receive((m): m is Down => isDown(m, ref))).reason)
  expect(reasons).toEqual(['shutdown', 'killed', 'killed'])
})

test('ten thousand children start, are found and stop', async () => {
  const count = 10_000
  const Quiet = genServer({ init: () => 0 })
  const seen = await inProcess(function* () {
    const flock = yield* DynamicSupervisor.start()
    const spec = Quiet.child()
    const pids: Pid[] = []
    for (let i = 0; i < count; i++) pids.push((yield* flock.startChild(spec)) as Pid)
    yield* flock.terminateChild(pids[count / 2] as Pid)
    const counted = yield* flock.countChildren()
    const last = monitor(pids[count - 1] as Pid)
    yield* flock.stop()
    return [counted.active, (yield* receive((m): m is Down => isDown(m, last))).reason]
  })
  expect(seen).toEqual([count - 1, 'shutdown'])
})

test('what it does not know it leaves alone', async () => {
  const rooms = await DynamicSupervisor.start()
  send(rooms.pid, { type: 'EXIT', from: spawn(() => undefined), reason: 'kill' })
  send(rooms.pid, 'hello')
  expect(await rooms.countChildren()).toMatchObject({ specs: 0 })
  expect(await failure(Supervisor.at(rooms.pid).deleteChild('x'))).toBe('ERR_VIGA_NO_SUCH_CHILD')
  expect(isExit(await receive({ timeout: 0 }))).toBe(false)
  expect(() => DynamicSupervisor.start({ maxChildren: -1 })).toThrow(/maxChildren is -1.*ERR_VIGA_BAD_ARGUMENT/)
  expect(() => DynamicSupervisor.start({ extraArguments: 7 as unknown as [] })).toThrow(/extraArguments is 7/)
})
