import { expect, test } from 'vitest'
import {
  Agent,
  alias,
  cancelTimer,
  demonitor,
  ets,
  exit,
  GenServer,
  isAlive,
  link,
  makeRef,
  monitor,
  ok,
  processInfo,
  readTimer,
  receive,
  register,
  Registry,
  reply,
  self,
  send,
  sendAfter,
  setPriority,
  spawn,
  spawnWith,
  Supervisor,
  TIMEOUT,
  unalias,
  unlink,
  unregister,
  whereis,
} from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'

freshRuntime()

const nonsense: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 7],
  ['an object without a prototype', Object.create(null)],
  ['a function', () => 1],
  ['a symbol', Symbol('mine')],
]

/** Every function that takes a process, name, reference or timer, given what is none. */
const calls: Readonly<Record<string, (nothing: never) => unknown>> = {
  send: (to) => send(to, 1),
  sendAfter: (to) => sendAfter(1, to, 1),
  link,
  unlink,
  monitor,
  demonitor,
  unalias,
  exit: (pid) => exit(pid, 'kill'),
  register: (pid) => register('name', pid),
  'register a name': (name) => register(name, self()),
  unregister,
  whereis,
  isAlive,
  processInfo,
  cancelTimer,
  readTimer,
  cast: (server) => GenServer.cast(server, 1),
  reply: (from) => GenServer.reply(from, 1),
  setPriority,
}

test.each(nonsense)('%s is refused with a code wherever a process, a name, a reference or a timer is due', (_what, value) => {
  for (const [name, call] of Object.entries(calls)) {
    let thrown: unknown
    try {
      call(value as never)
    } catch (error) {
      thrown = error
    }
    expect([name, (thrown as { code?: string } | undefined)?.code]).toEqual([name, 'ERR_VIGA_BAD_ARGUMENT'])
  }
  expect(isAlive(self())).toBe(true)
})

test.each(nonsense)('a call to %s fails with a code', async (_what, value) => {
  const code = await GenServer.call(value as never, 1).then(undefined, (error: unknown) => (error as { code: unknown }).code)
  expect(code).toBe('ERR_VIGA_BAD_ARGUMENT')
})

test.each([Number.NaN, -1, -Infinity, '5', null, {}, Object.create(null), 5n, Symbol('5')])(
  'a timeout of %o is refused wherever there is one',
  async (timeout) => {
    const options = { timeout } as never
    const bad = /ERR_VIGA_BAD_ARGUMENT/
    expect(() => receive(options)).toThrow(bad)
    expect(() => GenServer.call('nobody', 1, options)).toThrow(bad)
    expect(() => GenServer.stop('nobody', 'normal', options)).toThrow(bad)
    expect(() => GenServer.start({ init: () => ok(1) }, [], options)).toThrow(bad)
    expect(() => sendAfter(timeout as never, self(), 1)).toThrow(bad)
    for (const times of [{ shutdown: timeout ?? {} }, { startTimeout: timeout }])
      expect(() => Supervisor.start([{ id: 'c', start: () => spawn(() => 1), ...times } as never])).toThrow(/ERR_VIGA_BAD_CHILD_SPEC/)
  },
)

test('minus nothing is nothing, and no time is too long for a wait', async () => {
  expect(await receive({ timeout: -0 })).toBe(TIMEOUT)
  expect(cancelTimer(sendAfter(-0, self(), 'now'))).toBeTypeOf('number')
  const silent = await GenServer.start({ init: () => ok(0), handleCall: () => ({}) as never }, [])
  await GenServer.stop(silent)
  const times = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 40, Number.MAX_VALUE]
  const answering = await GenServer.start(
    {
      init: () => ok(0),
      *handleCall() {
        yield* receive((message) => message === 'go')
        return reply('answer', 0)
      },
    },
    [],
  )
  for (const timeout of times) {
    const awaited = receive((message) => message === 'wake', { timeout }).then((got) => got)
    const called = GenServer.call(answering, 'wait', { timeout }).then((got) => got)
    expect(await Promise.race([awaited, called, new Promise((resolve) => setTimeout(resolve, 15, 'pending'))])).toBe('pending')
    send(self(), 'wake')
    send(answering, 'go')
    expect([await awaited, await called]).toEqual(['wake', 'answer'])
  }
  for (const time of [2 ** 32, 2 ** 40, Infinity, Number.NaN])
    expect(() => sendAfter(time, self(), 1)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
})

test('a start time beyond what Node can wait is a long time, not none', async () => {
  const tree = await Supervisor.start([
    {
      id: 'slow',
      startTimeout: 2 ** 40,
      start: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return spawn(function* () {
          yield* receive()
        })
      },
    },
  ])
  expect(await tree.countChildren()).toMatchObject({ active: 1 })
  await tree.stop()
})

test('references of others, and of nobody, do nothing', async () => {
  const pid = spawn(function* () {
    yield* receive()
  })
  const mine = monitor(pid)
  let theirs = makeRef()
  spawn(function* () {
    theirs = monitor(pid)
    yield* receive()
  })
  const agent = await Agent.start(() => alias())
  const foreign = await agent.get((ref) => ref)
  expect([demonitor(theirs), demonitor(makeRef()), unalias(foreign), unalias(makeRef())]).toEqual([false, false, false, false])
  GenServer.reply(theirs, 'x')
  GenServer.reply(makeRef(), 'x')
  send(mine, 'x')
  expect([demonitor(mine), demonitor(mine)]).toEqual([true, false])
  expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
})

test('names are taken once: of processes, tables and registries', async () => {
  register('one', self())
  expect(() => register('one', self())).toThrow(/ERR_VIGA_NAME_TAKEN/)
  expect(whereis('one')).toEqual(self())
  const table = ets.create('one')
  expect(() => ets.create('one')).toThrow(/ERR_VIGA_NAME_TAKEN/)
  table.drop()
  const registry = Registry.start({ name: 'one', keys: 'unique' })
  expect(() => Registry.start({ name: 'one', keys: 'unique' })).toThrow(/ERR_VIGA_NAME_TAKEN/)
  registry.stop()
  const server = { init: () => ok(0) }
  await expect(GenServer.start(server, [], { name: 'one' }).then()).rejects.toMatchObject({ reason: ['already_started', self()] })
  for (const name of ['__proto__', 'constructor', 'toString', ' ', '\0', '\ud800', 'n'.repeat(100_000)]) {
    register(name, self())
    expect([whereis(name), () => unregister(name)][0]).toEqual(self())
    unregister(name)
  }
})

test('spawn refuses what is no option', () => {
  expect(() => spawnWith({ priority: {} as never }, () => 1)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
  for (const [, value] of nonsense) if (typeof value !== 'function') expect(() => spawn(value as never)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
})

test('restart limits of supervisors are numbers', () => {
  for (const limits of [{ maxRestarts: '3' }, { maxRestarts: -1 }, { maxRestarts: Number.NaN }, { maxSeconds: '5' }, { maxSeconds: 0 }])
    expect(() => Supervisor.start([], limits as never)).toThrow(/max(Restarts|Seconds) is .*ERR_VIGA_BAD_ARGUMENT/)
})
