import { describe, expect, test } from 'vitest'
import {
  type Coroutine,
  type Down,
  exit,
  type ExitMessage,
  isAlive,
  isDown,
  isExit,
  link,
  monitor,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  TIMEOUT,
  trapExit,
  unlink,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

const reports = freshRuntime()

/** Waits for ever. */
function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

function* reasonOf(pid: Pid): Coroutine<unknown> {
  const ref = monitor(pid)
  const down = yield* receive((message): message is Down => isDown(message, ref))
  return down.reason
}

describe('order', () => {
  test('messages from one process to another arrive in the order sent', () =>
    inProcess(function* () {
      const me = self()
      spawn(function* () {
        for (let n = 0; n < 10_000; n++) send(me, n as never)
      })
      for (let n = 0; n < 10_000; n++) expect(yield* receive()).toBe(n)
    }))

  test('an exit signal does not overtake messages', () =>
    inProcess(function* () {
      const me = self<string>()
      const victim = spawn(function* () {
        trapExit(true)
        send(me, 'ready')
        for (;;) {
          const message = yield* receive<unknown>()
          send(me, (isExit(message) ? 'exit' : message) as string)
        }
      })
      expect(yield* receive()).toBe('ready')
      send(victim, 1 as never)
      exit(victim, 'stop')
      send(victim, 2 as never)
      expect([yield* receive(), yield* receive(), yield* receive()]).toEqual([1, 'exit', 2])
    }))

  test('the last message of a process is there before its DOWN and EXIT', () =>
    inProcess(function* () {
      trapExit(true)
      const me = self<string>()
      const child = spawnLink(function* () {
        yield* receive()
        send(me, 'last words')
      })
      monitor(child)
      send(child, 'go')
      expect(yield* receive()).toBe('last words')
      expect(isExit(yield* receive(), child)).toBe(true)
      expect(isDown(yield* receive())).toBe(true)
    }))
})

describe('send', () => {
  test('to a dead or unknown pid goes nowhere', () =>
    inProcess(function* () {
      const { pid, ref } = spawnMonitor(function* () {})
      yield* receive((message) => isDown(message, ref))
      send(pid, 'late' as never)
      expect(isAlive(pid)).toBe(false)
    }))

  test('to a name nobody has is an error', () =>
    inProcess(function* () {
      expect(() => send('nobody', 1)).toThrow(/"nobody".*ERR_VIGA_NO_SUCH_NAME/)
    }))

  test('of what is no term is an error that names the path, and sends nothing', () =>
    inProcess(function* () {
      const target = spawn(sleeper)
      expect(() => send(target, { list: [1, () => 2] } as never)).toThrow(/message\.list\[1\].*ERR_VIGA_NOT_A_TERM/)
      expect(processInfo(target)?.messageQueueLength).toBe(0)
    }))

  test('copies: what the sender changes later stays its own', () =>
    inProcess(function* () {
      const message = { list: [1] }
      send(self<typeof message>(), message)
      message.list.push(2)
      expect(yield* receive()).toEqual({ list: [1] })
    }))
})

describe('exit(pid, reason)', () => {
  test("'normal' to another process that does not trap is ignored", () =>
    inProcess(function* () {
      const target = spawn(sleeper)
      exit(target, 'normal')
      expect(isAlive(target)).toBe(true)
    }))

  test("'normal' to another process that traps is a message", () =>
    inProcess(function* () {
      const me = self<unknown>()
      const target = spawn(function* () {
        trapExit(true)
        send(me, 'ready')
        send(me, yield* receive())
      })
      yield* receive()
      exit(target, 'normal')
      expect(yield* receive()).toEqual({ type: 'EXIT', from: me, reason: 'normal' })
    }))

  test("'normal' to oneself exits", async () => {
    const { ref } = spawnMonitor(function* () {
      exit(self(), 'normal')
      yield* receive()
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'normal' })
  })

  test('to oneself while trapping is a message, in order with own messages', () =>
    inProcess(function* () {
      trapExit(true)
      const me = self<string>()
      send(me, 'before')
      exit(me, 'why')
      send(me, 'after')
      expect(yield* receive()).toBe('before')
      expect(yield* receive()).toEqual({ type: 'EXIT', from: me, reason: 'why' })
      expect(yield* receive()).toBe('after')
    }))

  test('ends a process that does not trap, with the reason', () =>
    inProcess(function* () {
      const target = spawn(sleeper)
      exit(target, ['no', 'use'])
      expect(isAlive(target)).toBe(false)
      const linked = spawnMonitor(sleeper)
      exit(linked.pid, ['no', 'use'])
      expect(((yield* receive()) as Down).reason).toEqual(['no', 'use'])
    }))

  test("'kill' cannot be trapped; links and monitors see 'killed'", () =>
    inProcess(function* () {
      trapExit(true)
      const me = self<string>()
      const target = spawnLink(function* () {
        trapExit(true)
        send(me, 'ready')
        yield* sleeper()
      })
      const ref = monitor(target)
      expect(yield* receive()).toBe('ready')
      exit(target, 'kill')
      expect(yield* receive()).toEqual({ type: 'EXIT', from: target, reason: 'killed' })
      expect(yield* receive()).toEqual({ type: 'DOWN', ref, pid: target, reason: 'killed' })
    }))

  test("a link signal whose reason is 'kill' can be trapped", () =>
    inProcess(function* () {
      trapExit(true)
      const target = spawnLink(function* () {
        exit('kill')
      })
      expect(yield* receive()).toEqual({ type: 'EXIT', from: target, reason: 'kill' })
    }))

  test("exit(self(), 'kill') ends the process even where it catches", async () => {
    const { ref } = spawnMonitor(function* () {
      trapExit(true)
      try {
        exit(self(), 'kill')
      } catch {
        // Whatever is done here, the signal stands.
      }
      yield* receive()
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'killed' })
  })

  test('a process that was never run can be killed', () =>
    inProcess(function* () {
      let ran = false
      const target = spawn(function* () {
        ran = true
      })
      exit(target, 'kill')
      expect(isAlive(target)).toBe(false)
      expect(yield* receive(() => true, { timeout: 5 })).toBe(TIMEOUT)
      expect(ran).toBe(false)
    }))

  test('the reason each receiver gets is its own', () =>
    inProcess(function* () {
      trapExit(true)
      const target = spawnLink(sleeper)
      monitor(target)
      exit(target, { list: [1] })
      const first = (yield* receive<ExitMessage>()).reason as { list: number[] }
      const second = (yield* receive<Down>()).reason as { list: number[] }
      first.list.push(2)
      expect(second).toEqual({ list: [1] })
    }))

  test('of something that is no term is refused at the sender', () =>
    inProcess(function* () {
      const target = spawn(sleeper)
      expect(() => exit(target, () => 1)).toThrow(/ERR_VIGA_NOT_A_TERM/)
      expect(isAlive(target)).toBe(true)
    }))
})

describe('trapExit', () => {
  test('gives the old value', () =>
    inProcess(function* () {
      expect([trapExit(true), trapExit(true), trapExit(false), trapExit(false)]).toEqual([false, true, true, false])
    }))

  test("turns exit signals into messages, 'normal' included", () =>
    inProcess(function* () {
      trapExit(true)
      const child = spawnLink(function* () {})
      expect(yield* receive()).toEqual({ type: 'EXIT', from: child, reason: 'normal' })
    }))

  test('without it, the end of a linked process ends this one too, but for normal', async () => {
    const { pid, ref } = spawnMonitor(function* () {
      const fine = spawnLink(function* () {})
      yield* reasonOf(fine)
      spawnLink(function* () {
        exit('broken')
      })
      yield* receive()
    })
    expect(await receive((message) => isDown(message, ref))).toEqual({ type: 'DOWN', ref, pid, reason: 'broken' })
  })
})

describe('links', () => {
  test('work both ways', () =>
    inProcess(function* () {
      const one = spawn(sleeper)
      const two = spawn(function* () {
        link(one)
        yield* sleeper()
      })
      while ((processInfo(one)?.links.length ?? 0) === 0) yield
      exit(one, 'over')
      expect(isAlive(two)).toBe(false)
    }))

  test('are idempotent: one EXIT however often linked', () =>
    inProcess(function* () {
      trapExit(true)
      const target = spawn(sleeper)
      link(target)
      link(target)
      expect(processInfo(target)?.links).toHaveLength(1)
      exit(target, 'x')
      expect(isExit(yield* receive(), target)).toBe(true)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test("to a dead process deliver 'noproc'", async () => {
    await inProcess(function* () {
      const dead = spawn(function* () {})
      yield* reasonOf(dead)
      trapExit(true)
      link(dead)
      expect(yield* receive()).toEqual({ type: 'EXIT', from: dead, reason: 'noproc' })
      const me = self<unknown>()
      const { ref } = spawnMonitor(function* () {
        link(dead)
        yield* receive()
        send(me, 'got past')
      })
      expect(yield* receive()).toMatchObject({ ref, reason: 'noproc' })
    })
  })

  test('to oneself do nothing', () =>
    inProcess(function* () {
      link(self())
      expect(processInfo(self())?.links).toEqual([])
    }))

  test('once removed, deliver nothing', () =>
    inProcess(function* () {
      const target = spawnLink(sleeper)
      unlink(target)
      exit(target, 'x')
      trapExit(true)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test('removed right after the other end was killed, deliver nothing either', () =>
    inProcess(function* () {
      trapExit(true)
      const target = spawnLink(sleeper)
      exit(target, 'x')
      unlink(target)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
      const dead = target
      link(dead)
      unlink(dead)
      expect(yield* receive({ timeout: 0 })).toBe(TIMEOUT)
    }))

  test('of a killed running process take effect when its slice ends, not in the middle of it', async () => {
    let reached = false
    const { ref } = spawnMonitor(function* () {
      const target = spawnLink(sleeper)
      exit(target, 'x')
      reached = true
      yield* receive()
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'x' })
    expect(reached).toBe(true)
  })

  test('100,000 of one process all break, and a chain of 100,000 falls', { timeout: 60_000 }, () =>
    inProcess(function* () {
      trapExit(true)
      const hub = spawn(sleeper)
      for (let n = 0; n < 100_000; n++)
        spawn(function* () {
          link(hub)
          yield* sleeper()
        })
      while ((processInfo(hub)?.links.length ?? 0) < 100_000) yield
      link(hub)
      exit(hub, 'boom')
      expect(yield* receive((message) => isExit(message, hub))).toMatchObject({ reason: 'boom' })

      const me = self<string>()
      const grow = function* (left: number): Coroutine<void> {
        if (left === 0) send(me, 'built')
        else spawnLink(grow, left - 1)
        yield* sleeper()
      }
      const head = spawn(grow, 100_000)
      yield* receive((message) => message === 'built')
      exit(head, 'kill')
      expect(yield* reasonOf(head)).toBe('noproc')
      expect(reports).toEqual([])
    }))
})
