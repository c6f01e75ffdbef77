/** Systems that begin, get busy and lose isolates, round after round. `node rounds.mjs SCENARIO ROUNDS`; ends with exit code 0. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const SCHEDULERS = 3
const between = (least, most) => least + Math.random() * (most - least)
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** In the thread that hosts scheduler 1; others may never load viga. */
async function startSystem(options) {
  const viga = await import('viga')
  const traffic = await import('./traffic.mjs')
  const downs = []
  const runtime = viga.Runtime.start({
    schedulers: SCHEDULERS,
    engine: 'native',
    // Ends are what this is about; only a defect of viga's is not among those that traffic expects.
    onCrash({ reason }) {
      if (/ERR_VIGA_DEFECT/.test(reason?.error?.message)) console.error(reason.error.message)
    },
    onSchedulerDown: (report) => downs.push(report),
    ...options,
  })
  viga.ets.create('rows', { access: 'public' })
  viga.Registry.start({ name: 'mates', keys: 'duplicate' })
  const meta = { url: new URL('./traffic.mjs', import.meta.url).href }
  const on = (scheduler, body, ...args) => viga.spawnWith({ scheduler }, meta, body, ...args)
  const getBusy = (scheduler) => {
    for (let n = 0; n < 6; n++) on(scheduler, traffic.busy, SCHEDULERS)
    return viga.Supervisor.start([traffic.Echo.child({ name: `echo ${scheduler}`, scheduler })])
  }
  /** Done when `scheduler` runs processes. */
  const isUp = async (scheduler) => {
    on(scheduler, traffic.probe, viga.self())
    const answer = await viga.receive((message) => message?.probe === scheduler, { timeout: 20_000 })
    if (answer === viga.TIMEOUT) throw new Error(`scheduler ${scheduler} did not come up`)
  }
  for (let scheduler = 1; scheduler <= SCHEDULERS; scheduler++) await getBusy(scheduler)
  return { runtime, traffic, on, isUp, downs }
}

/** An isolate of the system ends by what a process in it does, and another takes its place. */
const ends = (body) => async (rounds) => {
  const system = await startSystem({ workerResourceLimits: { maxOldGenerationSizeMb: 40 } })
  for (let round = 0; round < rounds; round++) {
    const scheduler = 2 + (round % (SCHEDULERS - 1))
    await system.isUp(scheduler)
    await sleep(between(5, 40))
    const known = system.downs.length
    system.on(scheduler, system.traffic[body])
    while (system.downs.length === known) await sleep(1)
    for (let n = 0; n < 6; n++) system.on(scheduler, system.traffic.busy, SCHEDULERS)
  }
  await system.runtime[Symbol.asyncDispose]()
}

/** Threads of schedulers are terminated from outside, some of them before they are up. */
async function terminate(rounds) {
  const workers = []
  process.on('worker', (worker) => {
    workers.push(worker)
    worker.once('exit', () => workers.splice(workers.indexOf(worker), 1))
  })
  const system = await startSystem()
  for (let round = 0; round < rounds; round++) {
    const victim = workers[round % workers.length]
    await sleep(round % 3 === 0 ? between(0, 120) : between(80, 160))
    if (victim !== undefined) await victim.terminate()
    for (const scheduler of [2, 3]) for (let n = 0; n < 3; n++) system.on(scheduler, system.traffic.busy, SCHEDULERS)
  }
  await system.runtime[Symbol.asyncDispose]()
}

/** The runtime stops, now waiting for its threads and now beginning the next while they still end. */
async function stop(rounds) {
  for (let round = 0; round < rounds; round++) {
    const { runtime, isUp } = await startSystem()
    if (round % 3 !== 0) await isUp(2)
    await sleep(between(0, 60))
    if (round % 2 === 0) await runtime[Symbol.asyncDispose]()
    else runtime.stop()
  }
}

/** Ends with the process, which the script starts again for each round. */
async function mainExit() {
  const { isUp } = await startSystem()
  await isUp(2)
  await isUp(3)
  await sleep(between(0, 60))
  process.exit(0)
}

/** A worker hosts scheduler 1, and its end takes those that it started with it. The main thread never loads viga. */
async function nested(rounds) {
  for (let round = 0; round < rounds; round++) {
    const way = ['terminate', 'exit', 'terminate', 'throw'][round % 4]
    const host = new Worker(new URL(import.meta.url), { workerData: { host: way } })
    host.on('error', (error) => {
      if (error.message !== 'the host ends') throw error
    })
    const ended = once(host, 'exit').catch(() => undefined)
    if (way === 'terminate') {
      if (round % 3 !== 0) await once(host, 'message')
      await sleep(between(0, 80))
      await host.terminate()
    }
    await ended
  }
}

async function host(way) {
  const { isUp } = await startSystem()
  await isUp(2)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of worker_threads has no origin
  parentPort.postMessage('busy')
  if (way === 'terminate') return
  await sleep(between(0, 80))
  if (way === 'exit') process.exit(0)
  setTimeout(() => {
    throw new Error('the host ends')
  }, 0)
}

const scenarios = { exit: ends('exits'), throw: ends('throwsOutside'), memory: ends('usesAllMemory'), terminate, stop, mainExit, nested }

if (isMainThread) {
  const [scenario, rounds] = process.argv.slice(2)
  await scenarios[scenario](Number(rounds))
  console.log('done')
} else {
  await host(workerData.host)
}
