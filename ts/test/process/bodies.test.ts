import { describe, expect, test } from 'vitest'
import {
  type Coroutine,
  exit,
  Exit,
  giveWay,
  isDown,
  monitor,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnWith,
  trapExit,
  unlink,
} from '../../src/index.js'
import { freshRuntime, inProcess } from '../fresh-runtime.js'

const reports = freshRuntime()

/** The exit reason of a process with this body. */
async function reasonFor(body: () => unknown): Promise<unknown> {
  const { ref } = spawnMonitor(body)
  const down = await receive((message) => isDown(message, ref))
  return (down as { reason: unknown }).reason
}

describe.each([
  ['generator', (step: () => unknown) => function* (): Coroutine<void> { step() }],
  ['async', (step: () => unknown) => async () => { step() }],
  ['async, after an await', (step: () => unknown) => async () => { await null; step() }],
  ['plain', (step: () => unknown) => () => { step() }],
])('a body that is %s', (_kind, bodyThat) => {
  test("ends with 'normal' when it returns", async () => {
    expect(await reasonFor(bodyThat(() => 1))).toBe('normal')
    expect(reports).toEqual([])
  })

  test('ends with {error, stack} when it throws, reported once', async () => {
    const reason = await reasonFor(bodyThat(() => { throw new TypeError('odd') }))
    expect(reason).toMatchObject({ error: { name: 'TypeError', message: 'odd' } })
    expect((reason as { stack: string }).stack).toContain('bodies.test')
    expect(reports).toHaveLength(1)
    expect(reports[0]).toMatchObject({ ancestors: [self()], names: [] })
  })

  test('ends with the reason of exit(reason)', async () => {
    expect(await reasonFor(bodyThat(() => exit(['why', { n: 1 }])))).toEqual(['why', { n: 1 }])
    expect(await reasonFor(bodyThat(() => exit('shutdown')))).toBe('shutdown')
  })

  test('ends with the reason of exit(self(), reason)', async () => {
    expect(await reasonFor(bodyThat(() => exit(self(), 'why')))).toBe('why')
    expect(await reasonFor(bodyThat(() => exit(self(), 'kill')))).toBe('killed')
  })

  test('lives on when it catches its exit', async () => {
    const outcome = await reasonFor(
      bodyThat(() => {
        try {
          exit('first')
        } catch (thrown) {
          if (!(thrown instanceof Exit)) throw thrown
          exit([thrown.reason, 'second'])
        }
      }),
    )
    expect(outcome).toEqual(['first', 'second'])
  })

  test('may throw what is no term and no error', async () => {
    const reason = await reasonFor(bodyThat(() => { throw () => 1 }))
    expect(reason).toHaveProperty('error')
  })
})

describe('generator bodies', () => {
  test('that yield nonsense end with ERR_VIGA_WRONG_BODY', async () => {
    for (const nonsense of ['text', {}, 99, null]) {
      const reason = await reasonFor(function* (): Generator<never, void> {
        yield nonsense as never
      })
      expect(reason).toMatchObject({ error: { code: 'ERR_VIGA_WRONG_BODY' } })
    }
  })

  test('give way with a bare yield and with giveWay()', () =>
    inProcess(function* () {
      const me = self<string>()
      const talker = (name: string) =>
        function* (): Coroutine<void> {
          for (let n = 0; n < 3; n++) {
            send(me, name)
            if (n % 2 === 0) yield
            else yield* giveWay()
          }
        }
      spawn(talker('a'))
      spawn(talker('b'))
      const order: unknown[] = []
      for (let n = 0; n < 6; n++) order.push(yield* receive())
      expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
    }))

  test('get their arguments by reference', () =>
    inProcess(function* () {
      const shared = { open: true }
      const { ref } = spawnMonitor(function* (socket: typeof shared): Coroutine<void> {
        socket.open = false
      }, shared)
      yield* receive((message) => isDown(message, ref))
      expect(shared.open).toBe(false)
    }))
})

describe('exit', () => {
  test('inside a pattern of receive ends the process', async () => {
    const { pid, ref } = spawnMonitor(function* () {
      yield* receive(() => exit('in the pattern'))
    })
    send(pid, 1 as never)
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'in the pattern' })
  })

  test('inside a pattern that is awaited rejects the receive', async () => {
    const { pid, ref } = spawnMonitor(async () => {
      await receive(() => exit('in the pattern'))
    })
    send(pid, 1 as never)
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'in the pattern' })
  })

  test('outside any process throws and ends nothing', () => {
    expect(() => exit('why')).toThrow(Exit)
    expect(self().index).toBe(0)
  })

  test('inside a function called by another process ends the caller', async () => {
    const quit = (): never => exit('from afar')
    const { ref } = spawnMonitor(() => quit())
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'from afar' })
  })
})

