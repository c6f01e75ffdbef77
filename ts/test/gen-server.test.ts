import { describe, expect, test } from 'vitest'
import {
  type Down,
  exit,
  Exit,
  type From,
  GenServer,
  ignore,
  isAlive,
  isDown,
  isExit,
  link,
  monitor,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  self,
  send,
  type ServerBehaviour,
  spawn,
  StartError,
  stop,
  TIMEOUT,
  trapExit,
  whereis,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

const reports = freshRuntime()

/** The reason of the Exit that `operation` fails with. */
async function exitOf(operation: PromiseLike<unknown>): Promise<unknown> {
  try {
    await operation
  } catch (error) {
    if (error instanceof Exit) return error.reason
    throw error
  }
  throw new Error('it did not fail')
}

async function startErrorOf(operation: PromiseLike<unknown>): Promise<StartError> {
  try {
    await operation
  } catch (error) {
    if (error instanceof StartError) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** The DOWN of `pid`, whose monitor is set before `act`. */
async function endOf(pid: Pid, act: () => unknown = () => undefined): Promise<Down> {
  const ref = monitor(pid)
  act()
  return receive((message): message is Down => isDown(message, ref))
}

type Request = 'pop' | 'crash' | 'who' | { echo: unknown } | { stop: unknown } | 'stop with a reply'

/** A stack that tells `observer` what happens to it. */
function stackFor(observer: Pid<unknown>): ServerBehaviour<number[], [number[]], Request, number, string> {
  return {
    init: (first) => ok(first),
    handleCall: (request, _from, items) => {
      if (request === 'pop') return reply(items.at(-1), items.slice(0, -1))
      if (request === 'crash') throw new Error('crashed as asked')
      if (request === 'who') return reply(self(), items)
      if (request === 'stop with a reply') return stop('normal', 'last words', items)
      return 'stop' in request ? stop(request.stop, items) : reply(request.echo, items)
    },
    handleCast: (item, items) => noReply([...items, item]),
    handleInfo: (message, items) => {
      send(observer, { info: message })
      return noReply(items)
    },
    terminate: (reason, items) => send(observer, { terminated: reason, items }),
  }
}

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

describe('cast', () => {
  test('goes nowhere when nobody is there', () => {
    GenServer.cast('nobody', 'x')
    GenServer.cast(
      spawn(() => undefined),
      'x',
    )
  })
})

describe('start', () => {
  test('returns only after init, however long that takes', async () => {
    const server = await GenServer.start(
      {
        *init() {
          const got = yield* receive((message) => message === 'go on', { timeout: 1 })
          return ok(got === TIMEOUT)
        },
        handleCall: (_request: string, _from, state) => reply(state, state),
      },
      [],
    )
    expect(await GenServer.call(server, 'get')).toBe(true)
  })

  const failing: readonly [string, () => unknown, unknown][] = [
    ['stops', () => stop('no luck'), 'no luck'],
    ['exits', () => exit('gone'), 'gone'],
    ['returns nonsense', () => 42, ['bad_return_value', 42]],
    [
      'returns a result of another callback',
      () => noReply(1),
      ['bad_return_value', { result: 'noReply', value: undefined, state: 1 }],
    ],
  ]
  test.each(failing)('fails when init %s, and a trapping starter that links gets the exit too', async (_what, init, reason) => {
    const behaviour = { init: init as () => never }
    expect((await startErrorOf(GenServer.start(behaviour, []))).reason).toEqual(reason)
    const seen = await inProcess(function* () {
      trapExit(true)
      try {
        yield* GenServer.startLink(behaviour, [])
      } catch (error) {
        return [(error as StartError).reason, (yield* receive(isExitMessage)).reason]
      }
      return []
    })
    expect(seen).toEqual([reason, reason])
  })
  const isExitMessage = (message: unknown): message is { reason: unknown } => isExit(message)

  test('fails with the error that init throws, reported once', async () => {
    const error = await startErrorOf(
      GenServer.start(
        {
          init: () => {
            throw new RangeError('out of luck')
          },
        },
        [],
      ),
    )
    expect(error.reason).toMatchObject({ error: { name: 'RangeError', message: 'out of luck' } })
    expect(error.message).toContain('out of luck')
    expect(reports).toHaveLength(1)
  })

  test('takes a starter that links and does not trap down with it', async () => {
    const starter = spawn(function* () {
      try {
        yield* GenServer.startLink({ init: () => stop('no luck') }, [])
      } finally {
        yield* receive()
      }
    })
    expect((await endOf(starter)).reason).toBe('no luck')
  })

  test('of a server that ignores fails as ignored, and harms nobody', async () => {
    const seen = await inProcess(function* () {
      try {
        yield* GenServer.startLink({ init: () => ignore() }, [])
      } catch (error) {
        return [(error as StartError).ignored, (error as StartError).reason]
      }
      return []
    })
    expect(seen).toEqual([true, 'ignore'])
    expect(reports).toEqual([])
  })

  test('gives up after its timeout and kills the process', async () => {
    let pid: Pid | undefined
    const hanging: ServerBehaviour<number> = {
      *init() {
        pid = self()
        yield* receive()
        return ok(1)
      },
    }
    expect((await startErrorOf(GenServer.start(hanging, [], { timeout: 1 }))).reason).toBe('timeout')
    expect((await endOf(pid as Pid)).reason).toMatch(/killed|noproc/)
    await inProcess(function* () {
      try {
        yield* GenServer.startLink(hanging, [], { timeout: 1 })
      } catch (error) {
        expect((error as StartError).reason).toBe('timeout')
      }
    })
  })

  test('refuses what is no behaviour and no option', async () => {
    expect(() => GenServer.start({} as ServerBehaviour<number>, [])).toThrow(
      /init of the behaviour is missing.*ERR_VIGA_BAD_ARGUMENT/,
    )
    expect(() => GenServer.start(null as unknown as ServerBehaviour<number>, [])).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    const fine: ServerBehaviour<number> = { init: () => ok(1) }
    expect(() => GenServer.start({ ...fine, terminate: 1 as unknown as () => void }, [])).toThrow(
      /terminate of the behaviour is a number/,
    )
    expect(() => GenServer.start(fine, [], { name: '' })).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    expect(() => GenServer.start(fine, [], { timeout: -1 })).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    expect(() => GenServer.start(fine, [], { priority: 'urgent' as 'high' })).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
  })

  test('links and not, as asked', async () => {
    const stack = stackFor(self())
    const pids = await inProcess(function* () {
      return [yield* GenServer.start(stack, [[]]), yield* GenServer.startLink(stack, [[]])] as const
    })
    expect(isAlive(pids[0])).toBe(true)
    exit(pids[0], 'kill')
  })
})

describe('stop and terminate', () => {
  test('stop runs terminate and returns when the process is gone', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1]])
    await GenServer.stop(stack, ['shutdown', 'maintenance'])
    expect(isAlive(stack)).toBe(false)
    expect(await receive()).toEqual({ terminated: ['shutdown', 'maintenance'], items: [1] })
  })

  test('stop fails when nobody is there, the end has another reason or takes too long', async () => {
    expect(await exitOf(GenServer.stop('nobody'))).toEqual(['noproc', ['GenServer', 'stop', ['nobody', 'normal', Infinity]]])
    const other = await GenServer.start({ init: () => ok(0), terminate: () => exit('other') }, [])
    expect(await exitOf(GenServer.stop(other))).toEqual(['other', ['GenServer', 'stop', [other, 'normal', Infinity]]])
    const slow = await GenServer.start(
      {
        init: () => ok(0),
        *terminate() {
          yield* receive((message) => message === 'never')
        },
      },
      [],
    )
    expect(await exitOf(GenServer.stop(slow, 'normal', { timeout: 1 }))).toMatchObject(['timeout', ['GenServer', 'stop', {}]])
    exit(slow, 'kill')
  })

  test('terminate runs on a stop result, and the last reply comes after it', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1]])
    expect(await GenServer.call(stack, 'stop with a reply')).toBe('last words')
    expect(await receive()).toEqual({ terminated: 'normal', items: [1] })
  })

  test('terminate runs on an error in a callback, which is reported once', async () => {
    const stack = await GenServer.start(stackFor(self()), [[1]])
    const reason = await exitOf(GenServer.call(stack, 'crash'))
    expect(reason).toMatchObject([{ error: { message: 'crashed as asked' } }, ['GenServer', 'call', {}]])
    expect(await receive()).toMatchObject({ terminated: { error: { message: 'crashed as asked' } }, items: [1] })
    expect(reports.map(({ pid }) => pid)).toEqual([stack])
    expect(reports[0]?.stack).toContain('gen-server.test.ts')
  })

  test('terminate runs on the exit of the parent when trapping, and info does not see it', async () => {
    const root = self()
    const trapping: ServerBehaviour<number> = {
      init: () => {
        trapExit(true)
        return ok(1)
      },
      handleInfo: (message, n) => {
        send(root, { info: message })
        return noReply(n)
      },
      terminate: (reason) => send(root, { terminated: reason }),
    }
    const parent = spawn(function* () {
      const pid = yield* GenServer.startLink(trapping, [])
      send(root, pid)
      yield* receive()
      exit('parent is done')
    })
    const server = await receive<Pid>()
    const other = spawn(function* () {
      link(server)
      exit('someone else')
    })
    expect(await receive()).toEqual({ info: { type: 'EXIT', from: other, reason: 'someone else' } })
    const end = await endOf(server, () => send(parent as Pid<string>, 'go'))
    expect(end.reason).toBe('parent is done')
    expect(await receive()).toEqual({ terminated: 'parent is done' })
  })

  test('terminate runs neither on kill nor, without trapping, on an exit signal', async () => {
    for (const reason of ['kill', 'shutdown']) {
      const stack = await GenServer.start(stackFor(self()), [[1]])
      await endOf(stack, () => exit(stack, reason))
      expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
    }
  })

  test('an exit or an error inside terminate becomes the reason', async () => {
    const exiting = await GenServer.start({ init: () => ok(0), terminate: () => exit('changed my mind') }, [])
    expect((await endOf(exiting, () => GenServer.cast(exiting, 'x'))).reason).toBe('changed my mind')
    const throwing = await GenServer.start(
      {
        init: () => ok(0),
        terminate: async () => {
          await undefined
          throw new Error('and failed')
        },
      },
      [],
    )
    expect((await endOf(throwing, () => GenServer.cast(throwing, 'x'))).reason).toMatchObject({
      error: { message: 'and failed' },
    })
  })

  test('nonsense from a callback ends the server with bad_return_value', async () => {
    const nonsense = {
      init: () => ok(0),
      handleCall: (request: unknown) => request as never,
      handleCast: () => reply(1, 1) as never,
      handleInfo: () => noReply(1, -5),
    }
    const called = await GenServer.start(nonsense, [])
    expect(await exitOf(GenServer.call(called, { a: 1 }))).toMatchObject([['bad_return_value', { a: 1 }], {}])
    const cast = await GenServer.start(nonsense, [])
    expect((await endOf(cast, () => GenServer.cast(cast, 1))).reason).toEqual([
      'bad_return_value',
      { result: 'reply', value: 1, state: 1 },
    ])
    const told = await GenServer.start(nonsense, [])
    expect((await endOf(told, () => send(told, 1))).reason).toEqual(['bad_return_value', -5])
    const unsendable = await GenServer.start(nonsense, [])
    expect((await endOf(unsendable, () => GenServer.cast(unsendable, 1))).reason).toMatchObject(['bad_return_value', {}])
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
