import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  Agent,
  alias,
  type Coroutine,
  exit,
  GenServer,
  isDown,
  monitor,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  Runtime,
  self,
  send,
  sendAfter,
  spawn,
  Task,
  TIMEOUT,
  trace,
  type TraceContext,
} from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'

/** The n-th of some contexts. */
const context = (n: number): TraceContext => ({ traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${n.toString(16).padStart(16, '0')}-01` })
/** Which of them the running code is in. */
const current = (): number | undefined => {
  const found = trace.current()
  return found === undefined ? undefined : Number.parseInt(found.traceparent.slice(36, 52), 16)
}

describe('with tracing', () => {
  freshRuntime({ tracing: true })

  test('a run ends with its body, and with what the body awaits', async () => {
    expect(trace.enabled).toBe(true)
    expect(trace.current()).toBeUndefined()
    const given = { ...context(1), tracestate: 'vendor=a', further: 'left out' }
    const found = trace.run(given, () => [trace.current(), trace.run(context(2), current), current()])
    expect(found).toEqual([{ ...context(1), tracestate: 'vendor=a' }, 2, 1])
    const flows = [1, 2, 3].map((n) =>
      trace.run(context(n), async () => {
        await delay(n)
        return current()
      }),
    )
    expect(await Promise.all(flows)).toEqual([1, 2, 3])
    expect(trace.current()).toBeUndefined()
  })

  test('generator, async and callback bodies are in the context of the message they took last', async () => {
    const me = self<unknown>()
    const generator = spawn(function* () {
      for (;;) {
        yield* receive()
        send(me, ['generator', current()])
      }
    })
    const async = spawn(async () => {
      for (;;) {
        await receive()
        await delay(1)
        send(me, ['async', current()])
      }
    })
    const callback = spawn({ message: () => send(me, ['callback', current()]) })
    for (const [pid, kind] of [[generator, 'generator'], [async, 'async'], [callback, 'callback']] as const) {
      for (const n of [1, undefined, 2, 3]) {
        if (n === undefined) send(pid as Pid<unknown>, 'go')
        else trace.run(context(n), () => send(pid as Pid<unknown>, 'go'))
      }
      for (const n of [1, undefined, 2, 3]) {
        expect(await receive()).toEqual([kind, n])
        expect(current()).toBeUndefined()
      }
    }
  })

  test('calls, casts, aliases, timers and spawns carry it, and what is done because of them does', async () => {
    const me = self<unknown>()
    const second = await GenServer.start({ init: () => ok(0), handleCall: (_request, _from, n) => reply(current(), n) }, [])
    const first = await GenServer.start(
      {
        init: () => ok(0),
        handleCall: function* (_request: unknown, _from, n: number) {
          const inner = yield* GenServer.call(second, 'which')
          return reply([current(), inner], n)
        },
        handleCast: async (request: unknown, n: number) => {
          const inner = await GenServer.call(second, 'which')
          send(me, [request, current(), inner])
          return noReply(n, 1)
        },
        handleInfo: (message: unknown, n: number) => {
          send(me, [message === TIMEOUT ? 'timeout' : message, current()])
          return noReply(n)
        },
      },
      [],
    )
    expect(await GenServer.call(first, 'which')).toEqual([undefined, undefined])
    expect(await trace.run(context(1), () => GenServer.call(first, 'which'))).toEqual([1, 1])
    trace.run(context(2), () => GenServer.cast(first, 'cast'))
    expect(await receive()).toEqual(['cast', 2, 2])
    expect(await receive()).toEqual(['timeout', 2])
    trace.run(context(3), () => sendAfter(1, first, 'timer' as never))
    expect(await receive()).toEqual(['timer', 3])
    spawn(function* () {
      const address = alias()
      trace.run(context(4), () => send(address, 'by alias'))
      send(me, [yield* receive(), current()])
    })
    expect(await receive()).toEqual(['by alias', 4])
    const child = trace.run(context(5), () =>
      spawn(function* (): Coroutine<void> {
        send(me, ['spawned', current()])
        spawn(async () => send(me, ['grandchild', current()]))
        yield* receive()
        send(me, ['after a message', current()])
      }),
    )
    expect(await receive()).toEqual(['spawned', 5])
    expect(await receive()).toEqual(['grandchild', 5])
    send(child as Pid<unknown>, 'go')
    expect(await receive()).toEqual(['after a message', undefined])
  })

  test('tasks and agents are in the context of their caller', async () => {
    expect(await trace.run(context(1), () => Task.async(async () => current()).await())).toBe(1)
    const agent = await Agent.start(() => 0)
    expect(await trace.run(context(2), () => agent.get(() => current() ?? 0))).toBe(2)
    expect(await agent.get(() => current() ?? 0)).toBe(0)
  })

  test('a message that a selective receive passes over keeps its own', async () => {
    const me = self<unknown>()
    const body = function* (): Coroutine<void> {
      const found: unknown[] = []
      for (const wanted of ['a', 'c', 'never', 'b']) {
        const message = yield* receive((taken) => taken === wanted, wanted === 'never' ? { timeout: 1 } : {})
        found.push([message === TIMEOUT ? 'timeout' : message, current()])
      }
      found.push([yield* receive(), current()])
      send(me, found)
    }
    const pid = spawn(body)
    for (const [name, n] of [['a', 1], ['b', 2], ['c', 3], ['d', 4]] as const) trace.run(context(n), () => send(pid as Pid<unknown>, name))
    expect(await receive()).toEqual([['a', 1], ['c', 3], ['timeout', 3], ['b', 2], ['d', 4]])
  })

  test('operations and generators that a run gives are performed in it', async () => {
    const me = self<unknown>()
    const server = await GenServer.start({ init: () => ok(0), handleCall: (_request, _from, n) => reply(current(), n) }, [])
    const call = trace.run(context(1), () => GenServer.call(server, 'which'))
    expect(await call).toBe(1)
    spawn(function* () {
      const found: unknown[] = [yield* trace.run(context(2), () => GenServer.call(server, 'which'))]
      found.push(
        yield* trace.run(context(3), function* () {
          const inner = yield* GenServer.call(server, 'which')
          return [inner, current()]
        }),
      )
      found.push(current())
      send(me, found)
    })
    expect(await receive()).toEqual([2, [3, 3], undefined])
  })

  test('an end comes without one', async () => {
    const me = self<unknown>()
    const watcher = spawn(function* () {
      const pid = spawn(function* () {
        yield* receive()
        exit('stop')
      })
      const ref = monitor(pid)
      yield* receive()
      send(me, current())
      send(pid as Pid<unknown>, 'go')
      yield* receive((message) => isDown(message, ref))
      send(me, current())
    })
    trace.run(context(1), () => send(watcher as Pid<unknown>, 'go'))
    expect(await receive()).toBe(1)
    expect(await receive()).toBeUndefined()
  })

  test('nothing of it is left in another storage, nor in the messages', async () => {
    const storage = new AsyncLocalStorage<string>()
    const me = self<unknown>()
    const pid = spawn<unknown>({ message: (message: unknown) => send(me, [message, storage.getStore()]) })
    const message = { deep: [1, { two: 2 }] }
    storage.run('own', () => trace.run(context(1), () => send(pid, message)))
    expect(await receive()).toEqual([message, undefined])
  })

  test('begins again with each runtime', () => {
    const runtime = Runtime.current as Runtime
    runtime.stop()
    Runtime.start()
    expect(trace.enabled).toBe(false)
    trace.enable()
    expect(trace.enabled).toBe(true)
    expect(trace.run(context(1), current)).toBe(1)
    Runtime.current?.stop()
  })
})

describe('without tracing', () => {
  freshRuntime()

  test('a run just runs, and nothing is carried until tracing is turned on', async () => {
    const me = self<unknown>()
    const pid = spawn<unknown>({ message: () => send(me, [current()]) })
    expect(trace.enabled).toBe(false)
    trace.run(context(1), () => {
      expect(trace.current()).toBeUndefined()
      send(pid, 'go')
    })
    expect(await receive()).toEqual([undefined])
    trace.run(context(1), () => send(pid, 'go'))
    trace.enable()
    trace.enable()
    trace.run(context(2), () => send(pid, 'go'))
    expect(await receive()).toEqual([undefined])
    expect(await receive()).toEqual([2])
  })
})

describe('headers', () => {
  freshRuntime()
  const run = (traceparent: unknown, tracestate?: unknown): unknown =>
    trace.run({ traceparent, ...(tracestate === undefined ? {} : { tracestate }) } as TraceContext, () => 'ran')
  const valid = context(1).traceparent

  test.each([
    [valid],
    [valid.replace('-01', '-00')],
    [valid.replace(/^00/, '01')],
    [`${valid.replace(/^00/, 'cc')}-what-comes-later`],
    [valid, ''],
    [valid, 'a=1'],
    [valid, 'rojo=00f067aa0ba902b7, congo=t61rcWkgMzE ,\t'],
    [valid, 'tenant@system=a b:c;d', 'x_y-z*/1=~'],
    [valid, Array.from({ length: 32 }, (_, n) => `k${n}=v`).join(',')],
    [valid, `a=${'v'.repeat(256)}`],
  ])('%j %j are allowed', (...headers) => {
    expect(run(...(headers as [string]))).toBe('ran')
  })

  test.each([
    undefined,
    7,
    '',
    valid.toUpperCase(),
    valid.slice(1),
    `${valid}0`,
    `${valid}-more`,
    ` ${valid}`,
    `${valid}\n`,
    valid.replace(/^00/, 'ff'),
    valid.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    valid.replace('0000000000000001', '0'.repeat(16)),
    valid.replace('-01', '-0g'),
    valid.replaceAll('-', '_'),
  ])('traceparent %j is refused', (traceparent) => {
    expect(() => run(traceparent)).toThrow(/^trace\.run: traceparent is .* digits is allowed \(ERR_VIGA_BAD_ARGUMENT\)$/s)
  })

  test.each([
    7,
    'a',
    'a=',
    '=1',
    'A=1',
    'a=1=2',
    'a=1,a=2',
    'a=é',
    'a b=1',
    `a=${'v'.repeat(257)}`,
    `${'k'.repeat(257)}=1`,
    Array.from({ length: 33 }, (_, n) => `k${n}=v`).join(','),
  ])('tracestate %j is refused', (tracestate) => {
    expect(() => run(valid, tracestate)).toThrow(/^trace\.run: tracestate is .*ERR_VIGA_BAD_ARGUMENT/)
  })

  test('no context at all is refused', () => {
    expect(() => trace.run(undefined as never, () => 1)).toThrow(/trace\.run: the context is undefined/)
  })
})
