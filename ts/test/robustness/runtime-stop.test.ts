import { afterEach, expect, test } from 'vitest'
import {
  type Coroutine,
  ets,
  GenServer,
  genServer,
  hibernate,
  memory,
  ok,
  type Pid,
  processes,
  receive,
  register,
  Registry,
  registered,
  reply,
  Runtime,
  self,
  send,
  sendAfter,
  settled,
  spawn,
  Supervisor,
  systemInfo,
  Task,
  whereis,
} from '../../src/index.js'

let running: Runtime | undefined
const start = (options?: Parameters<typeof Runtime.start>[0]): Runtime => (running = Runtime.start(options))
afterEach(() => running?.stop())

const codeOf = (promise: PromiseLike<unknown>): PromiseLike<unknown> =>
  promise.then(
    () => 'fulfilled',
    (error: unknown) => (error as { code: unknown }).code,
  )
const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const silent = {
  init: () => ok(0),
  *handleCall(): Coroutine<never> {
    yield* receive((message) => message === 'never')
    throw new Error('unreachable')
  },
}

test('what waits outside any process is told of the stop, and does not wait for ever', async () => {
  const runtime = start()
  const server = await GenServer.start(silent, [])
  const waiting = {
    receive: codeOf(receive()),
    call: codeOf(GenServer.call(server, 1, { timeout: Infinity })),
    stop: codeOf(GenServer.stop(server)),
    start: codeOf(GenServer.start({ *init() { yield* receive(); return ok(1) } }, [])),
  }
  await macrotask()
  runtime.stop()
  for (const [what, code] of Object.entries(waiting)) expect([what, await code]).toEqual([what, 'ERR_VIGA_RUNTIME_STOPPED'])
  const next = start()
  const others = [codeOf(hibernate()), codeOf(GenServer.call(await GenServer.start(silent, []), 1))]
  next.stop()
  expect(await Promise.all(others)).toEqual(['ERR_VIGA_RUNTIME_STOPPED', 'ERR_VIGA_RUNTIME_STOPPED'])
  const third = start()
  const task = codeOf(Task.async(() => new Promise(() => undefined)).await())
  await macrotask()
  third.stop()
  expect(await task).toBe('ERR_VIGA_RUNTIME_STOPPED')
})

test('an AbortSignal that comes after the stop does nothing', async () => {
  const runtime = start()
  const server = await GenServer.start(silent, [])
  const abort = new AbortController()
  const { signal } = abort
  const fromRoot = [codeOf(receive({ signal })), codeOf(GenServer.call(server, 1, { signal }))]
  let up = 0
  const bodies = [
    function* (): Coroutine { up++; yield* receive({ signal }) },
    function* (): Coroutine { up++; yield* GenServer.call(server, 1, { signal }) },
    async () => { up++; await receive({ signal }) },
    async () => { up++; await GenServer.call(server, 1, { signal }) },
  ]
  for (const body of bodies) spawn(body as () => unknown)
  while (up < bodies.length) await macrotask()
  await macrotask()
  runtime.stop()
  abort.abort()
  expect(await Promise.all(fromRoot)).toEqual(['ERR_VIGA_RUNTIME_STOPPED', 'ERR_VIGA_RUNTIME_STOPPED'])
  start()
  await macrotask()
  expect(processes()).toHaveLength(1)
})

test.each(['outside', 'in a slice', 'in a promise job', 'in a timer of Node', 'in a getter of a message'])(
  'stopped %s, in the middle of everything, it leaves nothing behind and the next one works',
  async (where) => {
    for (let round = 0; round < 3; round++) {
      const runtime = start({ onCrash: () => undefined })
      const before = memory().blockBytes
      const table = ets.create<[number, string]>('rows', { access: 'public' })
      const registry = Registry.start<number, unknown>({ name: 'rooms', keys: 'duplicate' })
      const Echo = genServer({ init: () => 0, call: { echo: (n, x: number) => reply(x, n) } })
      const tree = await Supervisor.start([Echo.child({ name: 'echo' }), { id: 'w', start: () => spawn(chatter) }])
      function* chatter(): Coroutine {
        for (let n = 0; ; n++) {
          table.insert([n % 100, 'x'.repeat(n % 50)])
          sendAfter(n % 7, self(), n)
          yield* Echo.at('echo').call.echo(n)
          yield* receive({ timeout: 1 })
        }
      }
      for (let n = 0; n < 50; n++)
        spawn(n % 2 === 0 ? chatter : async () => {
          registry.register(n)
          for (;;) {
            await Echo.at('echo').call.echo(n)
            await receive({ timeout: 1 })
          }
        })
      spawn(function* () {
        yield* settled(new Promise(() => undefined))
      })
      register('root', self())
      for (let n = 0; n < 20; n++) await Echo.at('echo').call.echo(n)
      sendAfter(1, self(), 'late')
      const stopped = new Promise<void>((resolve) => {
        const stop = (): void => {
          runtime.stop()
          resolve()
        }
        if (where === 'outside') stop()
        else if (where === 'in a slice') spawn(function* () { yield; stop(); yield* receive() })
        else if (where === 'in a promise job') spawn(async () => { await undefined; stop(); await receive() })
        else if (where === 'in a timer of Node') setTimeout(stop, 2)
        else spawn(function* () { yield; send(self(), { get a() { stop(); return 1 } }); yield* receive() })
      })
      await stopped
      await macrotask()
      start()
      expect(processes()).toEqual([self()])
      expect(registered()).toEqual([])
      expect(systemInfo()).toMatchObject({
        processCount: 1, timerCount: 0, nameCount: 0, monitorCount: 0, linkCount: 0, messageCount: 0, tableCount: 0, registryEntryCount: 0,
      })
      expect(memory().blockBytes).toBe(before)
      expect([whereis('echo'), ets.whereis('rows')]).toEqual([undefined, undefined])
      expect(() => table.insert([1, 'x'])).toThrow('ERR_VIGA_BAD_TABLE')
      expect(() => registry.lookup(1)).toThrow('ERR_VIGA_NO_SUCH_REGISTRY')
      send(tree.pid as Pid<string>, 'to nobody')
      const me = self<string>()
      spawn(function* () { send(me, 'works') })
      expect(await receive()).toBe('works')
      running?.stop()
    }
  },
)
