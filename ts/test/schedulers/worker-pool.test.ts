import { afterEach, expect, test, vi } from 'vitest'
import type { SchedulerMessage } from '../../src/scheduler-messages.js'
import { type PoolOptions, reportSchedulerOnStderr, type SchedulerReport, WorkerPool } from '../../src/worker-pool.js'

let pool: WorkerPool | undefined
afterEach(() => pool?.stop())

/** A pool whose threads are those of thread.mjs. */
function open(options: Partial<PoolOptions>): WorkerPool {
  const data = { version: '0', system: 1, settings: {}, dirty: {} } as unknown as PoolOptions['data']
  const entry = new URL('./modules/thread.mjs', import.meta.url)
  return (pool = new WorkerPool({ data, resourceLimits: {}, entry, told: () => undefined, down: () => undefined, ...options }))
}

/** The first `count` messages or reports, in their order. */
function first<T>(count: number): { readonly all: Promise<T[]>; add(one: T): void } {
  const got: T[] = []
  let done: (all: T[]) => void = () => undefined
  const all = new Promise<T[]>((resolve) => (done = resolve))
  return {
    all,
    add(one) {
      if (got.push(one) === count) done(got)
    },
  }
}

/** The first ends of the threads of `scheduler`. */
async function ends(scheduler: number, count: number, options: Partial<PoolOptions> = {}): Promise<SchedulerReport[]> {
  const reports = first<SchedulerReport>(count)
  open({ down: (report) => reports.add(report), ...options }).ensure(scheduler)
  return await reports.all
}

test('a thread is started once, and tells what it needs', async () => {
  const messages = first<SchedulerMessage>(4)
  const threads = open({
    told(message) {
      messages.add(message)
      if (message.kind === 'want') threads.ensure(message.scheduler)
    },
  })
  threads.ensure(3)
  threads.ensure(3)
  expect((await messages.all).map(({ kind }) => kind).sort()).toEqual(['joined', 'joined', 'want', 'want'])
  await threads.stop()
})

test('one that never comes up is tried again, with longer and longer pauses', async () => {
  const reports = await ends(5, 4)
  expect(reports.map(({ scheduler, why, failures, restartIn }) => [scheduler, why, failures, restartIn])).toEqual([
    [5, 'RangeError: not today', 1, 0],
    [5, 'RangeError: not today', 2, 100],
    [5, 'RangeError: not today', 3, 200],
    [5, 'RangeError: not today', 4, 400],
  ])
  expect(reports[0]?.error).toBeInstanceOf(Error)
})

test('process.exit ends the thread, and another takes its place', async () => {
  const [one, two] = await ends(6, 2)
  expect(one).toMatchObject({ scheduler: 6, why: 'process.exit(3) was called on it', error: undefined, restartIn: 0 })
  expect(two).toMatchObject({ scheduler: 6, failures: 2 })
})

test('so does a rejection that nobody handles', async () => {
  const [report] = await ends(7, 1)
  expect(report).toMatchObject({ scheduler: 7, why: 'TypeError: nobody handles this', error: { message: 'nobody handles this' } })
})

test('and memory that runs out', async () => {
  const [report] = await ends(8, 1, { resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 } })
  expect(report).toMatchObject({ scheduler: 8, error: { code: 'ERR_WORKER_OUT_OF_MEMORY' } })
  expect(report?.why).toMatch(/memory/)
})

test('a reporter that throws harms nobody', async () => {
  const written = first<string>(1)
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    written.add(String(line))
    return true
  })
  const down = () => {
    throw new Error('bad reporter')
  }
  open({ down }).ensure(6)
  expect(await written.all).toEqual(['viga: onSchedulerDown threw Error: bad reporter while told of scheduler 6\n'])
  await pool?.stop()
  write.mockRestore()
})

test('stopped, it ends threads that are busy too, tells of none, and starts none', async () => {
  const messages = first<SchedulerMessage>(2)
  let told = 0
  const threads = open({ told: (message) => messages.add(message), down: () => told++ })
  threads.ensure(2)
  threads.ensure(9)
  await messages.all
  await threads.stop()
  await threads.stop()
  threads.ensure(4)
  expect(told).toBe(0)
})

test('ends are written on stderr with the number and the cause, the many at a start not for ever', () => {
  const written: string[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((line) => written.push(String(line)) > 0)
  try {
    for (let failures = 0; failures < 6; failures++)
      reportSchedulerOnStderr({ scheduler: 2, why: 'Error: no', error: new Error('no'), failures, restartIn: failures < 2 ? 0 : 100 })
  } finally {
    write.mockRestore()
  }
  expect(written).toHaveLength(4)
  expect(written[0]).toBe('viga: scheduler 2 ended, and its processes with it: Error: no; another thread takes its place\n')
  expect(written[2]).toMatch(/takes its place in 100 ms/)
  expect(written[3]).toMatch(/keep ending at their start/)
})
