import { expect, test } from 'vitest'
import {
  cancelTimer,
  type Coroutine,
  demonitor,
  ets,
  exit,
  GenServer,
  genServer,
  isDown,
  link,
  memory,
  monitor,
  type Pid,
  processes,
  receive,
  register,
  Registry,
  reply,
  self,
  send,
  sendAfter,
  spawn,
  spawnLink,
  spawnMonitor,
  Supervisor,
  systemInfo,
  TIMEOUT,
  trapExit,
  unlink,
  whereis,
} from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'
import { bytesHeld } from './garbage.js'

// Reports that were kept would be a leak of the test's own.
freshRuntime({ onCrash: () => undefined })

/** Seconds of traffic: a moment, unless VIGA_SOAK_SECONDS asks for more. */
const seconds = Number(process.env['VIGA_SOAK_SECONDS'] ?? 2)

/** Mulberry32: the same numbers from the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

test(`${seconds} s of random traffic leave nothing behind`, { timeout: seconds * 1_000 + 60_000 }, async () => {
  const Echo = genServer({
    init: () => 0,
    call: { echo: (n, x: unknown) => reply(x, n), slow: (n) => (n % 2 === 0 ? reply(n, n + 1) : exit('fails now and then')) },
    cast: { ignore: (n) => n },
  })
  const nothing = { processCount: 1, timerCount: 0, nameCount: 0, monitorCount: 0, linkCount: 0, messageCount: 0, tableCount: 0, registryEntryCount: 0 }
  let bytes = 0
  let blockBytes = 0
  // The first round warms up what is kept for the next; the second must need no more.
  for (const round of [1, 2]) {
    await traffic(randomFrom(42), (seconds * 1_000) / 2)
    expect(systemInfo()).toMatchObject(nothing)
    expect(processes()).toEqual([self()])
    const held = await bytesHeld()
    if (round === 2) {
      expect(held - bytes).toBeLessThan(8_000_000)
      expect(memory().blockBytes).toBeLessThan(blockBytes + 65_536)
    }
    bytes = held
    blockBytes = memory().blockBytes
  }

  async function traffic(random: (below: number) => number, milliseconds: number): Promise<void> {
    const tree = await Supervisor.start([Echo.child({ name: 'echo' })], { maxRestarts: 1_000_000, maxSeconds: 1 })
    const shared = ets.create<[number, unknown]>('shared', { kind: 'orderedSet', access: 'public' })
    const unique = Registry.start<number, number>({ name: 'unique', keys: 'unique' })
    const duplicate = Registry.start<number, number>({ name: 'duplicate', keys: 'duplicate' })
    const pids: Pid<unknown>[] = []
    const anyone = (): Pid<unknown> => pids[random(pids.length)] ?? self()
    const end = performance.now() + milliseconds

    function* act(): Coroutine {
      switch (random(20)) {
        case 0: link(anyone()); break
        case 1: unlink(anyone()); break
        case 2: monitor(anyone()); break
        case 3: demonitor(monitor(anyone()), { flush: random(2) === 0 }); break
        case 4: exit(anyone(), ['kill', 'normal', 'odd', 'shutdown'][random(4)]); break
        case 5: sendAfter(random(20), anyone(), 'tick'); break
        case 6: cancelTimer(sendAfter(random(20_000), anyone(), 'tick')); break
        case 7: sendAfter(random(100_000), self(), 'never'); break
        case 8: trapExit(random(2) === 0); break
        case 9: if (whereis(`name ${random(50)}`) === undefined) register(`name ${random(1e9)}`, self()); break
        case 10: unique.register(random(200), 1); break
        case 11: duplicate.register(random(20), random(5)); duplicate.unregister(random(20)); break
        case 12: shared.insert([random(500), { at: 'x'.repeat(random(200)) }]); shared.delete(random(500)); break
        case 13: ets.create().insert([random(10), 'mine']); break
        case 14: ets.create({ heir: { pid: anyone(), data: 1 } }); break
        case 15: yield* GenServer.call('echo', ['echo', { n: random(9) }], { timeout: random(50) }); break
        case 16: yield* Echo.at('echo').call.slow(); break
        case 17: yield* receive({ timeout: random(5) }); break
        case 18: yield* receive((message) => message === random(5), { timeout: random(5) }); break
        default: send(anyone(), { n: random(9), list: [1, 2, 3] })
      }
    }
    function* busy(): Coroutine {
      for (let n = random(60); n > 0; n--)
        try {
          yield* act()
          if (random(8) === 0) yield
        } catch {
          if (random(3) === 0) throw new Error('random')
        }
      if (random(4) === 0) yield* receive()
    }
    async function relaxed(): Promise<void> {
      for (let n = random(10); n > 0; n--) {
        await receive({ timeout: random(5) })
        await Echo.at('echo').call.echo(n)
        link(anyone())
      }
      if (random(4) === 0) await new Promise(() => undefined)
    }
    while (performance.now() < end) {
      for (let n = random(40); n > 0; n--) {
        const body = random(3) === 0 ? relaxed : busy
        const kind = random(3)
        const pid = kind === 0 ? spawn(body) : kind === 1 ? spawnLink(body) : spawnMonitor(body).pid
        if (pids.length < 500) pids.push(pid)
        else pids[random(500)] = pid
      }
      await new Promise((resolve) => setImmediate(resolve))
      while ((await receive({ timeout: 0 })) !== TIMEOUT);
    }
    await tree.stop()
    const rest = processes().slice(1)
    const ends = rest.map((pid) => monitor(pid))
    for (const pid of rest) exit(pid, 'kill')
    for (const ref of ends) await receive((message) => isDown(message, ref))
    for (const id of ets.all()) ets.open(id).drop()
    unique.stop()
    duplicate.stop()
    while ((await receive({ timeout: 0 })) !== TIMEOUT);
  }
})
