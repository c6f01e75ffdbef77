/** How pools share their threads among jobs, and what they tell of themselves. */
import { expect, test } from 'vitest'
import { DirectCall } from '../../src/call.js'
import type { DirtyRequest } from '../../src/dirty-job.js'
import { DirtyPoolProcess, INFO } from '../../src/dirty-pool-process.js'
import { type Engine, Priority } from '../../src/engine/engine.js'
import {
  type Coroutine,
  dirty,
  type DirtyPoolInfo,
  exit,
  isDown,
  monitor,
  type Pid,
  receive,
  Runtime,
  type RuntimeOptions,
  self,
  send,
  spawn,
  whereis,
} from '../../src/index.js'
import { currentProcess, startedEngine } from '../../src/runtime-state.js'
import { encodeTerm } from '../../src/term/encode.js'
import { TermWriter } from '../../src/term/writer.js'
import { freshRuntime } from '../fresh-runtime.js'
import { newCell, openCell, untilOpen } from './cells.js'
import * as jobs from './jobs.js'
import { failureOf, jobsModule } from './module.js'

freshRuntime({ dirtyCpu: 2, dirtyIo: 1, dirtyQueueLimit: 2, dirtyIdleTime: 60_000 })

async function infoOf(kind: 'cpu' | 'io'): Promise<DirtyPoolInfo> {
  return (await dirty.info())[kind]
}

/** Starts a job that holds a thread of its pool until `release` is called. */
async function holdThread(kind: 'cpu' | 'io'): Promise<{ release: () => void; result: Promise<number> }> {
  const started = newCell()
  const release = newCell()
  const result = dirty[kind](jobsModule, jobs.meet, started, release).then((value) => value)
  await untilOpen(started)
  return { release: () => openCell(release), result: result as Promise<number> }
}

test('two jobs run side by side, each waiting for the other', async () => {
  const [first, second] = [newCell(), newCell()]
  const both = [dirty.cpu(jobsModule, jobs.meet, first, second), dirty.cpu(jobsModule, jobs.meet, second, first)]
  expect(await Promise.all(both)).toEqual([second, first])
  expect(await infoOf('cpu')).toEqual({ workers: 2, busy: 0, queued: 0, done: 2, failed: 0, cancelled: 0 })
})

test('jobs of processes are begun in the order in which they were asked for', async () => {
  const held = await holdThread('io')
  const parent = self()
  for (let n = 0; n < 20; n++)
    spawn(function* (): Coroutine {
      send(parent, yield* dirty.io(jobsModule, jobs.give<number>, n))
    })
  while ((await infoOf('io')).queued < 20);
  held.release()
  const order: number[] = []
  while (order.length < 20) order.push(await receive<number>())
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
  await held.result
})

test('a thousand jobs of a thousand processes go through two threads', { timeout: 60_000 }, async () => {
  const parent = self()
  for (let n = 0; n < 1_000; n++)
    spawn(function* (): Coroutine {
      send(parent, { n, square: yield* dirty.cpu(jobsModule, jobs.square, n), thread: yield* dirty.cpu(jobsModule, jobs.where) })
    })
  const threads = new Set<number>()
  const answered = new Set<number>()
  while (answered.size < 1_000) {
    const { n, square, thread } = await receive<{ n: number; square: number; thread: number }>()
    expect(square).toBe(n * n)
    answered.add(n)
    threads.add(thread)
  }
  expect(threads.size).toBeLessThanOrEqual(2)
  expect(await infoOf('cpu')).toMatchObject({ busy: 0, queued: 0, done: 2_000, failed: 0, cancelled: 0 })
})

test('a full queue refuses those who will not wait, and no others', async () => {
  const held = await holdThread('io')
  const waiting = [1, 2, 3].map((n) => dirty.io(jobsModule, jobs.square, n).then((value) => value))
  while ((await infoOf('io')).queued < 3);
  const error = await failureOf(dirty.with({ onFull: 'fail' }).io(jobsModule, jobs.square, 4))
  expect(error).toMatchObject({ code: 'ERR_VIGA_DIRTY_QUEUE_FULL', message: expect.stringMatching(/square: 3 jobs wait for the 1 workers .* 2/) as unknown })
  held.release()
  expect(await Promise.all(waiting)).toEqual([1, 4, 9])
  expect(await dirty.with({ onFull: 'fail' }).io(jobsModule, jobs.square, 5)).toBe(25)
  expect(await infoOf('io')).toMatchObject({ done: 5, failed: 1 })
  await held.result
})

