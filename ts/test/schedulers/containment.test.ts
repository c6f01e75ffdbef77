/** A scheduler whose thread ends costs what ran on it, all of that, and nothing else: again and again in one program. */
import { isDeepStrictEqual } from 'node:util'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  ets,
  type EtsTransfer,
  exit,
  Exit,
  isAlive,
  isDown,
  isEtsTransfer,
  memory,
  monitor,
  type Pid,
  receive,
  Registry,
  Runtime,
  self,
  send,
  spawnWith,
  Supervisor,
  systemInfo,
  TIMEOUT,
  whereis,
} from '../../src/index.js'
import { Counter } from './modules/counter.js'
import { exits, owner, Silent, throwsInCallback, usesAllMemory, witness } from './modules/doomed.js'
import { echo, here } from './modules/everything.js'

const ROUNDS = 20
/** So many that each thread has lived for a while when its turn comes. */
const SCHEDULERS = 5
const ways = [exits, throwsInCallback, usesAllMemory, throwsInCallback] as const

const doomed = { url: new URL('./modules/doomed.ts', import.meta.url).href }
const everything = { url: new URL('./modules/everything.ts', import.meta.url).href }

/** What a thread that ends must not leave behind. */
function inventory(): Record<string, number> {
  const { processCount, timerCount, nameCount, monitorCount, linkCount, messageCount, tableCount, registryEntryCount } = systemInfo()
  return { processCount, timerCount, nameCount, monitorCount, linkCount, messageCount, tableCount, registryEntryCount }
}

const threads = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0)
const resources = (): number => process.getActiveResourcesInfo().length
const messageBlocks = (): number => memory().byKind.find(({ kind }) => kind === 'message_alloc')?.blocks ?? 0

const isTagged = (message: unknown, tag: string): message is readonly unknown[] => Array.isArray(message) && message[0] === tag

async function echoed(pid: Pid<unknown>, value: unknown): Promise<unknown> {
  send(pid, { from: self(), value })
  return ((await receive((message) => (message as { value?: unknown } | undefined)?.value === value)) as { value: unknown }).value
}

/** A process has run on `scheduler` and ended since. */
async function isUp(scheduler: number): Promise<void> {
  const pid = spawnWith({ scheduler }, everything, here, self())
  await receive((message) => (message as { pid?: unknown } | undefined)?.pid !== undefined && (message as { scheduler: number }).scheduler === scheduler)
  const ref = monitor(pid)
  exit(pid, 'kill')
  await receive((message) => isDown(message, ref))
}

async function witnessOn(scheduler: number, other: Pid<unknown>): Promise<Pid<unknown>> {
  const pid = spawnWith({ scheduler }, doomed, witness, self(), other)
  await receive((message) => isTagged(message, 'watches'))
  return pid
}

async function heardBy(pid: Pid<unknown>): Promise<unknown[]> {
  send(pid, 'tell')
  return ((await receive((message) => isTagged(message, 'heard'))) as [string, unknown[]])[1]
}

