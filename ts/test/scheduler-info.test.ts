import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { buildSync } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { type Coroutine, processes, receive, Runtime, type SchedulerInfo, schedulers, spawn, systemInfo, utilization } from '../src/index.js'
import { IsolatePage, newPage } from '../src/isolate-page.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

/** Leaves garbage until `done`, with turns of the event loop, in which collections are told of. */
async function litter(done: () => boolean): Promise<void> {
  while (!done()) {
    Array.from({ length: 100_000 }, (_, n) => ({ n }))
    await turn()
  }
}

describe('schedulers', () => {
  freshRuntime({ schedulers: 1 })
  const own = (): SchedulerInfo => schedulers()[0] as SchedulerInfo

  test('tell what each is and has done', async () => {
    const before = own()
    await inProcess(function* () {
      for (let n = 0; n < 10; n++) yield
    })
    const now = own()
    expect(now).toMatchObject({ id: 1, online: true, state: 'running', processes: processes().length, migrations: { in: 0, out: 0 } })
    expect(now.slices).toBeGreaterThanOrEqual(before.slices + 10)
    expect(now.reductions).toBeGreaterThanOrEqual(before.reductions)
    expect(Object.values(now.runQueue).every((length) => length === 0)).toBe(true)
    for (const count of [now.wakeups, now.steals]) expect(count).toBeGreaterThanOrEqual(0)
    expect(schedulers().map(({ id }) => id)).toEqual(systemInfo().schedulers.map(({ id }) => id))
  })

  test('tell what waits in their queues', () =>
    inProcess(function* (): Coroutine<void> {
      const idle = function* (): Coroutine<void> {
        yield* receive()
      }
      const before = own().runQueue.normal
      for (let n = 0; n < 5; n++) spawn(idle)
      expect(own().runQueue.normal).toBe(before + 5)
    }))

  test('tell of collections and the heap', async () => {
    const { count, total } = own().garbageCollection
    await litter(() => own().garbageCollection.count > count)
    const { garbageCollection, heap } = own()
    expect(garbageCollection.total).toBeGreaterThan(total)
    expect(garbageCollection.longest).toBeGreaterThan(0)
    expect(garbageCollection.longest).toBeLessThanOrEqual(garbageCollection.total)
    expect(heap.used).toBeGreaterThan(1e6)
    expect(heap.limit).toBeGreaterThan(heap.used)
  })

  test('tell their wall time, of which work is a part', async () => {
    const before = schedulers()
    const end = performance.now() + 20
    await inProcess(function* () {
      while (performance.now() < end) yield
    })
    const after = schedulers()
    const [first, last] = [before[0]?.wallTime, own().wallTime]
    expect(last.total - (first?.total ?? 0)).toBeGreaterThan(10_000)
    const { total, schedulers: each } = utilization(before, after)
    expect(total).toBeGreaterThan(0)
    expect(total).toBeLessThanOrEqual(1)
    expect(each).toEqual([{ id: 1, utilization: total }])
  })

  test('count collections from the start of the runtime', async () => {
    await litter(() => own().garbageCollection.count > 0)
    Runtime.current?.stop()
    Runtime.start({ schedulers: 1 })
    expect(own().garbageCollection).toEqual({ count: 0, total: 0, longest: 0 })
    Runtime.current?.stop()
  })
})

describe('utilization', () => {
  const at = (id: number, active: number, total: number) => ({ id, wallTime: { active, total } })

  test('is the share of work, of each and of all', () => {
    expect(utilization([at(1, 100, 1000), at(2, 0, 1000)], [at(1, 600, 2000), at(2, 250, 2000)])).toEqual({
      total: 0.375,
      schedulers: [{ id: 1, utilization: 0.5 }, { id: 2, utilization: 0.25 }],
    })
  })

  test('of no time is 0', () => {
    expect(utilization([at(1, 5, 10)], [at(1, 5, 10)])).toEqual({ total: 0, schedulers: [{ id: 1, utilization: 0 }] })
    expect(utilization([], [])).toEqual({ total: 0, schedulers: [] })
  })

  test('leaves out schedulers that one answer lacks, and counts a new isolate from its start', () => {
    expect(utilization([at(1, 900, 1000), at(3, 0, 10)], [at(1, 50, 100), at(2, 5, 10)])).toEqual({
      total: 0.5,
      schedulers: [{ id: 1, utilization: 0.5 }],
    })
  })
})

test('an isolate that is stuck can be read by another', async () => {
  const [bundle] = buildSync({
    entryPoints: [fileURLToPath(new URL('../src/isolate-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
  }).outputFiles
  const memory = newPage(2)
  const page = new IsolatePage(memory, 1)
  expect(page.read(2)).toEqual({
    garbageCollection: { count: 0, total: 0, longest: 0 },
    heap: { used: 0, limit: 0 },
  })
  const program = `{
    const { parentPort, workerData } = require('node:worker_threads')
    const page = new IsolatePage(workerData, 2)
    const litter = () => {
      Array.from({ length: 100_000 }, (_, n) => ({ n }))
      if (page.read(2).garbageCollection.count === 0) return setImmediate(litter)
      parentPort.postMessage('stuck')
      for (;;);
    }
    litter()
  }`
  const worker = new Worker(`${bundle?.text}\n${program}`, { eval: true, workerData: memory, resourceLimits: { maxOldGenerationSizeMb: 64 } })
  try {
    await once(worker, 'message')
    const { garbageCollection, heap } = page.read(2)
    expect(garbageCollection.count).toBeGreaterThan(0)
    expect(garbageCollection.longest).toBeGreaterThan(0)
    expect(heap.used).toBeGreaterThan(1e5)
    expect(heap.limit).toBeLessThan(page.read(1).heap.limit)
  } finally {
    page.stop()
    await worker.terminate()
  }
})
