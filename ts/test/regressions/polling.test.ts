/** Loops of what completes without waiting leave their slice when its reductions are spent. */
import { describe, expect, test } from 'vitest'
import {
  alias,
  cancelTimer,
  demonitor,
  ets,
  exit,
  genServer,
  hibernate,
  monitor,
  noReply,
  ok,
  processInfo,
  receive,
  Registry,
  registered,
  reply,
  self,
  send,
  sendAfter,
  spawn,
  spawnMonitor,
  Task,
  TIMEOUT,
  unalias,
  whereis,
  isAlive,
  isDown,
  processes,
  type Pid,
  type Table,
} from '../../src/index.js'
import { freshRuntime, inProcess } from '../fresh-runtime.js'

freshRuntime()

/** True once another process, started here, has run. */
function other(): () => boolean {
  let ran = false
  spawn(() => {
    ran = true
  })
  return () => ran
}

/** Turns that fewer than three slices have. */
const SLICES = 12_000

/** Most turns of a loop that gives way some time. */
const MANY = 100_000

test.each([
  ['polls', function* () { yield* receive({ timeout: 0 }) }],
  ['polls for a match', function* () { yield* receive(() => false, { timeout: 0 }) }],
  ['sends to itself and receives', function* () { send(self<number>(), 1); yield* receive() }],
])('a generator that %s lets others run', (_, step) =>
  inProcess(function* () {
    const hasRun = other()
    let turns = 0
    while (!hasRun() && turns < MANY) {
      turns++
      yield* step()
    }
    expect(turns).toBeLessThan(SLICES)
  }))

test('a generator that takes what it passed over lets others run', () =>
  inProcess(function* () {
    const me = self<number>()
    for (let n = 0; n < 20_000; n++) send(me, n)
    yield* receive((message) => message === 19_999)
    yield* receive({ timeout: 0 })
    const hasRun = other()
    let turns = 0
    while (!hasRun() && turns < 19_000) {
      turns++
      yield* receive()
    }
    expect(turns).toBeLessThan(SLICES)
  }))

test('a generator that hibernates with messages passed over lets others run', () =>
  inProcess(function* () {
    send(self<string>(), 'one')
    send(self<string>(), 'two')
    yield* receive((message) => message === 'two')
    const hasRun = other()
    let turns = 0
    while (!hasRun() && turns < MANY) {
      turns++
      yield* hibernate()
    }
    expect(turns).toBeLessThan(SLICES)
  }))

interface Scratch {
  readonly table: Table<[number, number]>
  readonly registry: Registry
}

test.each<[string, (given: Scratch) => void]>([
  ['whereis', () => whereis('nobody')],
  ['registered', () => registered()],
  ['isAlive', () => isAlive(self())],
  ['processInfo', () => processInfo(self())],
  ['processes', () => processes()],
  ['Registry.whereis', ({ registry }) => registry.whereis('nobody')],
  ['Registry.lookup', ({ registry }) => registry.lookup('nobody')],
  ['ets insert', ({ table }) => table.insert([1, 1])],
  ['ets lookup', ({ table }) => table.lookup(1)],
  ['ets.whereis', () => ets.whereis('nothing')],
  ['monitor and demonitor', () => demonitor(monitor(self()))],
  ['alias and unalias', () => unalias(alias())],
  ['sendAfter and cancelTimer', () => cancelTimer(sendAfter(1_000, self<number>(), 1))],
  ['send', () => send(self(), 1 as never)],
])('%s is charged', (_, act) =>
  inProcess(function* () {
    using registry = Registry.start({ name: 'polling' })
    const given: Scratch = { table: ets.create<[number, number]>(), registry }
    yield* receive({ timeout: 1 })
    const before = processInfo(self())?.reductions as number
    for (let n = 0; n < 500; n++) act(given)
    yield* receive({ timeout: 1 })
    expect((processInfo(self())?.reductions as number) - before).toBeGreaterThanOrEqual(500)
    given.table.drop()
  }))

describe('an async body', () => {
  test('that polls lets others run, and Node', async () => {
    let ran = false
    let turns = 0
    const { ref } = spawnMonitor(async () => {
      const hasRun = (): boolean => ran
      setImmediate(() => {
        ran = true
      })
      while (!hasRun() && turns < MANY) {
        turns++
        expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
      }
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'normal' })
    expect(turns).toBeLessThan(MANY)
  })

  test('that sends to itself and receives lets others run', async () => {
    let turns = 0
    const { ref } = spawnMonitor(async () => {
      const hasRun = other()
      while (!hasRun() && turns < MANY) {
        send(self<number>(), turns++)
        expect(await receive()).toBe(turns - 1)
      }
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'normal' })
    expect(turns).toBeLessThan(SLICES)
  })

  test('may poll for what only comes when it lets others run', async () => {
    const { ref } = spawnMonitor(async () => {
      const me = self<string>()
      spawn(() => send(me, 'there'))
      let turns = 0
      let got: unknown = TIMEOUT
      while (got === TIMEOUT && turns++ < MANY) got = await receive({ timeout: 0 })
      expect(got).toBe('there')
      expect(await receive({ timeout: 5 })).toBe(TIMEOUT)
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'normal' })
  })

  test('waits in time for what it receives after many that were there', async () => {
    const { ref } = spawnMonitor(async () => {
      const me = self<number>()
      for (let n = 0; n < 10_000; n++) send(me, n)
      for (let n = 0; n < 10_000; n++) expect(await receive({ timeout: 1_000 })).toBe(n)
      expect(await receive({ timeout: 10 })).toBe(TIMEOUT)
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'normal' })
  })
})

test('code outside any process may poll', async () => {
  const me = self<string>()
  spawn(function* () {
    send(me, 'there')
  })
  let turns = 0
  let got: unknown = TIMEOUT
  while (got === TIMEOUT && turns++ < MANY) got = await receive({ timeout: 0 })
  expect(got).toBe('there')
})

describe('a server', () => {
  test('that goes on and on by itself lets others run', async () => {
    const server = await genServer({
      init: () => ok(0, { continue: 'on' }),
      continue: (n: number) => noReply(n + 1, { continue: 'on' }),
    }).start()
    const ref = monitor(server.pid)
    spawn(() => exit(server.pid, 'kill'))
    expect(await receive()).toMatchObject({ ref, reason: 'killed' })
  })

  test('that polls in a handler lets others run', async () => {
    const polling = genServer({
      init: () => 0,
      call: {
        *poll(n: number, asked: Pid<never>) {
          let turns = 0
          while (isAlive(asked) && turns < MANY) {
            turns++
            yield* receive((message) => message === 'never', { timeout: 0 })
          }
          return reply(turns, n)
        },
      },
    })
    const server = await polling.start()
    expect(await server.call.poll(spawn(() => undefined))).toBeLessThan(SLICES)
    await server.stop()
  })
})

test('a task that is asked again and again comes to its end', () =>
  inProcess(function* () {
    const task = Task.async(() => 7)
    let turns = 0
    let outcome = yield* task.yield({ timeout: 0 })
    while (outcome === undefined && turns++ < MANY) outcome = yield* task.yield({ timeout: 0 })
    expect(outcome).toEqual({ status: 'ok', value: 7 })
  }))
