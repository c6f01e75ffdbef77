import { expect, test } from 'vitest'
import {
  cancelTimer,
  type Coroutine,
  exit,
  GenServer,
  isAlive,
  isDown,
  monitor,
  noReply,
  ok,
  type Pid,
  processes,
  processInfo,
  receive,
  reply,
  self,
  send,
  sendAfter,
  spawn,
  systemInfo,
  type Timer,
} from '../../src/index.js'
import { freshRuntime, inProcess } from '../fresh-runtime.js'
import { exitOf } from '../server-observation.js'
import { bytesHeld } from './garbage.js'

const reports = freshRuntime()
const MB = 1_000_000

const large: readonly [string, () => unknown, (got: never) => number, number][] = [
  ['bytes', () => new Uint8Array(100 * MB).fill(7), (got: Uint8Array) => got.length + (got.at(-1) as number), 100 * MB + 7],
  ['text', () => '0123456789'.repeat(10 * MB), (got: string) => got.length, 100 * MB],
  [
    'a million records',
    () => Array.from({ length: MB }, (_, n) => ({ n, name: `record ${n}` })),
    (got: { n: number }[]) => got.length + (got.at(-1)?.n as number),
    2 * MB - 1,
  ],
]

test.each(large)('100 MB of %s go to a process and back, and leave nothing behind', { timeout: 120_000 }, async (_what, make, measure, size) => {
  const root = self<unknown>()
  const echo = spawn<unknown>(function* () {
    for (;;) send(root, yield* receive())
  })
  const before = await bytesHeld()
  send(echo, make())
  expect(measure((await receive()) as never)).toBe(size)
  // What waits in the mailbox of a process that dies goes as well.
  const deaf = spawn<unknown>(function* () {
    yield* receive((message) => message === 'never')
  })
  send(deaf, make())
  while ((processInfo(deaf)?.messageQueueLength ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve))
  exit(deaf, 'kill')
  send(echo, 'done')
  expect(await receive()).toBe('done')
  expect((await bytesHeld()) - before).toBeLessThan(5 * MB)
  expect(systemInfo().messageCount).toBe(0)
})

test('100,000 calls to a server that dies fail at once, with its reason', { timeout: 120_000 }, async () => {
  const server = await GenServer.start({ init: () => ok(0), handleCall: (_request: number, _from, n: number) => noReply(n + 1) }, [])
  const calls = Array.from({ length: 100_000 }, (_, n) => exitOf(GenServer.call(server, n, { timeout: Infinity })))
  const counting = GenServer.start({ init: () => ok(0), handleCall: (_request: string, _from, n: number) => reply('up', n) }, [])
  expect(await GenServer.call(await counting, 'up?')).toBe('up')
  expect(systemInfo().monitorCount).toBe(100_000)
  exit(server, 'out of order')
  const reasons = (await Promise.all(calls)) as unknown[][]
  expect(reasons.every(([why]) => why === 'out of order')).toBe(true)
  expect(systemInfo()).toMatchObject({ monitorCount: 0, timerCount: 0, messageCount: 0 })
})

test('200,000 timers are cancelled, and none is left', { timeout: 60_000 }, async () => {
  const timers: Timer[] = []
  for (let n = 0; n < 200_000; n++) timers.push(sendAfter(60_000 + (n * 7919) % 4_000_000, self(), n))
  expect(systemInfo().timerCount).toBe(200_000)
  expect(timers.filter((timer) => cancelTimer(timer) === false)).toEqual([])
  expect(timers.filter((timer) => cancelTimer(timer) !== false)).toEqual([])
  expect(systemInfo()).toMatchObject({ timerCount: 0, messageCount: 0 })
  sendAfter(1, self(), 'still going')
  expect(await receive()).toBe('still going')
})

test('a full process table harms nobody, and has room again', { timeout: 60_000 }, async () => {
  function* sleeper(): Coroutine {
    yield* receive()
  }
  const pids: Pid<unknown>[] = []
  let refusal: unknown
  while (refusal === undefined)
    try {
      pids.push(spawn(sleeper))
    } catch (error) {
      refusal = error
    }
  expect(refusal).toMatchObject({ code: 'ERR_VIGA_SYSTEM_LIMIT' })
  expect(systemInfo().processCount).toBe(systemInfo().processLimit)
  expect(pids.every((pid) => isAlive(pid))).toBe(true)
  expect(await GenServer.start({ init: () => ok(0) }, []).then(undefined, (error: unknown) => (error as { code: unknown }).code)).toBe(
    'ERR_VIGA_SYSTEM_LIMIT',
  )
  const last = monitor(pids.at(-1) as Pid)
  for (const pid of pids) send(pid, 'go')
  await receive((message) => isDown(message, last))
  expect(processes()).toHaveLength(1)
  expect(await inProcess(function* (): Coroutine<string> {
    yield
    return 'room'
  })).toBe('room')
  expect(reports).toEqual([])
})

test('processes() and processInfo() hold under churn', { timeout: 60_000 }, async () => {
  let rounds = 0
  const churn = spawn(function* () {
    for (;;) {
      for (let n = 0; n < 50; n++)
        spawn(function* () {
          if (n % 3 === 0) yield
          if (n % 7 === 0) exit('odd')
        })
      rounds++
      yield
    }
  })
  for (let look = 0; look < 300; look++) {
    await new Promise((resolve) => setImmediate(resolve))
    const pids = processes()
    expect(new Set(pids.map(String)).size).toBe(pids.length)
    for (const pid of pids.slice(0, 50)) {
      const info = processInfo(pid)
      if (info !== undefined) expect(String(info.pid)).toBe(String(pid))
    }
    expect(isAlive(churn)).toBe(true)
  }
  exit(churn, 'kill')
  while (systemInfo().processCount > 1) await new Promise((resolve) => setImmediate(resolve))
  expect(rounds).toBeGreaterThan(10)
})
