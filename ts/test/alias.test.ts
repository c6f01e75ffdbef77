import { describe, expect, test } from 'vitest'
import {
  alias,
  type Coroutine,
  demonitor,
  exit,
  isDown,
  makeRef,
  monitor,
  receive,
  send,
  spawn,
  spawnMonitor,
  TIMEOUT,
  unalias,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

describe('alias', () => {
  test('takes messages for its process until unalias', () =>
    inProcess(function* () {
      const ref = alias()
      spawn(function* () {
        send(ref, 'one')
        send(ref, 'two')
      })
      expect([yield* receive(), yield* receive()]).toEqual(['one', 'two'])
      expect(unalias(ref)).toBe(true)
      expect(unalias(ref)).toBe(false)
      send(ref, 'three')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test("'reply' takes one message", () =>
    inProcess(function* () {
      const ref = alias('reply')
      send(ref, 'one')
      send(ref, 'two')
      expect(yield* receive()).toBe('one')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
      expect(unalias(ref)).toBe(false)
    }))

  test('a plain reference, a plain monitor and the alias of a dead process take none', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      send(makeRef(), 'x')
      send(monitor(watched), 'x')
      const { ref } = spawnMonitor(function* () {
        alias()
      })
      yield* receive((message) => isDown(message, ref))
      send(ref, 'x')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))
})

describe('monitor with alias', () => {
  test("'explicit' outlives the DOWN and demonitor", () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched, { alias: 'explicit' })
      send(ref, 'one')
      exit(watched, 'x')
      expect(yield* receive()).toBe('one')
      expect(isDown(yield* receive(), ref)).toBe(true)
      send(ref, 'two')
      expect(yield* receive()).toBe('two')
      demonitor(ref)
      send(ref, 'three')
      expect(yield* receive()).toBe('three')
      expect(unalias(ref)).toBe(true)
    }))

  test("'demonitor' ends with the DOWN", () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched, { alias: 'demonitor' })
      send(ref, 'one')
      exit(watched, 'x')
      expect(yield* receive()).toBe('one')
      expect(isDown(yield* receive(), ref)).toBe(true)
      send(ref, 'two')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test("'demonitor' ends with demonitor", () =>
    inProcess(function* () {
      const ref = monitor(spawn(sleeper), { alias: 'demonitor' })
      expect(demonitor(ref)).toBe(true)
      send(ref, 'x')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test("'reply' ends alias and monitor with the first message", () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched, { alias: 'reply' })
      send(ref, 'answer')
      send(ref, 'again')
      exit(watched, 'x')
      expect(yield* receive()).toBe('answer')
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
      expect(demonitor(ref)).toBe(false)
    }))

  test('unalias leaves the monitor', () =>
    inProcess(function* () {
      const watched = spawn(sleeper)
      const ref = monitor(watched, { alias: 'reply' })
      expect(unalias(ref)).toBe(true)
      send(ref, 'x')
      exit(watched, 'x')
      expect(isDown(yield* receive(), ref)).toBe(true)
    }))

  test('a late reply after the wait was given up never reaches the mailbox', () =>
    inProcess(function* () {
      const server = spawn(function* () {
        const ref = yield* receive<ReturnType<typeof alias>>()
        yield* receive()
        send(ref, 'late')
      })
      const ref = monitor(server, { alias: 'reply' })
      send(server, ref)
      expect(yield* receive({ timeout: 1 })).toBe(TIMEOUT)
      demonitor(ref, { flush: true })
      send(server, ref)
      const end = monitor(server)
      expect(isDown(yield* receive(), end)).toBe(true)
    }))

  test('an unknown mode is refused', () =>
    inProcess(function* () {
      expect(() => monitor(spawn(sleeper), { alias: 'often' as never })).toThrow(/often.*ERR_VIGA_BAD_ARGUMENT/)
    }))
})
