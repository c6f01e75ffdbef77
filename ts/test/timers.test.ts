import { describe, expect, test } from 'vitest'
import {
  cancelTimer,
  type Coroutine,
  exit,
  readTimer,
  receive,
  register,
  self,
  send,
  sendAfter,
  spawn,
  systemInfo,
  TIMEOUT,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

describe('sendAfter', () => {
  test('sends not before its time', () =>
    inProcess(function* () {
      for (const wait of [0, 1, 7, 20]) {
        const begun = performance.now()
        sendAfter(wait, self<string>(), 'tick')
        expect(yield* receive()).toBe('tick')
        expect(performance.now() - begun).toBeGreaterThanOrEqual(wait)
      }
    }))

  test('fires in the order of time', () =>
    inProcess(function* () {
      const me = self<number>()
      for (const wait of [120, 40, 80, 0]) sendAfter(wait, me, wait)
      const order: unknown[] = []
      for (let n = 0; n < 4; n++) order.push(yield* receive())
      expect(order).toEqual([0, 40, 80, 120])
    }))

  test('10,000 timers over several levels of the wheel all fire, once', () =>
    inProcess(function* () {
      const me = self<number>()
      for (let n = 0; n < 10_000; n++) sendAfter((n * 7919) % 600, me, n)
      const seen = new Set<unknown>()
      for (let n = 0; n < 10_000; n++) seen.add(yield* receive())
      expect(seen.size).toBe(10_000)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
      expect(systemInfo().timerCount).toBe(0)
    }))

  test('copies its message when it is started', () =>
    inProcess(function* () {
      const message = { n: 1 }
      sendAfter(1, self<typeof message>(), message)
      message.n = 2
      expect(yield* receive()).toEqual({ n: 1 })
    }))

  test('to a name resolves it at the start', () =>
    inProcess(function* () {
      register('target', self())
      sendAfter(1, 'target', 'tick')
      expect(yield* receive()).toBe('tick')
      expect(() => sendAfter(1, 'nobody', 'tick')).toThrow(/ERR_VIGA_NO_SUCH_NAME/)
    }))

  test('refuses what is no time and what is no term', () =>
    inProcess(function* () {
      for (const wait of [-1, Number.NaN, Infinity, 4_294_967_296, '5'])
        expect(() => sendAfter(wait as number, self<string>(), 'x')).toThrow(/the time is.*ERR_VIGA_BAD_ARGUMENT/)
      expect(() => sendAfter(1, self<unknown>(), () => 1)).toThrow(/ERR_VIGA_NOT_A_TERM/)
    }))

  test('takes the longest time', () =>
    inProcess(function* () {
      const timer = sendAfter(4_294_967_295, self<string>(), 'x')
      sendAfter(1, self<string>(), 'soon')
      expect(yield* receive()).toBe('soon')
      expect(cancelTimer(timer)).toBeGreaterThan(4_294_900_000)
    }))
})

describe('cancelTimer and readTimer', () => {
  test('give the time left, then false', () =>
    inProcess(function* () {
      const timer = sendAfter(1_000, self<string>(), 'x')
      expect(readTimer(timer)).toBeGreaterThan(900)
      expect(readTimer(timer)).toBeLessThanOrEqual(1_000)
      const left = cancelTimer(timer)
      expect(left).toBeGreaterThan(900)
      expect(left).toBeLessThanOrEqual(1_000)
      expect([cancelTimer(timer), readTimer(timer)]).toEqual([false, false])
    }))

  test('of one that has fired give false', () =>
    inProcess(function* () {
      const timer = sendAfter(1, self<string>(), 'x')
      yield* receive()
      expect([readTimer(timer), cancelTimer(timer)]).toEqual([false, false])
    }))

  test('a cancelled timer sends nothing', () =>
    inProcess(function* () {
      const timer = sendAfter(2, self<string>(), 'cancelled')
      sendAfter(6, self<string>(), 'later')
      cancelTimer(timer)
      expect(yield* receive()).toBe('later')
    }))
})

test('a timer ends with its target, and outlives who started it', () =>
  inProcess(function* () {
    const target = spawn(sleeper)
    for (let n = 0; n < 100; n++) sendAfter(10_000, target, n as never)
    expect(systemInfo().timerCount).toBe(100)
    exit(target, 'kill')
    expect(systemInfo().timerCount).toBe(0)
    expect(readTimer(sendAfter(10, target, 'x' as never))).toBe(false)

    const me = self<string>()
    spawn(function* () {
      sendAfter(2, me, 'from beyond')
      send(me, 'started')
    })
    expect([yield* receive(), yield* receive()]).toEqual(['started', 'from beyond'])
  }))

test('timers started outside any process fire too', async () => {
  sendAfter(3, self<string>(), 'tick')
  expect(await receive()).toBe('tick')
})
