/** Starts on other schedulers: what happens until a process is there, and who starts it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Down,
  exit,
  isDown,
  monitor,
  type Pid,
  processInfo,
  receive,
  Runtime,
  samePid,
  self,
  send,
  spawnWith,
  trapExit,
} from '../../src/index.js'
import { Counter } from './modules/counter.js'
import { quit } from './modules/everything.js'
import { collect } from './modules/slow-arrival.js'
import { byAwait, byYield, stopAll } from './modules/starters.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = (file: string): { url: string } => ({ url: new URL(`./modules/${file}`, import.meta.url).href })

describe.runIf(native)('starts on other schedulers', () => {
  let runtime: Runtime
  beforeAll(() => {
    runtime = Runtime.start({ schedulers: 3, onCrash: () => undefined, onSchedulerDown: () => undefined })
  })
  afterAll(async () => await runtime[Symbol.asyncDispose]())

  test('what is sent to processes before their module is loaded waits for them, in order', async () => {
    const pids = Array.from({ length: 200 }, () => spawnWith({ scheduler: 2 }, meta('slow-arrival.ts'), collect, self(), 3))
    for (const n of [1, 2, 3]) for (const pid of pids) send(pid, n)
    for (let n = 0; n < 200; n++) {
      const { scheduler, pid, got } = await receive<{ scheduler: number; pid: Pid; got: unknown[] }>()
      expect({ scheduler, got }).toEqual({ scheduler: 2, got: [1, 2, 3] })
      expect(pids.some((one) => samePid(one, pid))).toBe(true)
    }
  })

  test('a process that is on its way can be killed, watched and told of', async () => {
    trapExit(true)
    const pid = spawnWith({ scheduler: 3, link: true, label: 'late' }, meta('slow-arrival.ts'), collect, self(), 1)
    const ref = monitor(pid)
    exit(pid, 'kill')
    const ends = [await receive(), await receive()]
    expect(ends).toContainEqual({ type: 'DOWN', ref, pid, reason: 'killed' })
    expect(ends).toContainEqual({ type: 'EXIT', from: pid, reason: 'killed' })
    expect(processInfo(pid)).toBeUndefined()
    trapExit(false)
  })

  test.each([
    ['an async function', byAwait],
    ['a generator', byYield],
  ])('by %s on another scheduler are linked with the process whose code it is', async (_, body) => {
    const starter = spawnWith({ scheduler: 2 }, meta('starters.ts'), body as (...args: unknown[]) => unknown, self(), 3)
    const { by, where } = await receive<{ by: Pid; where: { scheduler: number; pid: Pid } }>()
    expect({ by, scheduler: where.scheduler }).toEqual({ by: starter, scheduler: 3 })
    const ref = monitor(where.pid)
    exit(starter, 'gone')
    expect(await receive<Down>((message) => isDown(message, ref))).toMatchObject({ reason: 'gone' })
  })

  test('of many servers at once come up once each', async () => {
    const counters = await Promise.all(Array.from({ length: 60 }, (_, n) => Counter.start(n, { scheduler: 1 + (n % 3) })))
    const values = await Promise.all(counters.map((counter) => counter.call.get()))
    expect(values).toEqual(Array.from({ length: 60 }, (_, n) => n))
    await Promise.all(counters.map((counter) => counter.stop()))
  })

  test('of modules that start a runtime fail, and say what to do', async () => {
    trapExit(true)
    const work = { work: () => undefined }.work
    const pid = spawnWith({ scheduler: 2, link: true }, meta('starts-runtime.ts'), work)
    const { from, reason } = await receive<{ from: Pid; reason: { error: Error & { cause: Error } } }>()
    expect(from).toEqual(pid)
    expect(reason.error.message).toMatch(/starts-runtime\.ts could not be loaded.*ERR_VIGA_DEFINITION_NOT_FOUND/s)
    expect(reason.error.cause.message).toMatch(/this thread is scheduler 2 of a runtime that runs.*if \(schedulerId\(\) === 1\).*ERR_VIGA_RUNTIME_STARTED/)
    trapExit(false)
  })

  test('wait for a thread that has just ended', async () => {
    const pid = spawnWith({ scheduler: 3 }, meta('everything.ts'), quit, 0)
    const ref = monitor(pid)
    expect(await receive<Down>()).toMatchObject({ ref, reason: 'scheduler_down' })
    const counter = await Counter.start(9, { scheduler: 3 })
    expect(await counter.call.where()).toEqual({ scheduler: 3, pid: counter.pid })
  })

  test('the runtime is stopped from any of them', async () => {
    const waiting = receive((message) => message === 'never')
    spawnWith({ scheduler: 2 }, meta('starters.ts'), stopAll)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_VIGA_RUNTIME_STOPPED' })
    expect(Runtime.current).toBeUndefined()
  })
})
