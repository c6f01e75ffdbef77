import { describe, expect, test } from 'vitest'
import {
  exit,
  GenServer,
  ignore,
  isAlive,
  isExit,
  link,
  noReply,
  ok,
  Pid,
  receive,
  reply,
  self,
  send,
  type ServerBehaviour,
  spawn,
  type StartError,
  stop,
  TIMEOUT,
  trapExit,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'
import { endOf, exitOf, stackFor, startErrorOf } from './server-observation.js'

const reports = freshRuntime()

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

  test('is given up through its signal, and the process is killed', async () => {
    const root = self()
    const hanging: ServerBehaviour<number> = {
      *init() {
        send(root, self())
        yield* receive()
        return ok(1)
      },
    }
    const awaited = new AbortController()
    const failed = GenServer.start(hanging, [], { signal: awaited.signal }).then(undefined, (error: unknown) => error)
    const first = await receive<Pid>()
    expect((await endOf(first, () => awaited.abort())).reason).toBe('killed')
    expect(await failed).toMatchObject({ code: 'ERR_VIGA_ABORTED' })
    const yielded = new AbortController()
    spawn(function* () {
      try {
        yield* GenServer.startLink(hanging, [], { signal: yielded.signal })
      } catch (error) {
        send(root, (error as { code: string }).code)
      }
    })
    const second = await receive<Pid>((message) => message instanceof Pid)
    expect((await endOf(second, () => yielded.abort())).reason).toBe('killed')
    expect(await receive()).toBe('ERR_VIGA_ABORTED')
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
    expect(reports[0]?.stack).toContain('server-observation.ts')
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
