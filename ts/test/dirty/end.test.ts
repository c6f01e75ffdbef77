/** Jobs that are given up, whose caller dies, or whose thread does: they end, and nothing else. */
import { expect, test, vi } from 'vitest'
import {
  type Coroutine,
  dirty,
  type DirtyPoolInfo,
  exit,
  Exit,
  isDown,
  monitor,
  type Pid,
  processes,
  processInfo,
  receive,
  Runtime,
  self,
  send,
  spawn,
} from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'
import { newCell, opened, openCell, untilOpen } from './cells.js'
import * as jobs from './jobs.js'
import { failureOf, jobsModule } from './module.js'

const reports = freshRuntime({ dirtyCpu: 2, dirtyIo: 1, dirtyIdleTime: 60_000 })

async function io(): Promise<DirtyPoolInfo> {
  return (await dirty.info()).io
}

/** A job in the pool of one that nothing but its end brings to an end, and that has begun. */
async function spinning(begin: (cell: number) => unknown): Promise<void> {
  const started = newCell()
  begin(started)
  await untilOpen(started)
}

async function expectNothingLeft(facts: Partial<DirtyPoolInfo>): Promise<void> {
  expect(await dirty.io(jobsModule, jobs.square, 3)).toBe(9)
  expect(await io()).toMatchObject({ workers: 1, busy: 0, queued: 0, ...facts })
}

test('a timeout ends for (;;) {}, and a fresh thread takes the next job', async () => {
  const before = await dirty.io(jobsModule, jobs.where)
  const failure = await failureOf(dirty.with({ timeout: 50 }).io(jobsModule, jobs.spin, newCell()))
  expect(failure).toBeInstanceOf(Exit)
  expect(failure.reason).toEqual(['timeout', ['dirty', 'io', [jobsModule.url, 'spin', 50]]])
  expect(await dirty.io(jobsModule, jobs.where)).not.toBe(before)
  await expectNothingLeft({ cancelled: 1, done: 3 })
})

test('a timeout ends a generator process that does not catch it', async () => {
  const pid = spawn(function* (): Coroutine {
    yield* dirty.with({ timeout: 20 }).io(jobsModule, jobs.spin, newCell())
  })
  const ref = monitor(pid)
  expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: ['timeout', ['dirty', 'io', expect.anything()]] })
  await expectNothingLeft({ cancelled: 1 })
  expect(reports).toHaveLength(1)
})

test('a signal ends a job that runs, from outside, an async process and a generator', async () => {
  const bodies: ((cell: number, signal: AbortSignal, parent: Pid<unknown>) => unknown)[] = [
    async (cell, signal, parent) => {
      send(parent, (await failureOf(dirty.with({ signal }).io(jobsModule, jobs.spin, cell))).code)
    },
    function* (cell, signal, parent): Coroutine {
      try {
        yield* dirty.with({ signal }).io(jobsModule, jobs.linger, cell)
      } catch (error) {
        send(parent, (error as { code: string }).code)
      }
    },
  ]
  for (const body of bodies) {
    const abort = new AbortController()
    await spinning((cell) => spawn(body as never, cell as never, abort.signal as never, self() as never))
    abort.abort()
    expect(await receive()).toBe('ERR_VIGA_ABORTED')
  }
  const abort = new AbortController()
  let failure: Promise<unknown> | undefined
  await spinning((cell) => (failure = failureOf(dirty.with({ signal: abort.signal }).io(jobsModule, jobs.spin, cell))))
  abort.abort('enough')
  expect(await failure).toMatchObject({ code: 'ERR_VIGA_ABORTED', cause: 'enough' })
  await expectNothingLeft({ cancelled: 3, failed: 0 })
})

test('a signal that was aborted before begins nothing', async () => {
  expect(await failureOf(dirty.with({ signal: AbortSignal.abort() }).io(jobsModule, jobs.square, 1))).toMatchObject({ code: 'ERR_VIGA_ABORTED' })
  expect(await io()).toMatchObject({ workers: 0, cancelled: 0 })
})

test('a job given up while it waits never begins, and those behind it keep their turn', async () => {
  const release = newCell()
  const started = newCell()
  const never = newCell()
  const held = dirty.io(jobsModule, jobs.meet, started, release).then((value) => value)
  await untilOpen(started)
  const abort = new AbortController()
  const first = dirty.io(jobsModule, jobs.square, 1).then((value) => value)
  const givenUp = failureOf(dirty.with({ signal: abort.signal }).io(jobsModule, jobs.open, never))
  const timedOut = failureOf(dirty.with({ timeout: 1 }).io(jobsModule, jobs.open, never))
  const last = dirty.io(jobsModule, jobs.square, 2).then((value) => value)
  expect(await timedOut).toBeInstanceOf(Exit)
  expect(await io()).toMatchObject({ queued: 3 })
  abort.abort()
  expect(await givenUp).toMatchObject({ code: 'ERR_VIGA_ABORTED' })
  openCell(release)
  expect(await Promise.all([held, first, last])).toEqual([release, 1, 4])
  expect(opened(never)).toBe(0)
  await expectNothingLeft({ cancelled: 2 })
})

