import { describe, expect, test } from 'vitest'
import {
  Exit,
  from,
  GenServer,
  genServer,
  ignore,
  isAlive,
  monitor,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  replyLater,
  self,
  send,
  stop,
  type StartError,
  Supervisor,
  TIMEOUT,
  whereis,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

const Counter = genServer(import.meta, {
  init: (start: number) => start,
  call: {
    get: (n) => reply(n, n),
    add: (n, by: number) => reply(n + by, n + by),
    sum: (n, ...all: number[]) =>
      reply(
        all.reduce((sum, each) => sum + each, n),
        n,
      ),
    slow: async (n) => {
      await undefined
      return reply(self(), n)
    },
    other: function* (n: number, server: string) {
      return reply(n + (yield* GenServer.call<number>(server, ['get'])), n)
    },
    later: (n) => {
      const caller = from<string>()
      send(self(), { answer: caller })
      return replyLater(caller, n)
    },
    last: (n) => stop('normal', 'bye', n),
  },
  cast: {
    reset: () => 0,
    addLater: async (n, by: number) => {
      await undefined
      return n + by
    },
    *next(_n: number) {
      return yield* receive<number>((message) => typeof message === 'number')
    },
  },
  info: (n, message: unknown) => {
    if (typeof message === 'object' && message !== null && 'answer' in message)
      GenServer.reply(message.answer as never, `at ${n}`)
    return n
  },
})

describe('a definition', () => {
  test('starts servers whose requests are methods', async () => {
    const counter = await Counter.start(2)
    expect(await counter.call.add(5)).toBe(7)
    expect(await counter.call.sum()).toBe(7)
    expect(await counter.call.sum(1, 2)).toBe(10)
    expect(await counter.call.sum(1, 2, 3, 4)).toBe(17)
    counter.cast.reset()
    expect(await counter.call.get()).toBe(0)
  })

  test('takes handlers of every kind', async () => {
    const counter = await Counter.start(1)
    await Counter.start(10, { name: 'ten' })
    expect(await counter.call.slow()).toEqual(counter.pid)
    expect(await counter.call.other('ten')).toBe(11)
    expect(await counter.call.later()).toBe('at 1')
    counter.cast.addLater(4)
    expect(await counter.call.get()).toBe(5)
    counter.cast.next()
    send(counter.pid, 70)
    expect(await counter.call.get()).toBe(70)
    expect(await counter.call.last()).toBe('bye')
  })

  test('tells info when it has been idle', async () => {
    const Idle = genServer({
      init: (observer: Pid<unknown>) => observer,
      cast: { wait: (observer) => noReply(observer, 0) },
      info: (observer, message) => {
        if (message === TIMEOUT) send(observer, 'idle')
        return observer
      },
    })
    const idle = await Idle.start(self())
    idle.cast.wait()
    expect(await receive()).toBe('idle')
  })

  test('yields in generator bodies', async () => {
    const total = await inProcess(function* () {
      const counter = yield* Counter.start(0)
      for (let i = 0; i < 10; i++) yield* counter.call.add(i)
      const sum = yield* counter.call.get()
      yield* counter.stop()
      return sum
    })
    expect(total).toBe(45)
  })

  test('takes options after the arguments of init, and only those', async () => {
    await Counter.start(0, { name: 'counter', label: 'of clicks' })
    expect(whereis('counter')).toBeDefined()
    expect(await Counter.at('counter').call.get()).toBe(0)
    const Box = genServer({ init: (content: { name: string }) => content, call: { get: (box) => reply(box, box) } })
    expect(await (await Box.start({ name: 'content' })).call.get()).toEqual({ name: 'content' })
    expect(whereis('content')).toBeUndefined()
    const named = await Box.start({ name: 'content' }, { name: 'box' })
    expect(whereis('box')).toEqual(named.pid)
  })

  test('a handle may wait shorter, follow a name, and is disposed of', async () => {
    const Stuck = genServer({ init: () => 0, call: { wait: (n) => noReply(n) } })
    const stuck = await Stuck.start({ name: 'stuck' })
    await expect(stuck.with({ timeout: 1 }).call.wait()).rejects.toMatchObject({
      reason: ['timeout', ['GenServer', 'call', [stuck.pid, ['wait'], 1]]],
    })
    const byName = Stuck.at('stuck')
    expect(byName.pid).toEqual(stuck.pid)
    {
      await using disposed = byName
      expect(isAlive(disposed.pid)).toBe(true)
    }
    expect(isAlive(stuck.pid)).toBe(false)
    expect(() => byName.pid).toThrow(/ERR_VIGA_NO_SUCH_NAME/)
    await byName[Symbol.asyncDispose]()
    byName.cast satisfies object
  })

  test('init may be of any kind and give any result', async () => {
    const Async = genServer({ init: async (n: number) => Promise.resolve(n), call: { get: (n) => reply(n, n) } })
    expect(await (await Async.start(3)).call.get()).toBe(3)
    const Generator = genServer({
      *init() {
        return yield* GenServer.call<number>('ten', ['get'])
      },
      call: { get: (n) => reply(n, n) },
    })
    await Counter.start(10, { name: 'ten' })
    expect(await (await Generator.start()).call.get()).toBe(10)
    const Continuing = genServer({
      init: () => ok(0, { continue: 'set up' }),
      call: { get: (n) => reply(n, n) },
      continue: (n, continuation) => (continuation === 'set up' ? n + 1 : n),
    })
    expect(await (await Continuing.start()).call.get()).toBe(1)
    const Stopping = genServer({ init: (): number | ReturnType<typeof ignore> => ignore() })
    await expect(Stopping.start()).rejects.toMatchObject({ ignored: true })
    const Failing = genServer({ init: (): number => stopNow() })
    const stopNow = (): never => {
      throw new Exit('no')
    }
    await Failing.start().then(
      () => expect.unreachable(),
      (error: unknown) => expect((error as StartError).reason).toBe('no'),
    )
  })

  test('is a child specification', async () => {
    const spec = Counter.child(5, { name: 'five', restart: 'transient' })
    expect(spec).toMatchObject({ id: 'five', restart: 'transient' })
    const plain = Counter.child(1)
    expect(plain.id).toBe('server-definition.test')
    const tree = await Supervisor.start([spec, plain])
    expect(await Counter.at('five').call.get()).toBe(5)
    await tree.stop()
    expect(whereis('five')).toBeUndefined()
  })

  test('terminate and formatStatus get the state', async () => {
    const root = self()
    const Closing = genServer({
      init: () => ({ secret: 1, shown: 2 }),
      terminate: (state, reason) => send(root, { state, reason }),
      formatStatus: ({ state }) => state.shown,
    })
    const closing = await Closing.start()
    expect(await GenServer.status(closing)).toBe(2)
    await closing.stop('shutdown')
    expect(await receive()).toEqual({ state: { secret: 1, shown: 2 }, reason: 'shutdown' })
  })

  test('goes on with the code of another', async () => {
    const counter = await Counter.start(4)
    const Doubling = genServer({
      init: (n: number) => ({ n }),
      call: { add: (state, by: number) => reply(state.n + 2 * by, { n: state.n + 2 * by }) },
      codeChange: (n) => ({ n: n as number }),
    })
    await GenServer.changeCode(counter, Doubling)
    expect(await counter.call.add(3)).toBe(10)
  })

  test('a request it does not know ends the server, which says what it knows', async () => {
    for (const request of [['nope'], 'nope', ['toString'], 7]) {
      const counter = await Counter.start(0)
      await expect(GenServer.call(counter, request)).rejects.toMatchObject({
        reason: [{ error: { message: expect.stringContaining('it has get, add, sum') } }, {}],
      })
    }
    const counter = await Counter.start(0)
    const ref = monitor(counter.pid)
    GenServer.cast(counter, ['nope'])
    expect(await receive()).toMatchObject({ ref, reason: { error: { code: 'ERR_VIGA_BAD_ARGUMENT' } } })
  })

  test('a request of another process is just [name, ...arguments]', async () => {
    const counter = await Counter.start(1)
    expect(await GenServer.call(counter.pid, ['add', 2])).toBe(3)
  })

  test('knows no caller but while it handles a call', async () => {
    const Curious = genServer({ init: () => 0, call: { ask: (n) => reply(n, n) }, cast: { look: () => Number(from().id) } })
    const curious = await Curious.start()
    await curious.call.ask()
    const ref = monitor(curious.pid)
    curious.cast.look()
    expect(await receive()).toMatchObject({ ref, reason: { error: { code: 'ERR_VIGA_WRONG_BODY' } } })
  })

  test('refuses what is none', () => {
    expect(() => genServer({} as { init: () => number })).toThrow(/init is missing.*ERR_VIGA_BAD_ARGUMENT/)
    expect(() => genServer({ init: () => 0, call: { get: 1 as unknown as () => never } })).toThrow(/call.get is a number/)
    expect(() => genServer({ init: () => 0, cast: 7 as unknown as Record<string, never> })).toThrow(/cast is 7/)
    expect(() => from()).toThrow(/ERR_VIGA_WRONG_BODY/)
  })
})
