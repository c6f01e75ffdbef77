import { describe, expect, test } from 'vitest'
import {
  exit,
  GenServer,
  noReply,
  ok,
  receive,
  reply,
  self,
  send,
  type ServerBehaviour,
  TIMEOUT,
  whereis,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'
import { endOf, exitOf, stackFor, startErrorOf } from './server-observation.js'

freshRuntime()

describe('a server', () => {
  test('keeps state between calls and casts', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1, 2]])
    GenServer.cast(stack, 3)
    expect(await GenServer.call(stack, 'pop')).toBe(3)
    expect(await GenServer.call(stack, 'pop')).toBe(2)
  })

  test('answers generator bodies as it does promises', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1]])
    const popped = await inProcess(function* () {
      return yield* GenServer.call<number>(stack, 'pop')
    })
    expect(popped).toBe(1)
  })

  test('gets a copy of the request and gives a copy of the reply', async () => {
    const state = { list: [1] }
    const server = await GenServer.start(
      {
        init: () => ok(state),
        handleCall: (request: { list: number[] }, _from, own) => {
          request.list.push(2)
          return reply(own, own)
        },
      },
      [],
    )
    const request = { list: [1] }
    const answer = await GenServer.call<{ list: number[] }>(server, request)
    answer.list.push(3)
    expect(request.list).toEqual([1])
    expect(state.list).toEqual([1])
  })

  test('takes what is no request as info', async () => {
    const stack = await GenServer.start(stackFor(self()), [[]])
    send(stack, 'hello')
    expect(await receive()).toEqual({ info: 'hello' })
  })

  test('drops info it has no callback for', async () => {
    const server = await GenServer.start({ init: () => ok(1), handleCall: (_request, _from, n) => reply(n, n) }, [])
    send(server, 'hello')
    expect(await GenServer.call(server, 'get')).toBe(1)
  })

  test('ends with bad_call and bad_cast where it has no such callback', async () => {
    const first = await GenServer.start({ init: () => ok(1) }, [])
    expect(await exitOf(GenServer.call(first, 'get'))).toEqual([
      ['bad_call', 'get'],
      ['GenServer', 'call', [first, 'get', 5000]],
    ])
    const second = await GenServer.start({ init: () => ok(1) }, [])
    expect((await endOf(second, () => GenServer.cast(second, 'set'))).reason).toEqual(['bad_cast', 'set'])
  })

  test('may be named, and every function takes the name', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1, 2, 3]], { name: 'stack' })
    expect(whereis('stack')).toEqual(stack)
    expect(await GenServer.call('stack', 'pop')).toBe(3)
    const error = await startErrorOf(GenServer.start(stackFor(self()), [[]], { name: 'stack' }))
    expect(error.reason).toEqual(['already_started', stack])
    expect(error.code).toBe('ERR_VIGA_START_FAILED')
  })
})

describe('what comes next', () => {
  const idle: ServerBehaviour<string[], [], string> = {
    init: () => ok([]),
    handleCall: (request, _from, log) => {
      switch (request) {
        case 'log':
          return reply(log, log)
        case 'hibernate':
          return reply('asleep', log, 'hibernate')
        case 'continue':
          return reply('first', log, { continue: 'then' })
        default:
          return reply('armed', log, Number(request))
      }
    },
    handleInfo: (message, log) => noReply([...log, message === TIMEOUT ? 'idle' : String(message)]),
    handleContinue: (continuation, log) =>
      continuation === 'then' ? noReply([...log, 'then'], { continue: 'after' }) : noReply([...log, String(continuation)]),
  }

  test('a timeout tells the server that it has been idle, once', async () => {
    const root = self()
    const server = await GenServer.start(
      {
        ...idle,
        handleInfo: (message, log) => {
          send(root, message === TIMEOUT ? 'idle' : message)
          return noReply(log)
        },
      },
      [],
    )
    await GenServer.call(server, '1')
    expect(await receive()).toBe('idle')
    await GenServer.call(server, '0')
    expect(await receive()).toBe('idle')
  })

  test('a message that is there goes before the timeout and cancels it', async () => {
    const server = await GenServer.start({ ...idle, handleCast: (_request, log: string[]) => noReply(log, 0) }, [])
    GenServer.cast(server, 'be idle')
    send(server, 'a')
    expect(await GenServer.call(server, 'log')).toEqual(['a'])
    expect(await GenServer.call(server, 'log')).toEqual(['a'])
  })

  test('a continuation runs before any message, and so do those it asks for', async () => {
    const server = await GenServer.start(idle, [])
    const first = GenServer.call(server, 'continue')
    void first.then(() => undefined)
    send(server, 'a')
    expect(await GenServer.call(server, 'log')).toEqual(['then', 'after', 'a'])
    const fromInit = await GenServer.start({ ...idle, init: () => ok([], { continue: 'set up' }) }, [])
    expect(await GenServer.call(fromInit, 'log')).toEqual(['set up'])
  })

  test('to continue without handleContinue is an error', async () => {
    const server = await GenServer.start(
      { init: () => ok(0), handleCast: (_request, n: number) => noReply(n, { continue: 1 }) },
      [],
    )
    const end = await endOf(server, () => GenServer.cast(server, 'x'))
    expect(end.reason).toMatchObject({ error: { code: 'ERR_VIGA_BAD_ARGUMENT' } })
  })

  test('a hibernating server wakes for the next message', async () => {
    const server = await GenServer.start(idle, [])
    expect(await GenServer.call(server, 'hibernate')).toBe('asleep')
    send(server, 'morning')
    expect(await GenServer.call(server, 'log')).toEqual(['morning'])
  })

  test('a timeout inside a callback does not count as idle time', async () => {
    const root = self()
    const server = await GenServer.start(
      {
        init: () => ok(0),
        *handleCast(_request: string, n: number) {
          yield* receive((message) => message === 'never', { timeout: 1 })
          send(root, 'cast done')
          return noReply(n, 60_000)
        },
        handleInfo: (message, n) => {
          send(root, message === TIMEOUT ? 'idle' : message)
          return noReply(n)
        },
      },
      [],
    )
    GenServer.cast(server, 'x')
    expect(await receive()).toBe('cast done')
    send(server, 'next')
    expect(await receive()).toBe('next')
  })
})