test('the end of the calling process ends its jobs, waiting and running, and no others', async () => {
  const keep = newCell()
  const kept = newCell()
  const other = dirty.cpu(jobsModule, jobs.meet, kept, keep).then((value) => value)
  await untilOpen(kept)
  const never = newCell()
  const waiters: Pid<unknown>[] = []
  for (const cause of ['kill', 'shutdown']) {
    let pid: Pid<unknown> | undefined
    await spinning((cell) => {
      pid = spawn(function* (): Coroutine {
        yield* dirty.cpu(jobsModule, jobs.spin, cell)
      })
    })
    waiters.push(
      spawn(async () => {
        await Promise.all([dirty.cpu(jobsModule, jobs.open, never), dirty.cpu(jobsModule, jobs.open, never)])
      }),
    )
    while ((await dirty.info()).cpu.queued < 2);
    exit(waiters.pop() as Pid<unknown>, cause)
    while ((await dirty.info()).cpu.queued > 0);
    exit(pid as Pid<unknown>, cause)
    while ((await dirty.info()).cpu.busy > 1);
  }
  expect(opened(never)).toBe(0)
  openCell(keep)
  expect(await other).toBe(keep)
  expect((await dirty.info()).cpu).toMatchObject({ busy: 0, queued: 0, done: 1, failed: 0, cancelled: 6 })
})

test('a process that ends by itself, or by an error, leaves no job behind', async () => {
  const started = newCell()
  spawn(async () => {
    void dirty.io(jobsModule, jobs.spin, started).then(() => undefined)
    await untilOpen(started)
    throw new Error('done with it')
  })
  await untilOpen(started)
  while ((await io()).cancelled < 1);
  await expectNothingLeft({ cancelled: 1 })
  expect(reports).toHaveLength(1)
})

test.each([
  ['calls process.exit', () => dirty.io(jobsModule, jobs.leave, 7), /leave of .*jobs\.ts ended: process\.exit\(7\)/],
  ['leaves something that throws', () => dirty.io(jobsModule, jobs.leaveBehind), /leaveBehind of .* ended: TypeError: left behind/],
])('a thread whose function %s fails its job, and a fresh one goes on', async (_what, begin, message) => {
  const before = await dirty.io(jobsModule, jobs.where)
  const failed = failureOf((begin as () => PromiseLike<unknown>)())
  const next = dirty.io(jobsModule, jobs.where).then((value) => value)
  expect(await failed).toMatchObject({ code: 'ERR_VIGA_DIRTY_WORKER_DIED', message: expect.stringMatching(message) as unknown })
  expect(await next).not.toBe(before)
  await expectNothingLeft({ failed: 1, cancelled: 0 })
})

test('what a job left behind and throws when its thread has none is told on stderr', async () => {
  const lines: unknown[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(line) > 0)
  try {
    await dirty.io(jobsModule, jobs.throwAfterwards)
    while (lines.length === 0) await io()
  } finally {
    write.mockRestore()
  }
  expect(lines).toEqual(['viga: a worker of the dirty io pool ended between two jobs: TypeError: left behind\n'])
  await expectNothingLeft({ done: 2, failed: 0 })
})

test('a thread that cannot start fails the job that needed it', async () => {
  Runtime.current?.stop()
  const runtime = Runtime.start({ dirtyWorkerEntry: new URL('http://localhost/thread.js') })
  const error = await failureOf(dirty.io(jobsModule, jobs.square, 1))
  expect(error).toMatchObject({ code: 'ERR_VIGA_DIRTY_WORKER_DIED', message: expect.stringContaining('no worker could be started for square') as unknown })
  runtime.stop()
  const next = Runtime.start({ dirtyWorkerEntry: new URL('file:///no/such/thread.js') })
  expect(await failureOf(dirty.io(jobsModule, jobs.square, 1))).toMatchObject({ code: 'ERR_VIGA_DIRTY_WORKER_DIED', message: expect.stringContaining('/no/such/thread.js') as unknown })
  next.stop()
})

test('a thread that uses up its memory fails its job, and nothing else', { timeout: 60_000 }, async () => {
  Runtime.current?.stop()
  const runtime = Runtime.start({ dirtyIo: 2, dirtyResourceLimits: { maxOldGenerationSizeMb: 32 } })
  const [started, release] = [newCell(), newCell()]
  const other = dirty.io(jobsModule, jobs.meet, started, release).then((value) => value)
  await untilOpen(started)
  expect(await failureOf(dirty.io(jobsModule, jobs.useUpMemory))).toMatchObject({
    code: 'ERR_VIGA_DIRTY_WORKER_DIED',
    message: expect.stringMatching(/memory/) as unknown,
    cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
  })
  openCell(release)
  expect(await other).toBe(release)
  expect(await dirty.io(jobsModule, jobs.square, 2)).toBe(4)
  runtime.stop()
})

test('the end of a pool’s process ends its jobs; the next job has a new one', async () => {
  let failure: Promise<unknown> | undefined
  await spinning((cell) => (failure = failureOf(dirty.io(jobsModule, jobs.spin, cell))))
  const pool = processes().find((pid) => processInfo(pid)?.label === 'dirty io pool') as Pid<unknown>
  exit(pool, 'kill')
  expect(await failure).toMatchObject({ reason: ['killed', ['dirty', 'io', expect.anything()]] })
  await expectNothingLeft({ done: 1, cancelled: 0 })
})

test('a stop of the runtime ends what runs and what waits', async () => {
  const started = newCell()
  const never = newCell()
  const codes = [failureOf(dirty.io(jobsModule, jobs.spin, started)), failureOf(dirty.io(jobsModule, jobs.open, never))]
  spawn(function* (): Coroutine {
    yield* dirty.io(jobsModule, jobs.open, never)
  })
  await untilOpen(started)
  while ((await io()).queued < 2);
  Runtime.current?.stop()
  for (const failure of await Promise.all(codes)) expect(failure).toMatchObject({ code: 'ERR_VIGA_RUNTIME_STOPPED' })
  const next = Runtime.start({ dirtyIo: 1 })
  expect(await dirty.io(jobsModule, jobs.square, 5)).toBe(25)
  expect(opened(never)).toBe(0)
  next.stop()
})
