import { describe, expect, test } from 'vitest'
import {
  Exit,
  exit,
  GenServer,
  noReply,
  ok,
  Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  trapExit,
} from '../../src/index.js'
import { freshRuntime, inProcess } from '../fresh-runtime.js'
import { endOf, exitOf } from '../server-observation.js'
import { closedProxy, hostileThrown, shut } from './hostile-thrown.js'

const reports = freshRuntime()

describe.each(hostileThrown)('%s, thrown', (_what, make) => {
  const raise = (): never => {
    throw make()
  }
  const bodies: readonly [string, () => Pid][] = [
    ['a generator', () => spawn(function* () { yield* receive(); raise() })],
    ['an async function', () => spawn(async () => { await receive(); raise() })],
    ['a callback', () => spawn({ message: raise })],
  ]
  test.each(bodies)('by %s ends that process, once and for all to see', async (_body, start) => {
    const pid = start() as Pid<unknown>
    const { reason } = await endOf(pid, () => send(pid, 'go'))
    expect(reason).not.toBe('normal')
    expect(() => send(self(), reason)).not.toThrow()
    await receive()
    expect(reports.map((report) => report.pid)).toEqual([pid])
  })

  test('by a server ends that server, and its caller is told', async () => {
    for (const handleCall of [raise, async () => raise(), function* () { raise() }]) {
      const server = await GenServer.start({ init: () => ok(0), handleCall: handleCall as () => never }, [])
      expect(await exitOf(GenServer.call(server, 'go'))).toMatchObject([expect.anything(), ['GenServer', 'call', {}]])
    }
    expect(reports).toHaveLength(3)
  })

  test('by init fails the start', async () => {
    const init = raise as () => never
    await expect(GenServer.start({ init }, []).then(undefined, (error: unknown) => (error as { code: string }).code)).resolves.toBe(
      'ERR_VIGA_START_FAILED',
    )
  })
})

describe('reasons', () => {
  test('that are functions or contain themselves are described', async () => {
    const around: { self?: unknown } = {}
    around.self = around
    for (const reason of [() => 1, around, Symbol('mine'), closedProxy()]) {
      const pid = spawn(function* () {
        yield* receive()
        exit(reason)
      })
      const down = await endOf(pid, () => send(pid as Pid<string>, 'go'))
      expect(typeof down.reason === 'string' || typeof down.reason === 'object').toBe(true)
      expect(() => exit(self(), reason)).toThrow('ERR_VIGA_NOT_A_TERM')
    }
  })

  test('of any size reach everybody, and are told of in a line', async () => {
    const reason = Array.from({ length: 1_000_000 }, (_, n) => n)
    const pid = spawn(function* () {
      yield* receive()
      exit(reason)
    })
    const down = await endOf(pid, () => send(pid as Pid<string>, 'go'))
    expect(down.reason).toHaveLength(1_000_000)
    expect(new Exit(reason).message.length).toBeLessThan(1_000)
    expect(new Exit('x'.repeat(1_000_000)).message.length).toBeLessThan(1_000)
  })

  test('belong to each who gets them, even when who throws them goes on changing them', async () => {
    const shared = { n: 1 }
    const pid = spawn(function* () {
      yield* receive()
      try {
        throw new Exit(shared)
      } finally {
        shared.n = 2
      }
    })
    const down = await endOf(pid, () => send(pid as Pid<string>, 'go'))
    shared.n = 3
    expect(down.reason).toEqual({ n: 2 })
  })
})

describe('messages', () => {
  test('from getters and proxies are what these gave at that time', async () => {
    let reads = 0
    const target: Record<string, unknown> = { a: 1, b: [1, 2] }
    send(self(), { get n() { return ++reads }, proxied: new Proxy(target, {}) })
    target['a'] = 2
    expect(await receive()).toEqual({ n: 1, proxied: { a: 1, b: [1, 2] } })
    expect(reads).toBe(1)
    expect(() => send(self(), { inner: closedProxy() })).toThrow(/ERR_VIGA_NOT_A_TERM/)
    expect(await receive({ timeout: 0 })).toBeTypeOf('symbol')
  })

  test('pollute no prototype', async () => {
    const keys = '{"__proto__": {"admin": true}, "constructor": {"prototype": {"admin": true}}, "prototype": 1}'
    send(self(), JSON.parse(keys) as object)
    const got = await receive<object>()
    expect(JSON.stringify(got)).toBe(JSON.stringify(JSON.parse(keys)))
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype)
  })

  test('may be 1,000 levels deep, and one more is refused', async () => {
    const nested = (levels: number): unknown => {
      let value: unknown = 'core'
      for (let level = 0; level < levels; level++) value = [value]
      return value
    }
    send(self(), nested(1_000))
    let got = await receive()
    for (let level = 0; level < 1_000; level++) got = (got as unknown[])[0]
    expect(got).toBe('core')
    for (const levels of [1_001, 100_001]) expect(() => send(self(), nested(levels))).toThrow('ERR_VIGA_NOT_A_TERM')
  })

  test('whose getters send, spawn and end processes leave everything whole', () =>
    inProcess(function* () {
      trapExit(true)
      const me = self()
      const victim = spawnLink(function* () {
        yield* receive()
      })
      send(me, {
        get first() {
          send(me, 'from inside')
          exit(victim, 'kill')
          return spawn(() => undefined) instanceof Pid
        },
      })
      const got: unknown[] = []
      for (let n = 0; n < 3; n++) got.push(yield* receive())
      expect(got).toContainEqual('from inside')
      expect(got).toContainEqual({ first: true })
      expect(got).toContainEqual({ type: 'EXIT', from: victim, reason: 'killed' })
    }))
})

test('a generator that catches everything and goes on is ended by kill alone', async () => {
  let caught = 0
  const pid = spawn(function* () {
    for (;;)
      try {
        const message = yield* receive()
        if (message === 'throw') shut()
        if (message === 'exit') exit('left')
        if (message === 'call') yield* GenServer.call('nobody', 1)
      } catch {
        caught++
      }
  }) as Pid<string>
  for (const message of ['throw', 'exit', 'call']) send(pid, message)
  expect((await endOf(pid, () => {
    exit(pid, 'normal')
    exit(pid, 'kill')
  })).reason).toBe('killed')
  const again = spawn(function* () {
    for (;;)
      try {
        yield* receive()
        shut()
      } catch {
        caught++
      }
  }) as Pid<string>
  for (let n = 0; n < 1_000; n++) send(again, 'go')
  const flushed = await GenServer.start({ init: () => ok(0), handleCall: () => noReply(0) }, [])
  await exitOf(GenServer.call(flushed, 'wait', { timeout: 5 }))
  expect(caught).toBeGreaterThanOrEqual(1_000)
  exit(again, 'kill')
})
