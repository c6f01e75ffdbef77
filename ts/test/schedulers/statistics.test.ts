/** What schedulers tell of themselves and of each other, and which of them take work. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memory, type Pid, receive, Runtime, type SchedulerInfo, schedulers, self, send, spawnWith, systemInfo, utilization } from '../../src/index.js'
import { echo, here, quit } from './modules/everything.js'
import { getStuck, startClosure, startWorkers, Worker } from './modules/load.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = (file: string): { url: string } => ({ url: new URL(`./modules/${file}`, import.meta.url).href })

const of = (scheduler: number): SchedulerInfo => schedulers()[scheduler - 1] as SchedulerInfo

/** Waits until `holds`. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await receive({ timeout: 2 })
}

/** An echo on scheduler 2, which is up then. */
async function echoOnTwo(): Promise<Pid<unknown>> {
  const pid = spawnWith({ scheduler: 2 }, meta('everything.ts'), echo)
  send(pid, { from: self(), value: 'up' })
  await receive()
  return pid
}

/** Calls all workers again and again, each when it has answered, until `enough` of where the last answers came from. */
async function call(workers: readonly Pid[], enough: (places: readonly number[]) => boolean): Promise<void> {
  const places = workers.map(() => 0)
  let done = false
  const drive = async (pid: Pid, place: number): Promise<void> => {
    while (!done) {
      places[place] = await Worker.at(pid).call.burn(2)
      done ||= enough(places)
    }
  }
  await Promise.all(workers.map(drive))
}

const startHere = async (count: number): Promise<Pid[]> =>
  (await Promise.all(Array.from({ length: count }, () => Worker.start()))).map((worker) => worker.pid)