test('a queue for none refuses only while every thread is busy', async () => {
  Runtime.current?.stop()
  using runtime = stopping({ dirtyIo: 1, dirtyQueueLimit: 0 })
  const job = dirty.with({ onFull: 'fail' })
  expect(await job.io(jobsModule, jobs.square, 2)).toBe(4)
  const held = await holdThread('io')
  expect(await failureOf(job.io(jobsModule, jobs.square, 3))).toMatchObject({ code: 'ERR_VIGA_DIRTY_QUEUE_FULL' })
  held.release()
  await held.result
  expect(await job.io(jobsModule, jobs.square, 4)).toBe(16)
  expect(runtime.engine).toBeTypeOf('string')
})

test('threads start with the jobs that need them, and the one that rested last works next', async () => {
  expect(await infoOf('cpu')).toMatchObject({ workers: 0 })
  const threads = new Set<number>()
  for (let n = 0; n < 5; n++) threads.add(await dirty.cpu(jobsModule, jobs.where))
  expect(threads.size).toBe(1)
  expect(await infoOf('cpu')).toMatchObject({ workers: 1, done: 5 })
})

test('threads without a job end after the idle time, and start again', async () => {
  Runtime.current?.stop()
  using _runtime = stopping({ dirtyIdleTime: 5 })
  const before = await dirty.cpu(jobsModule, jobs.where)
  while ((await infoOf('cpu')).workers > 0);
  expect(await dirty.cpu(jobsModule, jobs.where)).not.toBe(before)
})

test('the pools of a runtime end with it; the next one has its own', async () => {
  const before = await dirty.cpu(jobsModule, jobs.where)
  Runtime.current?.stop()
  using _runtime = stopping({})
  expect(await infoOf('cpu')).toMatchObject({ workers: 0, done: 0 })
  expect(await dirty.cpu(jobsModule, jobs.where)).not.toBe(before)
})

test('a second process for a pool, as two schedulers may start one at the same time, hands everything on to the first', async () => {
  const thread = await dirty.io(jobsModule, jobs.where)
  const first = whereis('viga.dirty.io') as Pid
  const engine = startedEngine() as Engine
  const second = engine.spawn(new DirtyPoolProcess('io'), currentProcess(), false, null, Priority.Normal)
  const request: DirtyRequest = { url: jobsModule.url, name: 'where', args: encodedArguments(), onFull: 'wait' }
  expect(await new DirectCall(second, request, { timeout: 20_000 })).toEqual(['done', thread])
  expect(await new DirectCall(second, INFO, undefined)).toEqual(await new DirectCall(first, INFO, undefined))
  const ends = monitor(second)
  exit(first, 'kill')
  expect(await receive((message) => isDown(message, ends))).toMatchObject({ reason: ['shutdown', 'killed'] })
  expect(await dirty.io(jobsModule, jobs.where)).not.toBe(thread)
})

test.each<RuntimeOptions>([
  { dirtyCpu: 0 },
  { dirtyCpu: 1_025 },
  { dirtyIo: 1.5 },
  { dirtyIo: '4' as never },
  { dirtyQueueLimit: -1 },
  { dirtyIdleTime: -1 },
  { dirtyIdleTime: NaN },
  { dirtyResourceLimits: 64 as never },
  { dirtyWorkerEntry: 'file:///thread.js' as never },
])('%j is refused, and nothing starts', (options) => {
  Runtime.current?.stop()
  const [name] = Object.keys(options) as [string]
  expect(() => Runtime.start(options)).toThrow(
    expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT', message: expect.stringContaining(`Runtime.start: ${name} is`) as unknown }),
  )
  expect(Runtime.current).toBeUndefined()
})

function encodedArguments(...args: readonly unknown[]): Uint8Array {
  const writer = new TermWriter(new Uint8Array(64))
  encodeTerm(writer, args)
  return writer.written()
}

/** A runtime in place of the file's, stopped at the end of the scope. */
function stopping(options: RuntimeOptions): Runtime & Disposable {
  const runtime = Runtime.start(options)
  return Object.assign(runtime, { [Symbol.dispose]: () => runtime.stop() })
}
