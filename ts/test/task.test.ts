import { describe, expect, test } from 'vitest'
import {
  type Coroutine,
  type Down,
  exit,
  Exit,
  isAlive,
  isDown,
  isExit,
  isTaskReply,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawn,
  Supervisor,
  Task,
  TIMEOUT,
  trapExit,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

async function exitOf(operation: PromiseLike<unknown>): Promise<unknown> {
  try {
    await operation
  } catch (error) {
    if (error instanceof Exit) return error.reason
    throw error
  }
  throw new Error('it did not fail')
}

/** Work that never comes to an end by itself. */
function* endless(): Coroutine<void> {
  yield* receive((message) => message === 'never')
}

describe('await', () => {
  test('gives what the work returns, whatever kind of function it is', async () => {
    const plain = Task.async((a: number, b: number) => a + b, 1, 2)
    const later = Task.async(async (text: string) => {
      await undefined
      return [text, self()]
    }, 'a')
    const generator = Task.async(function* () {
      const inner = Task.async(() => 20)
      return (yield* inner.await()) + 1
    })
    expect(await plain.await()).toBe(3)
    expect(await later.await()).toEqual(['a', later.pid])
    expect(await generator.await()).toBe(21)
    expect(await plain.await()).toBe(3)
    expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
  })

  test('yields in generator bodies, in any order', async () => {
    const sum = await inProcess(function* () {
      const tasks = [1, 2, 3].map((n) => Task.async(() => n * n))
      let total = 0
      for (const task of tasks.reverse()) total += yield* task.await()
      return total
    })
    expect(sum).toBe(14)
  })

  test('the result is a copy, and must be a term', async () => {
    const list = [1]
    const task = Task.async(() => list)
    const copy = await task.await()
    copy.push(2)
    expect(list).toEqual([1])
    const bad = Task.async(() => () => 1)
    expect(await exitOf(bad.await())).toMatchObject([
      { error: { code: 'ERR_VIGA_NOT_A_TERM' } },
      ['Task', 'await', [bad.pid, 5000]],
    ])
  })

  test('fails with the reason of the task', async () => {
    const task = Task.async(() => exit('no result'))
    expect(await exitOf(task.await())).toEqual(['no result', ['Task', 'await', [task.pid, 5000]]])
  })

  test('fails with timeout, and a result that comes later is dropped', async () => {
    const task = Task.async(function* () {
      return yield* receive<string>()
    })
    expect(await exitOf(task.await({ timeout: 1 }))).toEqual(['timeout', ['Task', 'await', [task.pid, 1]]])
    const ref = monitor(task.pid)
    send(task.pid, 'late')
    await receive((message) => isDown(message, ref))
    expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
  })

  test('is for the owner alone', async () => {
    const task = Task.async(() => 1)
    await expect(
      inProcess(function* () {
        return yield* task.await()
      }),
    ).rejects.toThrow(/belongs to <0\.0\.0>.*ERR_VIGA_BAD_ARGUMENT/)
    expect(await task.await()).toBe(1)
  })

  test('not awaited, the result is a message', async () => {
    const task = Task.async(() => 'done')
    expect(await receive((message) => isTaskReply(message, task.ref))).toMatchObject({ type: 'TASK', value: 'done' })
  })
})

describe('links', () => {
  test('a task that fails takes its owner along, unless that traps', async () => {
    const owner = spawn(function* () {
      Task.async(() => exit('task failed'))
      yield* receive()
    })
    const ref = monitor(owner)
    expect((await receive((m): m is Down => isDown(m, ref))).reason).toBe('task failed')
    const seen = await inProcess(function* () {
      trapExit(true)
      const task = Task.async(() => exit('task failed'))
      const outcome = yield* task.yield()
      return [outcome, isExit(yield* receive(), task.pid)]
    })
    expect(seen).toEqual([{ status: 'exit', reason: 'task failed' }, true])
  })

  test('an owner that ends takes its tasks along', async () => {
    const root = self()
    const owner = spawn(function* () {
      send(root, Task.async(endless).pid)
      yield* receive()
    })
    const task = await receive<Pid>()
    const ref = monitor(task)
    exit(owner, 'gone')
    expect((await receive((m): m is Down => isDown(m, ref))).reason).toBe('gone')
  })
})

describe('yield and shutdown', () => {
  test('yield gives undefined while the task goes on, then its outcome', async () => {
    const task = Task.async(function* () {
      return yield* receive<number>()
    })
    expect(await task.yield({ timeout: 0 })).toBeUndefined()
    send(task.pid, 7)
    expect(await task.yield()).toEqual({ status: 'ok', value: 7 })
    expect(await task.yield()).toEqual({ status: 'ok', value: 7 })
  })

  test('shutdown ends a task at work without harm to the owner', async () => {
    const seen = await inProcess(function* () {
      const tasks = [Task.async(endless), Task.async(endless)] as const
      return [yield* tasks[0].shutdown(), yield* tasks[1].shutdown('brutal_kill'), tasks.some(({ pid }) => isAlive(pid))]
    })
    expect(seen).toEqual([undefined, undefined, false])
  })

  test('shutdown kills a task that does not listen', async () => {
    const root = self()
    const task = Task.async(function* () {
      trapExit(true)
      send(root, 'trapping')
      for (;;) yield* receive()
    })
    await receive((message) => message === 'trapping')
    expect(await task.shutdown(1)).toBeUndefined()
    expect(isAlive(task.pid)).toBe(false)
  })

  test('shutdown gives the result of a task that was done', async () => {
    const task = Task.async(() => 'done')
    const ref = monitor(task.pid)
    await receive((message) => isDown(message, ref))
    expect(await task.shutdown()).toEqual({ status: 'ok', value: 'done' })
    const failed = Task.async(() => exit('broke'))
    await failed.yield()
    expect(await failed.shutdown()).toEqual({ status: 'exit', reason: 'broke' })
  })

  test('are given up through a signal', async () => {
    const task = Task.async(endless)
    await expect(task.await({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_VIGA_ABORTED' })
    await task.shutdown()
  })
})

describe('tasks nobody waits for', () => {
  test('start, linked and not', async () => {
    const root = self()
    Task.start((text: string) => send(root, text), 'started')
    expect(await receive()).toBe('started')
    const owner = spawn(function* () {
      Task.startLink(() => exit('linked'))
      yield* receive()
    })
    const ref = monitor(owner)
    expect((await receive((m): m is Down => isDown(m, ref))).reason).toBe('linked')
    expect(() => Task.start(7 as unknown as () => void)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
  })

  test('under a supervisor they are temporary', async () => {
    const root = self()
    const tree = await Supervisor.start([Task.child(() => send(root, 'ran')), Task.child(endless, { id: 'endless' })])
    expect(await receive()).toBe('ran')
    await expect.poll(async () => (await tree.whichChildren()).map(({ id }) => id)).toEqual(['endless'])
    await tree.stop()
  })
})