describe('callbacks of every kind', () => {
  const kinds: ServerBehaviour<number, [], string> = {
    init: async () => {
      await undefined
      return ok(1)
    },
    handleCall: async (request, _from, n) => {
      await undefined
      if (request === 'crash') throw new Error('later')
      if (request === 'exit') exit('asked to')
      if (request === 'nonsense') return undefined as never
      if (request === 'receive') return reply(await receive(), n)
      return reply({ me: self(), n }, n + 1)
    },
    *handleCast() {
      const got = yield* receive<number>((message) => typeof message === 'number')
      return noReply(got)
    },
    terminate: async () => {
      await undefined
    },
  }

  test('async ones run in their process, one at a time', async () => {
    const server = await GenServer.start(kinds, [])
    const both = [GenServer.call(server, 'x'), GenServer.call(server, 'y')]
    expect(await Promise.all(both)).toEqual([
      { me: server, n: 1 },
      { me: server, n: 2 },
    ])
    expect(self()).not.toEqual(server)
  })

  test('async ones may receive, exit, throw and return nonsense', async () => {
    const server = await GenServer.start(kinds, [])
    const received = GenServer.call(server, 'receive')
    const answer = received.then((value) => value)
    send(server, 'inside')
    expect(await answer).toBe('inside')
    expect(await exitOf(GenServer.call(server, 'exit'))).toMatchObject(['asked to', {}])
    const second = await GenServer.start(kinds, [])
    expect(await exitOf(GenServer.call(second, 'crash'))).toMatchObject([{ error: { message: 'later' } }, {}])
    const third = await GenServer.start(kinds, [])
    expect(await exitOf(GenServer.call(third, 'nonsense'))).toMatchObject([['bad_return_value', undefined], {}])
  })

  test('generators may receive and call; messages they pass over keep their order', async () => {
    const server = await GenServer.start(kinds, [])
    GenServer.cast(server, 'wait for a number')
    const calls = [GenServer.call(server, 'x'), GenServer.call(server, 'y')]
    const answers = Promise.all(calls)
    send(server, 10)
    expect(await answers).toEqual([
      { me: server, n: 10 },
      { me: server, n: 11 },
    ])
  })

  test('a promise from a function not declared async ends the server and says so', async () => {
    const server = await GenServer.start(
      { init: () => ok(0), handleCall: (_request: string, _from, n) => Promise.reject(new Error(`lost ${n}`)) },
      [],
    )
    const reason = await exitOf(GenServer.call(server, 'x'))
    expect(reason).toMatchObject([{ error: { code: 'ERR_VIGA_WRONG_BODY' } }, {}])
  })

  test('a server killed while an async callback is under way does nothing more', async () => {
    let release: (() => void) | undefined
    const server = await GenServer.start(
      {
        init: () => ok(0),
        handleCall: async (_request: string, _from, n) => {
          await new Promise<void>((resolve) => {
            release = resolve
          })
          return reply('too late', n)
        },
      },
      [],
    )
    const called = exitOf(GenServer.call(server, 'x'))
    await GenServer.call(server, 'x', { timeout: 1 }).then(undefined, () => undefined)
    exit(server, 'kill')
    release?.()
    expect(await called).toMatchObject(['killed', {}])
  })
})

describe('status and code change', () => {
  test('status tells the state, as formatStatus would have it', async () => {
    const plain = await GenServer.start({ init: () => ok({ n: 1 }) }, [])
    expect(await GenServer.status(plain)).toEqual({ state: { n: 1 } })
    const discreet = await GenServer.start({ init: () => ok({ key: 'secret' }), formatStatus: () => ({ state: 'hidden' }) }, [])
    expect(await GenServer.status(discreet)).toEqual({ state: 'hidden' })
  })

  test('changeCode replaces the behaviour and converts the state', async () => {
    const server = await GenServer.start({ init: () => ok(5), handleCall: (_r: string, _f, n) => reply(n, n) }, [])
    await GenServer.changeCode(
      server,
      {
        init: () => ok({ value: 0 }),
        handleCall: (_request, _from, state: { value: number }) => reply(state, state),
        codeChange: async (oldVersion, state, extra) => ({
          value: (state as number) * (extra as number) + (oldVersion as number),
        }),
      },
      { oldVersion: 1, extra: 10 },
    )
    expect(await GenServer.call(server, 'get')).toEqual({ value: 51 })
  })

  test('a codeChange that fails ends the server', async () => {
    const server = await GenServer.start({ init: () => ok(5) }, [])
    const broken = { init: () => ok(0), codeChange: () => exit('cannot') }
    expect(await exitOf(GenServer.changeCode(server, broken))).toMatchObject(['cannot', {}])
  })
})
