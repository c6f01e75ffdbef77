import { describe, expect, test } from 'vitest'
import {
  exit,
  type Exit,
  type From,
  GenServer,
  isAlive,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  self,
  send,
  spawn,
  TIMEOUT,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'
import { endOf, exitOf, stackFor } from './server-observation.js'

freshRuntime()

describe('call', () => {
  const target = (server: unknown, request: unknown, timeout = 5000): unknown => [
    'GenServer',
    'call',
    [server, request, timeout],
  ]

  test('fails with noproc for the dead and the unknown', async () => {
    const dead = spawn(() => undefined)
    await endOf(dead)
    expect(await exitOf(GenServer.call(dead, 'x'))).toEqual(['noproc', target(dead, 'x')])
    expect(await exitOf(GenServer.call('nobody', 'x'))).toEqual(['noproc', target('nobody', 'x')])
  })

  test('fails with calling_self', async () => {
    const root = self()
    expect(await exitOf(GenServer.call(root, 'x'))).toEqual(['calling_self', target(root, 'x')])
    const server = await GenServer.start(
      {
        init: () => ok(0),
        *handleCall(_request: string, _from: From, n: number) {
          return reply(yield* GenServer.call(self(), 'again'), n)
        },
      },
      [],
    )
    expect(await exitOf(GenServer.call(server, 'x'))).toEqual([['calling_self', target(server, 'again')], target(server, 'x')])
  })

  test('passes on the reason of the server', async () => {
    const stack = await GenServer.start(stackFor(self()), [[]])
    expect(await exitOf(GenServer.call(stack, { stop: ['shutdown', 'now'] }))).toEqual([
      ['shutdown', 'now'],
      target(stack, { stop: ['shutdown', 'now'] }),
    ])
  })

  test('fails with timeout, and the late reply reaches no mailbox', async () => {
    const server = await GenServer.start(
      {
        init: () => ok<From[]>([]),
        handleCall: (request: string, from, waiting) => {
          if (request === 'wait') return noReply([from])
          for (const late of waiting) GenServer.reply(late, 'late')
          return reply('released', [])
        },
      },
      [],
    )
    const seen = await inProcess(function* () {
      let reason: unknown
      try {
        yield* GenServer.call(server, 'wait', { timeout: 1 })
      } catch (error) {
        reason = (error as Exit).reason
      }
      const released = yield* GenServer.call(server, 'release')
      return { reason, released, mailbox: yield* receive({ timeout: 0 }) }
    })
    expect(seen).toEqual({ reason: ['timeout', target(server, 'wait', 1)], released: 'released', mailbox: TIMEOUT })
    expect(await exitOf(GenServer.call(server, 'wait', { timeout: 1 }))).toEqual(['timeout', target(server, 'wait', 1)])
  })

  test('ends the process that does not catch its failure', async () => {
    const caller = spawn(function* () {
      yield* GenServer.call('nobody', 'x')
    })
    expect((await endOf(caller)).reason).toEqual(['noproc', target('nobody', 'x')])
  })

  test('is given up through its signal, before, while and in a generator', async () => {
    const server = await GenServer.start({ init: () => ok(0), handleCall: (_r: string, _f, n) => noReply(n) }, [])
    await expect(GenServer.call(server, 'x', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_VIGA_ABORTED',
    })
    const controller = new AbortController()
    const pending = GenServer.call(server, 'x', { signal: controller.signal }).then(
      () => 'answered',
      (error: unknown) => (error as { code: string }).code,
    )
    controller.abort()
    expect(await pending).toBe('ERR_VIGA_ABORTED')
    const again = new AbortController()
    const root = self()
    const caller = spawn(function* () {
      send(root, 'calling')
      try {
        yield* GenServer.call(server, 'x', { signal: again.signal })
      } catch (error) {
        send(root, (error as { code: string }).code)
      }
    })
    await receive((message) => message === 'calling')
    await GenServer.call(server, 'x', { timeout: 1 }).then(undefined, () => undefined)
    expect(isAlive(caller)).toBe(true)
    again.abort()
    expect(await receive()).toBe('ERR_VIGA_ABORTED')
  })

  test('is not delayed by messages waiting, nor takes any', async () => {
    const stack = await GenServer.start(stackFor(self()), [[5]])
    const found = await inProcess(function* () {
      for (let i = 0; i < 1000; i++) send(self(), i)
      const popped = yield* GenServer.call(stack, 'pop')
      return [popped, yield* receive()]
    })
    expect(found).toEqual([5, 0])
  })

  test('refuses what is no server and what is no term', async () => {
    await expect(GenServer.call({} as Pid, 'x')).rejects.toMatchObject({ code: 'ERR_VIGA_BAD_ARGUMENT' })
    const stack = await GenServer.start(stackFor(self()), [[]])
    await expect(GenServer.call(stack, () => 1)).rejects.toMatchObject({ code: 'ERR_VIGA_NOT_A_TERM' })
    expect(() => GenServer.call(stack, 'pop', { timeout: -1 })).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    expect(() => GenServer.cast(stack, () => 1)).toThrow(/ERR_VIGA_NOT_A_TERM/)
  })

  test('is made once, however often its operation is awaited', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1, 2]])
    const pop = GenServer.call(stack, 'pop')
    expect([await pop, await pop]).toEqual([2, 2])
    await expect(
      inProcess(function* () {
        yield* pop
      }),
    ).rejects.toMatchObject({ code: 'ERR_VIGA_WRONG_BODY' })
  })

  test('to a server that is going down fails with the reason it goes down with', async () => {
    const root = self()
    const server = await GenServer.start(
      {
        init: () => ok(0),
        *terminate() {
          send(root, 'terminating')
          yield* receive((message) => message === 'go')
        },
      },
      [],
    )
    const stopped = exitOf(GenServer.stop(server, 'done').then(() => exit('stopped')))
    await receive((message) => message === 'terminating')
    const called = exitOf(GenServer.call(server, 'too late'))
    send(server, 'go')
    expect(await called).toEqual(['done', target(server, 'too late')])
    expect(await stopped).toBe('stopped')
  })

  test('may be answered by another process, once', async () => {
    const server = await GenServer.start(
      {
        init: () => ok(0),
        handleCall: (_request: string, from: From<string>, n) => {
          spawn(function* () {
            GenServer.reply(from, 'first')
            GenServer.reply(from, 'second')
          })
          return noReply(n)
        },
      },
      [],
    )
    const got = await inProcess(function* () {
      return [yield* GenServer.call(server, 'x'), yield* receive({ timeout: 0 })]
    })
    expect(got).toEqual(['first', TIMEOUT])
    expect(() => GenServer.reply('nobody' as unknown as From, 1)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
  })
})

test('a call that a plain callback leaves behind is settled while its server is idle', async () => {
  const root = self()
  const stack = await GenServer.start(stackFor(root), [[7]])
  const asking = await GenServer.start(
    {
      init: () => ok(0),
      handleCast: (_request: string, n: number) => {
        void GenServer.call<number>(stack, 'pop').then((popped) => send(root, { popped }))
        return noReply(n)
      },
    },
    [],
  )
  GenServer.cast(asking, 'ask')
  expect(await receive()).toEqual({ popped: 7 })
  expect(isAlive(asking)).toBe(true)
})

describe('cast', () => {
  test('goes nowhere when nobody is there', () => {
    GenServer.cast('nobody', 'x')
    GenServer.cast(
      spawn(() => undefined),
      'x',
    )
  })
})
