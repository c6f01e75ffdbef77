import { describe, expect, test } from 'vitest'
import {
  type Coroutine,
  demonitor,
  type Down,
  exit,
  isDown,
  makeRef,
  monitor,
  processInfo,
  receive,
  register,
  registered,
  self,
  send,
  spawn,
  spawnMonitor,
  TIMEOUT,
  whereis,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

describe('monitor', () => {
  test('is unidirectional: the end of the watcher does nothing to the watched', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const { ref } = spawnMonitor(function* () {
        monitor(watched)
      })
      yield* receive((message) => isDown(message, ref))
      expect(processInfo(watched)).toMatchObject({ monitoredBy: [], status: 'waiting' })
    }))

  test('stacks: one DOWN for each, each exactly once', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const refs = [monitor(watched), monitor(watched), monitor(watched)]
      exit(watched, 'x')
      for (const ref of refs)
        expect(yield* receive()).toEqual({ type: 'DOWN', ref, pid: watched, reason: 'x' })
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test("of a dead process gives DOWN with 'noproc'", () =>
    inProcess(function* () {
      const { pid, ref } = spawnMonitor(function* () {})
      yield* receive((message) => isDown(message, ref))
      const again = monitor(pid)
      expect(yield* receive()).toEqual({ type: 'DOWN', ref: again, pid, reason: 'noproc' })
    }))

  test('of oneself never fires', () =>
    inProcess(function* () {
      monitor(self())
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test('by name gives the name back', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      register('watched', watched)
      const ref = monitor('watched')
      exit(watched, 'x')
      expect(yield* receive()).toEqual({ type: 'DOWN', ref, pid: watched, name: 'watched', reason: 'x' })
      const missing = monitor('watched')
      expect(yield* receive()).toMatchObject({ type: 'DOWN', ref: missing, name: 'watched', reason: 'noproc' })
    }))

  test('is seen in processInfo on both sides', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      monitor(watched)
      monitor(watched)
      expect(processInfo(watched)?.monitoredBy).toEqual([self(), self()])
      expect(processInfo(self())?.monitors).toEqual([watched, watched])
    }))
})

describe('demonitor', () => {
  test('ends the monitor: no DOWN afterwards', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched)
      expect(demonitor(ref)).toBe(true)
      expect(demonitor(ref)).toBe(false)
      exit(watched, 'x')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test('with flush removes a DOWN already in the mailbox, and only that', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched)
      const other = monitor(watched)
      exit(watched, 'x')
      yield* receive((message) => isDown(message, other))
      expect(demonitor(ref, { flush: true })).toBe(false)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test('with flush removes a DOWN that a selective receive has put aside', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched)
      exit(watched, 'x')
      send(self<string>(), 'm')
      expect(yield* receive((message) => message === 'm')).toBe('m')
      expect(processInfo(self())?.messageQueueLength).toBe(1)
      demonitor(ref, { flush: true })
      expect(processInfo(self())?.messageQueueLength).toBe(0)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test('without flush leaves the DOWN that has arrived', () =>
    inProcess(function* () {
      const { ref } = spawnMonitor(function* () {})
      yield* receive((message) => isDown(message, ref), { timeout: 0 })
      send(self<string>(), 'm')
      yield
      expect(demonitor(makeRef())).toBe(false)
      const down = yield* receive((message): message is Down => isDown(message, ref))
      expect(down.reason).toBe('normal')
      expect(demonitor(ref)).toBe(false)
    }))

  test('of a reference of another process does nothing', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched)
      const me = self<boolean>()
      spawn(function* () {
        send(me, demonitor(ref))
      })
      expect(yield* receive()).toBe(false)
      exit(watched, 'x')
      expect(isDown(yield* receive(), ref)).toBe(true)
    }))
})

test('names are gone before any DOWN is seen', () =>
  inProcess(function* () {
    const { pid, ref } = spawnMonitor(sleeper)
    register('one', pid)
    register('two', pid)
    exit(pid, 'x')
    yield* receive((message) => isDown(message, ref))
    expect([whereis('one'), whereis('two'), registered()]).toEqual([undefined, undefined, []])
  }))
