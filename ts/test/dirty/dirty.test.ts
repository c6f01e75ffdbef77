/** What jobs are given, give and throw; and who may ask for them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Agent,
  Binary,
  type Coroutine,
  dirty,
  type DirtyJobOptions,
  GenServer,
  genServer,
  makeRef,
  ok,
  receive,
  reply,
  Runtime,
  self,
  send,
  spawn,
  Task,
  VigaError,
} from '../../src/index.js'
import * as jobs from './jobs.js'
import { failureOf, jobsModule } from './module.js'

let runtime: Runtime
beforeAll(() => {
  runtime = Runtime.start({ dirtyCpu: 1, dirtyIo: 1 })
})
afterAll(() => runtime.stop())

test('a function runs in another thread, one to a pool here', async () => {
  expect(await dirty.cpu(jobsModule, jobs.square, 7)).toBe(49)
  const cpu = await dirty.cpu(jobsModule, jobs.where)
  expect(await dirty.cpu(jobsModule, jobs.where)).toBe(cpu)
  expect(await dirty.io(jobsModule, jobs.where)).not.toBe(cpu)
})

describe('terms of every kind', () => {
  const error = new RangeError('out', { cause: { why: 1n } })
  const terms: [string, () => unknown][] = [
    ['undefined', () => undefined],
    ['null', () => null],
    ['booleans', () => [true, false]],
    ['numbers', () => [0, -0, 1.5, -1, 2 ** 31, NaN, Infinity]],
    ['bigints', () => [0n, -1n, 2n ** 100n]],
    ['strings', () => ['', 'abc', 'ü', 'Ω'.repeat(300), '\ud800']],
    ['atoms', () => Symbol.for('ok')],
    ['bytes', () => new Uint8Array([1, 2, 3])],
    ['bytes inside', () => ({ bytes: new Uint8Array(1_000).fill(7) })],
    ['a view of a part of a buffer', () => new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 3)],
    ['arrays', () => [[], [1], [[2], [3, [4]]], Array.from({ length: 1_000 }, (_, n) => n)]],
    ['records', () => ({ a: 1, b: { c: [{ d: 'e' }] }, 'with space': undefined })],
    ['Maps', () => new Map<unknown, unknown>([[1, 'one'], [{ two: 2 }, new Map()]])],
    ['Sets', () => new Set([1, 'two', 3n])],
    ['Dates', () => new Date(0)],
    ['errors', () => error],
    ['pids', () => self()],
    ['references', () => makeRef()],
  ]

  test.each(terms)('%s go there and come back', async (_name, make) => {
    const value = make()
    expect(await dirty.cpu(jobsModule, jobs.give<unknown>, value)).toEqual(value)
    expect(await dirty.cpu(jobsModule, jobs.giveLater<unknown>, [value])).toEqual([value])
  })

  test('a Binary is one there, and one made there is one here', async () => {
    expect(await dirty.cpu(jobsModule, jobs.kindOf, Binary.from('here'))).toBe('Binary')
    const made = await dirty.cpu(jobsModule, jobs.makeBinary)
    expect(made).toBeInstanceOf(Binary)
    expect(String(made)).toBe('made there')
  })

  test('bytes that the module keeps stay its own', async () => {
    const first = await dirty.cpu(jobsModule, jobs.keptBytes)
    first.fill(0)
    expect(await dirty.cpu(jobsModule, jobs.keptBytes)).toEqual(new Uint8Array([1, 2, 3]))
  })

  test('of many megabytes too', async () => {
    const bytes = new Uint8Array(4 << 20).fill(3)
    const [first, second] = await dirty.cpu(jobsModule, jobs.give<[Uint8Array, string]>, [bytes, 'behind'])
    expect(Buffer.compare(first, bytes)).toBe(0)
    expect(second).toBe('behind')
    const back = await dirty.cpu(jobsModule, jobs.give<Uint8Array>, bytes.subarray(1))
    expect(back.length).toBe(bytes.length - 1)
    expect(bytes[0]).toBe(3)
  })

  test('arguments are copied when the job begins', async () => {
    const list = [1]
    const job = dirty.cpu(jobsModule, jobs.give<number[]>, list)
    const result = job.then((value) => value)
    list.push(2)
    expect(await result).toEqual([1])
    expect(list).toEqual([1, 2])
  })
})

describe('what a function throws', () => {
  test('is what the caller gets, with the stack of the thread', async () => {
    const error = await failureOf(dirty.cpu(jobsModule, jobs.fail, 'too far'))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toBe('too far')
    expect(error.cause).toBe(Symbol.for('why'))
    expect(error.stack).toMatch(/RangeError: too far\n\s+at .*fail.*jobs\.ts/)
  })

  test.each([['text'], [undefined], [{ code: 7 }]])('may be no error: %j', async (value) => {
    expect(await failureOf(dirty.cpu(jobsModule, jobs.throwValue, value))).toEqual(value)
  })

  test('arrives even when it holds what is no term', async () => {
    const error = await failureOf(dirty.cpu(jobsModule, jobs.throwHostile))
    expect(error).toMatchObject({ message: 'hostile', socket: expect.stringContaining('function') as unknown })
  })

  test('ends a process that does not catch it', async () => {
    const task = Task.async(async () => {
      try {
        await dirty.cpu(jobsModule, jobs.fail, 'in a task')
      } catch (error) {
        return (error as Error).message
      }
    })
    expect(await task.await()).toBe('in a task')
  })
})

describe('coded errors', () => {
  test.each([
    ['an argument that is no term', () => dirty.cpu(jobsModule, jobs.give<unknown>, { socket: () => 1 }), 'ERR_VIGA_NOT_A_TERM', /arguments\[0\]\.socket: the function socket/],
    ['a result that is no term', () => dirty.cpu(jobsModule, jobs.giveFunction), 'ERR_VIGA_NOT_A_TERM', /result\.deep\[0\]: a function without a name/],
    ['a function that is not exported', () => dirty.cpu(jobsModule, function missing() {}), 'ERR_VIGA_DEFINITION_NOT_FOUND', /missing is not exported by .*jobs\.ts.*square/],
    ['an export that is no function', () => dirty.cpu(jobsModule, function notAFunction() {}), 'ERR_VIGA_DEFINITION_NOT_FOUND', /notAFunction is not exported/],
    ['a module that is not there', () => dirty.cpu({ url: 'file:///no/such/module.mjs' }, jobs.square, 1), 'ERR_VIGA_DEFINITION_NOT_FOUND', /no\/such\/module\.mjs/],
    ['a module that throws', () => dirty.cpu({ url: 'data:text/javascript,throw new Error("broken")' }, jobs.square, 1), 'ERR_VIGA_DEFINITION_NOT_FOUND', /broken/],
    ['use of the runtime', () => dirty.cpu(jobsModule, jobs.useRuntime), 'ERR_VIGA_IN_DIRTY_WORKER', /thread of a dirty pool/],
  ])('for %s', async (_what, begin, code, message) => {
    const error = await failureOf((begin as () => PromiseLike<unknown>)())
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown })
    expect(error.message).toContain(`(${code})`)
    expect(error.message.split(code)).toHaveLength(2)
  })

  test('of the pools are VigaErrors', async () => {
    expect(await failureOf(dirty.cpu(jobsModule, jobs.giveFunction))).toBeInstanceOf(VigaError)
  })

  test.each([
    ['no import.meta', () => dirty.cpu(jobs.square as never, 1 as never), /dirty\.cpu: the first argument is the function square; the import\.meta/],
    ['import.meta of no module', () => dirty.io({} as never, jobs.square, 1), /dirty\.io: the first argument is/],
    ['no function', () => dirty.cpu(jobsModule, 'square' as never), /the second argument is square; a function/],
    ['a function without a name', () => dirty.cpu(jobsModule, (() => () => 1)()), /a function without a name/],
    ['a bad timeout', () => dirty.with({ timeout: -1 }), /dirty\.with: timeout is -1/],
    ['a bad onFull', () => dirty.with({ onFull: 'drop' } as unknown as DirtyJobOptions), /onFull is drop; wait and fail are allowed/],
    ['a bad signal', () => dirty.with({ signal: {} } as unknown as DirtyJobOptions), /signal is/],
    ['no options', () => dirty.with(null as never), /dirty\.with: null/],
  ])('at once for %s', (_what, begin, message) => {
    expect(begin).toThrow(expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT', message: expect.stringMatching(message) as unknown }))
  })
})

describe('jobs may be asked for', () => {
  test('in a generator process, whose messages wait meanwhile', async () => {
    const parent = self()
    const pid = spawn(function* (): Coroutine {
      const first = yield* dirty.cpu(jobsModule, jobs.square, 3)
      const second = yield* dirty.with({ timeout: 60_000 }).io(jobsModule, jobs.square, first)
      send(parent, [second, yield* receive()])
    })
    send(pid, 'waited')
    expect(await receive({ timeout: 20_000 })).toEqual([81, 'waited'])
  })

  test('in an async process, several at once', async () => {
    const task = Task.async(async () => {
      const squares = await Promise.all([1, 2, 3, 4].map((n) => dirty.cpu(jobsModule, jobs.square, n)))
      return [squares, String(self())]
    })
    expect(await task.await({ timeout: 20_000 })).toEqual([[1, 4, 9, 16], String(task.pid)])
  })

  test('in handlers of servers of every form', async () => {
    const Squares = genServer({
      init: () => 0,
      call: {
        *generator(asked: number, n: number) {
          return reply(yield* dirty.cpu(jobsModule, jobs.square, n), asked + 1)
        },
        async promise(asked: number, n: number) {
          return reply(await dirty.cpu(jobsModule, jobs.square, n), asked + 1)
        },
      },
    })
    const squares = await Squares.start()
    expect(await squares.call.generator(5)).toBe(25)
    expect(await squares.call.promise(6)).toBe(36)
    const literal = await GenServer.start(
      {
        *init() {
          return ok(yield* dirty.cpu(jobsModule, jobs.square, 9))
        },
        handleCall: (_request, _from, state: number) => reply(state, state),
      },
      [],
    )
    expect(await GenServer.call(literal, 'get')).toBe(81)
    const agent = await Agent.start(() => 2)
    const value = await agent.get((n) => n)
    expect(await dirty.cpu(jobsModule, jobs.square, value)).toBe(4)
  })

  test('once for each operation', async () => {
    const job = dirty.cpu(jobsModule, jobs.square, 2)
    expect(await job).toBe(4)
    expect(await job).toBe(4)
  })
})

test('what a function posts to its parent is nobody’s answer', async () => {
  expect(await dirty.cpu(jobsModule, jobs.postToParent)).toBe('still here')
  expect(await dirty.cpu(jobsModule, jobs.square, 2)).toBe(4)
})