async function endAndCheck(round: number, bystander: Pid<unknown>): Promise<void> {
  const scheduler = 2 + (round % (SCHEDULERS - 1))
  const neighbour = 2 + ((round + 1) % (SCHEDULERS - 1))
  const way = ways[round % ways.length] as (typeof ways)[number]
  const pinned = `pinned ${scheduler}`
  const before = whereis(pinned) as Pid<unknown>
  const victim = spawnWith({ scheduler }, doomed, owner, self(), round)
  await receive((message) => isTagged(message, 'owns'))
  const table = ets.whereis('inherited')
  const witnesses = [await witnessOn(1, victim), await witnessOn(neighbour, victim)]
  const silent = await Silent.start({ scheduler })
  // No timeout would end them: their server's end has to.
  const calls = Array.from({ length: 3 }, (_, n) => silent.with({ timeout: Infinity }).call.ask(self(), 'x'.repeat(n * 5_000)))
  const failed = Promise.all(calls.map((call) => Promise.resolve(call).catch((error: unknown) => error)))
  for (const _ of calls) await receive((message) => isTagged(message, 'asked'))

  spawnWith({ scheduler }, doomed, way as () => unknown)
  for (const error of await failed) {
    expect(error).toBeInstanceOf(Exit)
    expect((error as Exit).reason).toMatchObject({ 0: 'scheduler_down' })
  }
  expect(await echoed(bystander, round)).toBe(round)

  const transfer = (await receive(isEtsTransfer)) as EtsTransfer
  expect(transfer).toMatchObject({ from: victim, data: round })
  expect(table?.lookup(round)).toEqual([round, 'of the dead'])
  table?.drop()
  expect([ets.whereis('owned'), whereis(`owner ${round}`), Registry.open('keys').count()]).toEqual([undefined, undefined, 0])
  expect([isAlive(victim), isAlive(silent.pid), isAlive(before)]).toEqual([false, false, false])

  await isUp(scheduler)
  while (whereis(pinned) === undefined) await receive((message) => message === 'nothing', { timeout: 1 })
  expect(await Counter.at(pinned).call.where()).toEqual({ scheduler, pid: whereis(pinned) })
  // Whatever was told twice has been told by now.
  for (const pid of witnesses)
    expect((await heardBy(pid)).toSorted()).toEqual([['down', 'scheduler_down'], ['down', 'scheduler_down'], ['exit', 'scheduler_down']])
}

describe.runIf(process.env['VIGA_ENGINE'] !== 'pure')('a scheduler that ends', () => {
  test(`${ROUNDS} ends of threads, each of which costs what ran there and nothing else`, { timeout: 60_000 }, async () => {
    let downs = 0
    await using runtime = Runtime.start({
      schedulers: SCHEDULERS,
      workerResourceLimits: { maxOldGenerationSizeMb: 40 },
      onCrash: () => undefined,
      onSchedulerDown: () => downs++,
    })
    expect(runtime.engine).toBe('native')
    Registry.start({ name: 'keys' })
    const pinned = Array.from({ length: SCHEDULERS - 1 }, (_, n) => Counter.child(0, { id: n, name: `pinned ${n + 2}`, scheduler: n + 2 }))
    await Supervisor.start(pinned, { maxRestarts: 1_000 })
    const bystander = spawnWith({}, everything, echo)

    const settle = async (): Promise<Record<string, number>> => {
      // Memory that other threads have given back is taken back by allocations.
      for (let scheduler = 2; scheduler <= SCHEDULERS; scheduler++) {
        await isUp(scheduler)
        const mirror = spawnWith({ scheduler }, everything, echo)
        for (let n = 0; n < 100; n++) await echoed(mirror, n)
        const ref = monitor(mirror)
        exit(mirror, 'kill')
        await receive((message) => isDown(message, ref))
      }
      return { ...inventory(), threads: threads(), resources: resources() }
    }

    let after: Record<string, number> = {}
    let blocks = 0
    for (let round = 0; round < ROUNDS; round++) {
      await endAndCheck(round, bystander)
      if (round !== SCHEDULERS - 2) continue
      after = await settle()
      blocks = messageBlocks()
    }
    expect(downs).toBe(ROUNDS)
    // What is there at one moment may be on its way out; what is lost stays.
    let left = await settle()
    for (let turn = 0; turn < 20 && !isDeepStrictEqual(left, after); turn++) left = await settle()
    expect(left).toEqual(after)
    // A few are on their way back at any moment; one lost per round would be more.
    let fewest = messageBlocks()
    for (let turn = 0; turn < 20 && fewest - blocks >= ROUNDS / 2; turn++) {
      await settle()
      fewest = Math.min(fewest, messageBlocks())
    }
    expect(fewest - blocks).toBeLessThan(ROUNDS / 2)
    expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
  })
})
