import { expect, test } from 'vitest'
import {
  type Coroutine,
  type Down,
  exit,
  isAlive,
  isDown,
  monitor,
  processInfo,
  receive,
  self,
  send,
  spawn,
  StartError,
  Supervisor,
  TaskSupervisor,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

function* endless(): Coroutine<void> {
  yield* receive((message) => message === 'never')
}

test('runs work of every kind under the supervisor', async () => {
  const tasks = await TaskSupervisor.start()
  const plain = await tasks.async((a: number, b: number) => a * b, 6, 7)
  expect(await plain.await()).toBe(42)
  const later = await tasks.async(async () => {
    await undefined
    return self()
  })
  expect(await later.await()).toEqual(later.pid)
  const seen = await inProcess(function* () {
    const task = yield* tasks.async(function* (greeting: string) {
      return [greeting, yield* receive()]
    }, 'hello')
    send(task.pid, 'there')
    return yield* task.await()
  })
  expect(seen).toEqual(['hello', 'there'])
  const waiting = await tasks.async(endless)
  expect(processInfo(waiting.pid)?.parent).toEqual(tasks.pid)
  expect(await tasks.children()).toEqual([{ id: undefined, pid: waiting.pid, type: 'worker' }])
  await tasks.terminateChild(waiting.pid)
  expect(await waiting.yield()).toEqual({ status: 'exit', reason: 'shutdown' })
})

test('a task that is not linked fails alone', async () => {
  const tasks = await TaskSupervisor.start()
  const seen = await inProcess(function* () {
    const task = yield* tasks.asyncNoLink(() => exit('task failed'))
    return yield* task.yield()
  })
  expect(seen).toEqual({ status: 'exit', reason: 'task failed' })
  const root = self()
  const owner = spawn(function* () {
    yield* tasks.async(() => exit('task failed'))
    send(root, 'started')
    yield* receive()
  })
  const ref = monitor(owner)
  expect((await receive((m): m is Down => isDown(m, ref))).reason).toBe('task failed')
  expect(isAlive(tasks.pid)).toBe(true)
})

test('work nobody waits for', async () => {
  const root = self()
  const tasks = await TaskSupervisor.start({ maxChildren: 1 })
  const pid = await tasks.startChild((text: string) => send(root, text), 'ran')
  expect(await receive()).toBe('ran')
  const ref = monitor(pid)
  await receive((m) => isDown(m, ref))
  await tasks.startChild(endless)
  await expect(tasks.startChild(endless)).rejects.toBeInstanceOf(StartError)
  expect(() => tasks.startChild(7 as unknown as () => void)).toThrow(/7 is no function.*ERR_VIGA_BAD_ARGUMENT/)
  expect(() => tasks.async(7 as unknown as () => void)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
})

test('ends with its supervisor', async () => {
  const tree = await Supervisor.start([TaskSupervisor.child({ name: 'tasks' })])
  const task = await TaskSupervisor.at('tasks').asyncNoLink(endless)
  await tree.stop()
  expect(await task.yield()).toEqual({ status: 'exit', reason: 'shutdown' })
})
