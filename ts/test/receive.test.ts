import { describe, expect, test } from 'vitest'
import {
  type Coroutine,
  exit,
  isDown,
  processInfo,
  receive,
  self,
  send,
  spawn,
  spawnMonitor,
  TIMEOUT,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

const even = (message: unknown): boolean => typeof message === 'number' && message % 2 === 0

function* fill(count: number): Coroutine<void> {
  for (let n = 0; n < count; n++) send(self<number>(), n)
}

describe('selective receive', () => {
  test('takes the first match in arrival order and leaves the rest in order', () =>
    inProcess(function* () {
      yield* fill(6)
      const is = (wanted: unknown) => (message: unknown) => message === wanted
      expect(yield* receive(is(3))).toBe(3)
      expect(yield* receive(even)).toBe(0)
      expect(yield* receive(even)).toBe(2)
      expect([yield* receive(), yield* receive(), yield* receive()]).toEqual([1, 4, 5])
    }))

  test('waits for a match that comes later', () =>
    inProcess(function* () {
      const me = self<unknown>()
      send(me, 1)
      spawn(function* () {
        for (const n of [3, 5, 6, 8]) send(me, n)
      })
      expect(yield* receive(even)).toBe(6)
      expect([yield* receive(), yield* receive(), yield* receive(), yield* receive()]).toEqual([1, 3, 5, 8])
    }))

  test('counts what it has passed over as waiting', () =>
    inProcess(function* () {
      yield* fill(10)
      expect(processInfo(self())?.messageQueueLength).toBe(10)
      yield* receive((message) => message === 9)
      expect(processInfo(self())?.messageQueueLength).toBe(9)
      yield* receive()
      expect(processInfo(self())?.messageQueueLength).toBe(8)
    }))

  test('past more messages than a slice has reductions', () =>
    inProcess(function* () {
      yield* fill(20_000)
      send(self<string>(), 'last')
      expect(yield* receive((message) => message === 'last')).toBe('last')
      expect(yield* receive((message) => message === 'none', { timeout: 0 })).toBe(TIMEOUT)
      for (let n = 0; n < 20_000; n++) expect(yield* receive()).toBe(n)
    }))

  test('a pattern that throws ends the process like any error and loses no message', () =>
    inProcess(function* () {
      yield* fill(2)
      const broken = (): boolean => {
        throw new Error('broken')
      }
      let caught: unknown
      try {
        yield* receive(broken)
      } catch (error) {
        caught = error
      }
      expect(String(caught)).toContain('broken')
      expect([yield* receive(), yield* receive()]).toEqual([0, 1])
    }))
})

describe('timeout', () => {
  test('0 polls', () =>
    inProcess(function* () {
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
      yield* fill(2)
      expect(yield* receive(even, { timeout: 0 })).toBe(0)
      expect(yield* receive(even, { timeout: 0 })).toBe(TIMEOUT)
      expect(yield* receive({ timeout: 0 })).toBe(1)
    }))

  test('that fires leaves the mailbox as it was', () =>
    inProcess(function* () {
      yield* fill(3)
      expect(yield* receive((message) => message === 'x', { timeout: 2 })).toBe(TIMEOUT)
      expect([yield* receive(), yield* receive(), yield* receive()]).toEqual([0, 1, 2])
    }))

  test('is not before its time and not restarted by messages that do not match', () =>
    inProcess(function* () {
      const me = self<string>()
      const noise = spawn(function* () {
        for (;;) {
          send(me, 'noise')
          if ((yield* receive({ timeout: 1 })) !== TIMEOUT) return
        }
      })
      const begun = performance.now()
      expect(yield* receive((message) => message === 'x', { timeout: 20 })).toBe(TIMEOUT)
      expect(performance.now() - begun).toBeGreaterThanOrEqual(19.5)
      exit(noise, 'kill')
    }))

  test('that did not fire disturbs no later receive', () =>
    inProcess(function* () {
      const me = self<string>()
      send(me, 'a')
      expect(yield* receive({ timeout: 1 })).toBe('a')
      expect(yield* receive({ timeout: 5 })).toBe(TIMEOUT)
      spawn(function* () {
        yield* receive({ timeout: 3 })
        send(me, 'b')
      })
      expect(yield* receive()).toBe('b')
    }))

  test('Infinity waits; what is no time is refused', () =>
    inProcess(function* () {
      send(self<string>(), 'm')
      expect(yield* receive({ timeout: Infinity })).toBe('m')
      for (const timeout of [-1, Number.NaN, '5'])
        expect(() => receive({ timeout: timeout as number })).toThrow(/receive\(\).*ERR_VIGA_BAD_ARGUMENT/)
    }))
})

describe('in async code', () => {
  test('root and async bodies receive in order, selectively and with timeouts', async () => {
    const me = self<unknown>()
    for (const n of [1, 2, 3, 4]) send(me, n)
    expect(await receive(even)).toBe(2)
    expect(await receive()).toBe(1)
    expect(await receive({ timeout: 0 })).toBe(3)
    expect(await receive(even, { timeout: 50 })).toBe(4)
    expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
    expect(await receive({ timeout: 2 })).toBe(TIMEOUT)
    const { ref } = spawnMonitor(async () => {
      const first = await receive({ timeout: 1 })
      send(me, first === TIMEOUT ? 'timeout' : first)
      send(me, await receive())
    })
    expect(await receive()).toBe('timeout')
    expect(await receive((message) => isDown(message, ref), { timeout: 0 })).toBe(TIMEOUT)
  })

  test('a long exchange between two async bodies ends', async () => {
    const me = self<string>()
    const pong = spawn(async () => {
      for (;;) {
        const { from, n } = await receive<{ from: ReturnType<typeof self<number>>; n: number }>()
        send(from, n)
      }
    })
    spawn(async () => {
      const mine = self<number>()
      for (let n = 0; n < 2_000; n++) {
        send(pong, { from: mine, n })
        if ((await receive()) !== n) throw new Error('out of order')
      }
      send(me, 'done')
    })
    expect(await receive()).toBe('done')
  })

  test('a second receive while one is pending is refused', async () => {
    const first = receive().then((message) => message)
    await expect(receive().then((message) => message)).rejects.toThrow(/ERR_VIGA_RECEIVE_PENDING/)
    send(self<string>(), 'm')
    expect(await first).toBe('m')
  })

  test('an AbortSignal gives it up, before and during', async () => {
    const during = new AbortController()
    const pending = receive({ signal: during.signal }).then((message) => message)
    during.abort(new Error('why'))
    await expect(pending).rejects.toMatchObject({ code: 'ERR_VIGA_ABORTED' })
    await expect(receive({ signal: AbortSignal.abort() }).then((message) => message)).rejects.toThrow(/ERR_VIGA_ABORTED/)
    send(self<string>(), 'm')
    expect(await receive()).toBe('m')
  })

  test('a generator is given up by its AbortSignal too', () =>
    inProcess(function* () {
      const controller = new AbortController()
      const me = self<string>()
      spawn(function* () {
        controller.abort()
        send(me, 'too late')
      })
      let caught: unknown
      try {
        yield* receive((message) => message === 'never', { signal: controller.signal })
      } catch (error) {
        caught = error
      }
      expect(caught).toMatchObject({ code: 'ERR_VIGA_ABORTED' })
      expect(yield* receive()).toBe('too late')
    }))
})

test('yield* outside a process is refused and says to await', () => {
  const generator = (function* () {
    yield* receive()
  })()
  expect(() => generator.next()).toThrow(/await.*ERR_VIGA_WRONG_BODY/)
})
