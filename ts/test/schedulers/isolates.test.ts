/** The threads of schedulers: how they end, and what is left of the system then. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Down, isDown, monitor, type Pid, receive, Runtime, schedulerId, self, send, spawnWith, Supervisor, whereis } from '../../src/index.js'
import type { SchedulerReport } from '../../src/worker-pool.js'
import { Counter } from './modules/counter.js'
import { echo, here, quit, spin, throwOutside, useAllMemory } from './modules/everything.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = { url: new URL('./modules/everything.ts', import.meta.url).href }

describe.runIf(native)('the thread of a scheduler', () => {
  let runtime: Runtime
  let reports: SchedulerReport[]
  let reported: () => void
  beforeEach(() => {
    reports = []
    reported = () => undefined
    runtime = Runtime.start({
      schedulers: 3,
      workerResourceLimits: { maxOldGenerationSizeMb: 48 },
      onCrash: () => undefined,
      onSchedulerDown(report) {
        reports.push(report)
        reported()
      },
    })
  })
  afterEach(async () => await runtime[Symbol.asyncDispose]())

  const on = (scheduler: number, body: (...args: never[]) => unknown, ...args: unknown[]): Pid<unknown> =>
    spawnWith({ scheduler }, meta, body as (...args: unknown[]) => unknown, ...args)

  /** The first report of an end. */
  async function firstReport(): Promise<SchedulerReport> {
    if (reports.length === 0) await new Promise<void>((resolve) => (reported = resolve))
    return reports[0] as SchedulerReport
  }

  async function whereNow(scheduler: number): Promise<unknown> {
    on(scheduler, here, self())
    return ((await receive()) as { scheduler: number }).scheduler
  }

  test.each([
    ['process.exit', () => on(2, quit, 3), { why: 'process.exit(3) was called on it', error: undefined }],
    ['an error outside any process', () => on(2, throwOutside), { error: { name: 'RangeError', message: 'outside any process' } }],
    ['memory that runs out', () => on(2, useAllMemory), { error: { code: 'ERR_WORKER_OUT_OF_MEMORY' } }],
  ])('%s ends it, its processes, and nothing else; another takes its place', async (_, end, report) => {
    const neighbour = on(2, echo)
    send(neighbour, { from: self(), value: 'up' })
    expect(await receive()).toEqual({ scheduler: 2, value: 'up' })
    const other = on(3, echo)
    const ref = monitor(neighbour)
    end()
    expect(await receive<Down>((message) => isDown(message, ref))).toMatchObject({ pid: neighbour, reason: 'scheduler_down' })
    expect(await firstReport()).toMatchObject({ scheduler: 2, ...report })
    send(other, { from: self(), value: 'still' })
    expect(await receive()).toEqual({ scheduler: 3, value: 'still' })
    expect(await whereNow(2)).toBe(2)
    expect(schedulerId()).toBe(1)
  })

  test('what supervisors have pinned on it comes back', async () => {
    await Supervisor.start([Counter.child(7, { name: 'seven', scheduler: 2 })])
    const before = whereis('seven') as Pid
    const ref = monitor(before)
    on(2, quit, 0)
    expect(await receive<Down>((message) => isDown(message, ref))).toMatchObject({ reason: 'scheduler_down' })
    let after = whereis('seven')
    while (after === undefined) {
      await receive({ timeout: 1 })
      after = whereis('seven')
    }
    expect(await Counter.at('seven').call.where()).toEqual({ scheduler: 2, pid: after })
    expect(await Counter.at('seven').call.get()).toBe(7)
  })

  test('ends with the runtime, in the middle of whatever it does', async () => {
    const busy = on(2, spin)
    expect(await whereNow(3)).toBe(3)
    expect(busy).toBeDefined()
    await runtime[Symbol.asyncDispose]()
    runtime = Runtime.start({ schedulers: 2 })
    expect(await whereNow(2)).toBe(2)
  })
})