describe('callback bodies', () => {
  test('are called for each message with the state', () =>
    inProcess(function* () {
      const me = self<number>()
      const sum = spawn({
        init: () => 10,
        message: (n: number, state: number) => {
          send(me, state + n)
          return state + n
        },
      })
      send(sum, 1)
      send(sum, 2)
      expect([yield* receive(), yield* receive()]).toEqual([11, 13])
    }))

  test('end by throwing, in init too', async () => {
    const { pid, ref } = spawnMonitor({ message: () => exit('enough') })
    send(pid as never, 1 as never)
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'enough' })
    const second = spawnMonitor({
      init: () => {
        throw new Error('no start')
      },
      message: () => 0,
    })
    expect(await receive((message) => isDown(message, second.ref))).toMatchObject({
      reason: { error: { message: 'no start' } },
    })
  })

  test('share the scheduler: a busy one does not keep others out', () =>
    inProcess(function* () {
      const me = self<string>()
      const busy = spawn({
        message: (n: number, state: number | undefined) => {
          if (n === 20_000) send(me, 'busy is through')
          return state
        },
      })
      for (let n = 1; n <= 20_000; n++) send(busy, n)
      spawn(function* () {
        send(me, 'the other ran')
      })
      expect(yield* receive()).toBe('the other ran')
      expect(yield* receive()).toBe('busy is through')
    }))
})

describe('async bodies', () => {
  test('know who they are after every await', async () => {
    const me = self<unknown>()
    const pid = spawn(async () => {
      const first = self()
      await new Promise<void>((resolve) => setImmediate(resolve))
      const second = self()
      await Promise.resolve()
      send(me, [first, second, self()])
    })
    expect(await receive()).toEqual([pid, pid, pid])
  })

  test('that were killed may not act any more', async () => {
    let release: () => void = () => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    const errors: unknown[] = []
    const me = self<string>()
    const { pid, ref } = spawnMonitor(async () => {
      send(me, 'ready')
      await gate
      for (const act of [() => monitor(pid), () => trapExit(true), () => spawn(function* () {}), () => unlink(pid)])
        try {
          act()
        } catch (error) {
          errors.push((error as { code: unknown }).code)
        }
      await receive().then(undefined, (error: { code: unknown }) => errors.push(error.code))
    })
    expect(await receive()).toBe('ready')
    exit(pid, 'kill')
    await receive((message) => isDown(message, ref))
    release()
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(errors).toEqual(Array(5).fill('ERR_VIGA_PROCESS_ENDED'))
  })

  test('that wait for a promise of their own hold no one up', async () => {
    const me = self<string>()
    spawn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      send(me, 'slow')
    })
    spawn(async () => send(me, 'quick'))
    expect([await receive(), await receive()]).toEqual(['quick', 'slow'])
  })

  test('a rejection nobody waits for ends the process, not Node', async () => {
    expect(await reasonFor(() => Promise.reject(new Error('rejected')))).toMatchObject({ error: { message: 'rejected' } })
  })
})

test("Node's event loop has its turn while processes are busy", async () => {
  const echo = spawn(function* () {
    for (;;) {
      const from = yield* receive<Pid<number>>()
      send(from, 1)
    }
  })
  const busy = spawn(function* () {
    for (;;) {
      send(echo, self<number>())
      yield* receive()
    }
  })
  await new Promise<void>((resolve) => setTimeout(resolve, 5))
  await new Promise<void>((resolve) => setImmediate(resolve))
  const reductions = processInfo(busy)?.reductions ?? 0
  await new Promise<void>((resolve) => setTimeout(resolve, 5))
  expect(processInfo(busy)?.reductions).toBeGreaterThan(reductions)
})

describe('priorities', () => {
  const run = function* (priorities: readonly ('max' | 'high' | 'normal' | 'low')[], rounds: number): Coroutine<string[]> {
    const me = self<string>()
    for (const priority of priorities)
      spawnWith({ priority }, function* () {
        for (let n = 0; n < rounds; n++) {
          send(me, priority)
          yield
        }
      })
    const order: string[] = []
    for (let n = 0; n < priorities.length * rounds; n++) order.push((yield* receive<string>()) as string)
    return order
  }

  test('max and high go first', () =>
    inProcess(function* () {
      const order = yield* run(['low', 'high', 'max'], 5)
      expect(order.slice(0, 10)).toEqual([...Array(5).fill('max'), ...Array(5).fill('high')])
    }))

  test('low is late but not left out', () =>
    inProcess(function* () {
      const order = yield* run(['low', 'normal', 'normal'], 50)
      const firstLow = order.indexOf('low')
      expect(firstLow).toBeGreaterThan(0)
      expect(order.slice(0, 100)).toContain('low')
      expect(order.slice(0, 100).filter((name) => name === 'low').length).toBeLessThan(20)
    }))

  test('an unknown one is refused', () => {
    expect(() => spawnWith({ priority: 'urgent' as never }, function* () {})).toThrow(/urgent.*ERR_VIGA_BAD_ARGUMENT/)
  })
})

describe('spawn', () => {
  test('refuses what is no body', () => {
    for (const body of [null, 5, 'text', {}, { message: 1 }])
      expect(() => spawn(body as never)).toThrow(/spawn: the body is.*ERR_VIGA_BAD_ARGUMENT/)
  })

  test('links before the child runs', () =>
    inProcess(function* () {
      trapExit(true)
      const child = spawnLink(function* () {
        exit('at once')
      })
      expect(yield* receive()).toEqual({ type: 'EXIT', from: child, reason: 'at once' })
    }))

  test('never gives a pid again', () =>
    inProcess(function* () {
      const seen = new Set<string>()
      for (let n = 0; n < 5_000; n++) {
        const { pid, ref } = spawnMonitor(function* () {})
        seen.add(String(pid))
        yield* receive((message) => isDown(message, ref))
      }
      expect(seen.size).toBe(5_000)
    }))
})
