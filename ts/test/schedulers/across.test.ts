/** Processes of several schedulers with each other: everything as on one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  Binary,
  cancelTimer,
  compareTerms,
  type CrashReport,
  type Down,
  exit,
  genServer,
  isAlive,
  isDown,
  isExit,
  link,
  makeRef,
  monitor,
  type Pid,
  receive,
  register,
  Registry,
  Runtime,
  schedulerId,
  self,
  send,
  sendAfter,
  spawnWith,
  Supervisor,
  type SupervisorHandle,
  trapExit,
  unlink,
  via,
  whereis,
} from '../../src/index.js'
import defaultServer, { Counter, startHidden, tell, tellAsync } from './modules/counter.js'
import { crash, echo, ender, forward, listener, Moody } from './modules/everything.js'
import * as lonely from './modules/lonely.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const everything = new URL('./modules/everything.ts', import.meta.url)
const meta = { url: everything.href }
const counterMeta = { url: new URL('./modules/counter.ts', import.meta.url).href }

describe.runIf(native)('across schedulers', () => {
  // One system for all tests: its threads take their time to start.
  let reports: CrashReport[] = []
  let runtime: Runtime
  beforeAll(() => {
    runtime = Runtime.start({ schedulers: 3, onCrash: (report) => reports.push(report) })
  })
  beforeEach(() => {
    reports = []
  })
  afterAll(async () => await runtime[Symbol.asyncDispose]())

  const onTwo = (body: (...args: never[]) => unknown, ...args: unknown[]): Pid<unknown> =>
    spawnWith({ scheduler: 2 }, meta, body as (...args: unknown[]) => unknown, ...args)

  async function answer(to: Pid<unknown>, value: unknown): Promise<{ scheduler: number; value: unknown }> {
    send(to, { from: self(), value })
    return await receive()
  }

  test('a function runs where it is pinned, generator or async, with its arguments', async () => {
    const pid = spawnWith({ scheduler: 2 }, counterMeta, tell, self(), 'a', 1)
    expect(await receive()).toEqual({ scheduler: 2, given: ['a', 1] })
    expect(isAlive(pid)).toBe(true)
    spawnWith({ scheduler: 3 }, counterMeta, tellAsync, self(), { b: 2 })
    expect(await receive()).toEqual({ scheduler: 3, given: { b: 2 } })
    expect(schedulerId()).toBe(1)
  })

  test('terms of every kind go there and back', async () => {
    const pid = onTwo(echo)
    const error = Object.assign(new TypeError('wrong', { cause: ['deep'] }), { code: 'E_X' })
    const terms: unknown[] = [
      undefined, null, true, false, 0, -0, 1.5, -1e300, Number.NaN, Infinity, 2 ** 53, 12345678901234567890n, -1n,
      '', 'text', 'ü€😀', '\u{d800}', Symbol.for('atom'), [], [1, [2, [3]]], {}, { a: { b: [1] } }, { __proto__: null, x: 1 },
      new Map<unknown, unknown>([['k', 1], [{ r: 1 }, new Set([1, 2])]]), new Set(['a', ['b']]), new Date(86_400_000),
      new Uint8Array([1, 2, 3]), new Uint8Array(100_000).fill(7), Binary.from(new Uint8Array(100_000).fill(9)), self(), pid, makeRef(), error,
    ]
    for (const [place, term] of terms.entries()) {
      const { scheduler, value } = await answer(pid, term)
      expect(scheduler).toBe(2)
      if (term === error) expect(value).toMatchObject({ name: 'TypeError', message: 'wrong', code: 'E_X', cause: ['deep'] })
      else expect([place, compareTerms(value, term)]).toEqual([place, 0])
    }
    spawnWith({ scheduler: 2 }, counterMeta, tell, self(), ...terms)
    const { given } = await receive<{ given: unknown[] }>()
    expect(given.length).toBe(terms.length)
    for (const [place, term] of terms.entries())
      if (term !== error) expect([place, compareTerms(given[place], term)]).toEqual([place, 0])
  })

  test('messages between two processes keep their order', async () => {
    const pid = onTwo(echo)
    for (let n = 0; n < 5_000; n++) send(pid, { from: self(), value: n })
    for (let n = 0; n < 5_000; n++) expect(((await receive()) as { value: number }).value).toBe(n)
  })

  test('links carry exits both ways', async () => {
    trapExit(true)
    const pid = spawnWith({ scheduler: 2, link: true }, meta, ender)
    send(pid, ['over', 1])
    expect(await receive()).toMatchObject({ type: 'EXIT', from: pid, reason: ['over', 1] })
    const other = onTwo(listener, self())
    expect(await receive()).toEqual(['listening', other])
    link(other)
    exit(other, 'hello')
    expect(await receive()).toMatchObject({ type: 'EXIT', reason: 'hello', from: self() })
    unlink(other)
    exit(other, 'kill')
    trapExit(false)
  })

  test('monitors tell of the end, of one that is there and one that is not', async () => {
    const pid = onTwo(ender)
    const ref = monitor(pid)
    send(pid, 'enough')
    expect(await receive<Down>()).toEqual({ type: 'DOWN', ref, pid, reason: 'enough' })
    expect(isAlive(pid)).toBe(false)
    const late = monitor(pid)
    expect(await receive<Down>()).toEqual({ type: 'DOWN', ref: late, pid, reason: 'noproc' })
  })

  test('names are the same for all', async () => {
    const pid = onTwo(echo)
    register('far', pid)
    expect(whereis('far')).toEqual(pid)
    expect(await answer(pid, whereis('far'))).toMatchObject({ value: pid })
    const ref = monitor(pid)
    exit(pid, 'kill')
    expect(await receive<Down>()).toEqual({ type: 'DOWN', ref, pid, reason: 'killed' })
    expect(whereis('far')).toBeUndefined()
  })

  test('timers fire at processes elsewhere', async () => {
    const pid = onTwo(echo)
    sendAfter(2, pid, { from: self(), value: 'late' })
    const never = sendAfter(60_000, pid, { from: self(), value: 'never' })
    expect(await receive()).toEqual({ scheduler: 2, value: 'late' })
    expect(cancelTimer(never)).toBeGreaterThan(50_000)
  })

  test('a process elsewhere starts others elsewhere, and here', async () => {
    for (const scheduler of [3, 1, 2]) {
      onTwo(forward, scheduler, self())
      expect(await receive()).toMatchObject({ scheduler })
    }
  })

  test('a crash elsewhere is reported once, here', async () => {
    const pid = onTwo(crash)
    const ref = monitor(pid)
    expect(isDown(await receive(), ref)).toBe(true)
    while (reports.length === 0) await receive({ timeout: 1 })
    expect(reports).toHaveLength(1)
    expect(reports[0] as CrashReport).toMatchObject({ pid, reason: { error: { message: 'a crash far away' } } })
  })

  describe('servers', () => {
    test('are called and cast as here', async () => {
      const counter = await Counter.start(5, { scheduler: 2 })
      expect(await counter.call.add(2)).toBe(7)
      counter.cast.set(40)
      expect(await counter.call.get()).toBe(40)
      expect(await counter.call.where()).toEqual({ scheduler: 2, pid: counter.pid })
      await counter.stop()
      expect(isAlive(counter.pid)).toBe(false)
    })

    test('are found as the default export too', async () => {
      const server = await defaultServer.start('hello', { scheduler: 3 })
      expect(await server.call.text()).toBe('hello')
    })

    test('have their name before init, and a name is taken once', async () => {
      const counter = await Counter.start(1, { scheduler: 2, name: 'global counter' })
      expect(whereis('global counter')).toEqual(counter.pid)
      expect(await Counter.at('global counter').call.get()).toBe(1)
      await expect(Counter.start(2, { scheduler: 3, name: 'global counter' })).rejects.toMatchObject({
        reason: ['already_started', counter.pid],
      })
      await expect(Counter.start(2, { name: 'global counter' })).rejects.toMatchObject({ code: 'ERR_VIGA_START_FAILED' })
    })

    test('have keys of registries', async () => {
      const rooms = Registry.start<unknown[]>({ name: 'rooms' })
      const counter = await Counter.start(3, { scheduler: 2, name: via(rooms, ['blue', 1]) })
      expect(rooms.whereis(['blue', 1])).toEqual(counter.pid)
      expect(await Counter.at(via(rooms, ['blue', 1])).call.get()).toBe(3)
      rooms.stop()
    })

    test('fail to start as here', async () => {
      const elsewhere = { scheduler: 2 }
      expect((await (await Moody.start('well', elsewhere)).call.where()).scheduler).toBe(2)
      await expect(Moody.start('stop', elsewhere)).rejects.toMatchObject({ reason: 'in no mood' })
      await expect(Moody.start('throw', elsewhere)).rejects.toMatchObject({ reason: { error: { message: 'bad mood' } } })
      await expect(Moody.start('ignore', elsewhere)).rejects.toMatchObject({ ignored: true })
      await expect(Moody.start('never', { ...elsewhere, timeout: 20 })).rejects.toMatchObject({ reason: 'timeout' })
      await expect(Moody.start('never', { ...elsewhere, signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ code: 'ERR_VIGA_ABORTED' })
      trapExit(true)
      await expect(Moody.startLink('stop', elsewhere)).rejects.toMatchObject({ reason: 'in no mood' })
      expect(isExit(await receive())).toBe(true)
      trapExit(false)
    })

    test('are refused at once when their module does not export them', async () => {
      await expect(startHidden(2)).rejects.toThrow(
        /is not exported by file:.*counter\.ts, which exports .*Counter.*export it there.*ERR_VIGA_DEFINITION_NOT_FOUND/,
      )
      const nested = genServer({ url: import.meta.url }, { init: () => 0 })
      await expect(nested.start({ scheduler: 2 })).rejects.toMatchObject({ code: 'ERR_VIGA_DEFINITION_NOT_FOUND' })
    })
  })

  test.each([
    ['which its module does not export', new URL('./modules/lonely.ts', import.meta.url), echo, /the function echo is not exported by .*lonely\.ts, which exports/],
    ['whose module throws', new URL('./modules/throws.ts', import.meta.url), lonely.work, /throws\.ts could not be loaded: Error: no luck/],
    ['whose module is not there', new URL('./modules/nowhere.ts', import.meta.url), lonely.work, /nowhere\.ts could not be loaded/],
  ])('a function %s ends with the error as its reason', async (_, url, body, message) => {
    trapExit(true)
    const pid = spawnWith({ scheduler: 2, link: true }, { url: url.href }, body)
    expect(await receive()).toMatchObject({
      from: pid,
      reason: { error: { code: 'ERR_VIGA_DEFINITION_NOT_FOUND', message: expect.stringMatching(message) as string } },
    })
    trapExit(false)
  })

  test('pinned children of a supervisor are restarted where they are pinned', async () => {
    const tree: SupervisorHandle = await Supervisor.start([
      Counter.child(1, { id: 'here', name: 'here' }),
      Counter.child(2, { id: 'two', name: 'two', scheduler: 2 }),
      Counter.child(3, { id: 'three', name: 'three', scheduler: 3 }),
    ])
    for (const [name, scheduler] of [['here', 1], ['two', 2], ['three', 3]] as const) {
      const server = Counter.at(name)
      const before = await server.call.where()
      expect(before.scheduler).toBe(scheduler)
      await expect(server.call.crash()).rejects.toThrow(/crash at/)
      let after = whereis(name)
      while (after === undefined || String(after) === String(before.pid)) {
        await receive({ timeout: 1 })
        after = whereis(name)
      }
      expect(await server.call.where()).toEqual({ scheduler, pid: after })
      expect(await server.call.get()).toBe(scheduler)
    }
    await tree.stop()
    expect(whereis('two')).toBeUndefined()
  })
})