describe.runIf(native)('schedulers', () => {
  let runtime: Runtime
  let down: () => void
  beforeEach(() => {
    down = () => undefined
    runtime = Runtime.start({ schedulers: 2, onCrash: () => undefined, onSchedulerDown: () => down() })
  })
  afterEach(async () => await runtime[Symbol.asyncDispose]())

  test('are all there, each with numbers of its own', async () => {
    const pid = await echoOnTwo()
    const [one, two] = [of(1), of(2)]
    expect(schedulers()).toHaveLength(2)
    expect([one.id, one.online, one.state]).toEqual([1, true, 'running'])
    expect([two.id, two.online]).toEqual([2, true])
    expect(two.slices).toBeGreaterThan(0)
    expect(one.processes + two.processes).toBe(systemInfo().processCount)
    const more = Array.from({ length: 5 }, () => spawnWith({ scheduler: 2 }, meta('everything.ts'), echo))
    for (const other of more) send(other, { from: self(), value: 1 })
    for (const _ of more) await receive()
    expect(of(2).processes).toBe(two.processes + 5)
    expect(of(2).slices).toBeGreaterThanOrEqual(two.slices + 5)
    expect(of(2).heap.used).toBeGreaterThan(1e6)
    expect(systemInfo().schedulers.map(({ id }) => id)).toEqual([1, 2])
    send(pid, { from: self(), value: 2 })
    await receive()
  })

  test('count who woke them', async () => {
    const pid = await echoOnTwo()
    for (let n = 0; n < 3; n++) {
      await until(() => of(2).state === 'parked')
      const { wakeups } = of(2)
      send(pid, { from: self(), value: n })
      await receive()
      expect(of(2).wakeups).toBe(wakeups + 1)
    }
    const { spins } = of(2)
    expect(spins.count).toBeGreaterThan(0)
    expect(spins.found).toBeLessThanOrEqual(spins.count)
  })

  test('that are stuck are read by others, and seen to be busy', async () => {
    await echoOnTwo()
    spawnWith({ scheduler: 2 }, meta('load.ts'), getStuck, self())
    expect(await receive()).toBe('begins')
    await until(() => of(2).state === 'running')
    const before = schedulers()
    await receive({ timeout: 150 })
    const after = schedulers()
    const [seen, then] = [after[1] as SchedulerInfo, before[1] as SchedulerInfo]
    expect(seen).toMatchObject({ state: 'running', slices: then.slices, processes: then.processes, garbageCollection: then.garbageCollection })
    expect(seen.wallTime.active - then.wallTime.active).toBeGreaterThan(100_000)
    const shares = utilization(before, after)
    expect(shares.schedulers[1]?.utilization).toBeGreaterThan(0.99)
    expect(shares.schedulers[0]?.utilization).toBeLessThan(0.5)
  })

  test('whose thread has ended are down, and their time goes on', async () => {
    await echoOnTwo()
    const seen = new Promise<SchedulerInfo>((resolve) => (down = () => resolve(of(2))))
    const before = of(2)
    spawnWith({ scheduler: 2 }, meta('everything.ts'), quit, 0)
    const { state, processes, wallTime } = await seen
    expect({ state, processes }).toEqual({ state: 'down', processes: 0 })
    expect(wallTime.total).toBeGreaterThan(before.wallTime.total)
    expect(of(2).wallTime.active).toBe(wallTime.active)
    await echoOnTwo()
    expect(of(2).state).not.toBe('down')
  })

  test('with nothing to do are hardly busy', async () => {
    await echoOnTwo()
    await until(() => of(2).state === 'parked')
    const before = schedulers()
    await receive({ timeout: 200 })
    expect(utilization(before, schedulers()).total).toBeLessThan(0.1)
  })

  test('count what has moved between them', async () => {
    const workers = await startHere(12)
    await call(workers, (places) => places.filter((place) => place === 2).length > 2)
    const moved = of(2).migrations.in
    expect(moved).toBeGreaterThan(2)
    expect(of(2).steals).toBeLessThanOrEqual(moved)
    expect(of(1).migrations).toEqual({ in: 0, out: moved })
    expect(of(2).processes).toBeGreaterThanOrEqual(moved)
  })

  test('whose memory is asked for give the sum of all', async () => {
    const pid = await echoOnTwo()
    const messages = (): number => memory().byKind.find(({ kind }) => kind === 'message_alloc')?.allocations ?? 0
    const before = messages()
    for (let n = 0; n < 10; n++) {
      send(pid, { from: self(), value: n })
      await receive()
    }
    // One on the way there, which this thread allocates, and one on the way back.
    expect(messages()).toBeGreaterThanOrEqual(before + 20)
  })

  describe('that take no work', () => {
    test('are as many as was said', async () => {
      expect(runtime.setSchedulersOnline(1)).toBe(2)
      expect(schedulers().map(({ online }) => online)).toEqual([true, false])
      expect(runtime.setSchedulersOnline(2)).toBe(1)
      expect(schedulers().map(({ online }) => online)).toEqual([true, true])
      for (const wrong of [0, 3, 1.5, Number.NaN, '1' as never])
        expect(() => runtime.setSchedulersOnline(wrong)).toThrow(/setSchedulersOnline: schedulers is .*from 1 to 2.*ERR_VIGA_BAD_ARGUMENT/)
    })

    test('still start and run what is pinned to them', async () => {
      runtime.setSchedulersOnline(1)
      spawnWith({ scheduler: 2 }, meta('everything.ts'), here, self())
      expect(await receive()).toMatchObject({ scheduler: 2 })
    })

    test('start what their processes spawn', async () => {
      runtime.setSchedulersOnline(1)
      spawnWith({ scheduler: 2 }, meta('load.ts'), startClosure, self())
      expect(await receive()).toBe(2)
    })

    test('give away what may move; back again, they get work', async () => {
      runtime.setSchedulersOnline(1)
      spawnWith({ scheduler: 2 }, meta('load.ts'), startWorkers, self(), 6)
      const away = await receive<Pid[]>()
      await call(away, (places) => places.every((place) => place === 1))
      expect(of(2).migrations.in).toBe(0)
      expect(of(1).migrations.in).toBe(6)

      const home = await startHere(12)
      let answers = 0
      await call(home, () => ++answers === 150)
      expect(of(2).migrations.in).toBe(0)

      runtime.setSchedulersOnline(2)
      await call(home, (places) => places.includes(2))
      expect(of(2).migrations.in).toBeGreaterThan(0)
    })
  })
})

test.runIf(!native)('one scheduler is all there is', () => {
  const runtime = Runtime.start()
  try {
    expect(of(1)).toMatchObject({ id: 1, online: true, state: 'running', steals: 0, migrations: { in: 0, out: 0 }, spins: { count: 0, found: 0 } })
    expect(runtime.setSchedulersOnline(1)).toBe(1)
    expect(() => runtime.setSchedulersOnline(2)).toThrow(/from 1 to 1.*ERR_VIGA_BAD_ARGUMENT/)
  } finally {
    runtime.stop()
  }
})
