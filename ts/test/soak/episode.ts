/**
 * One run of the soak in one process of the operating system: rounds until the time is over.
 *
 *   node episode.js SEED SCHEDULERS SECONDS CRASHES
 *
 * Prints JSON lines: {progress}, and at the end {operations, checks, migrations, failures}.
 */
import { type Coroutine, Registry, Runtime, schedulers as schedulersNow, spawn } from '../../src/index.js'
import { Director, Stall } from './director.js'
import { countAll, countBlocks, surplus } from './leftovers.js'
import { REGISTRY } from './operations.js'
import { Random } from './random.js'
import { playRound, type Stage, type Tally } from './round.js'
import { startRegistrar } from './servers.js'

const PROGRESS = 3_000
const ROUNDS_BETWEEN_COLLECTIONS = 5
const MOST_FAILURES_TOLD = 30

const [seed = 0, schedulers = 1, seconds = 10, crashes = 1] = process.argv.slice(2).map(Number)
const random = new Random(seed)
const failures: string[] = []
const total: Tally = { operations: 0, checks: 0, citizens: 0, crashes: 0 }
let rounds = 0
let lastProgress = performance.now()

/** Processes that have gone from one scheduler to another so far. */
function migrations(): number {
  return schedulersNow().reduce((sum, scheduler) => sum + scheduler.migrations.in, 0)
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function beat(): void {
  if (performance.now() - lastProgress < PROGRESS) return
  lastProgress = performance.now()
  print({ progress: `${rounds} rounds, ${total.citizens} citizens, ${total.crashes} crashes, ${migrations()} migrations, ${total.operations} operations, ${total.checks} checks` })
}

function* play(): Coroutine<void> {
  const registrars: Stage['registrars'] = []
  for (let scheduler = 1; scheduler <= schedulers; scheduler++) registrars.push(yield* startRegistrar(scheduler))
  const registry = Registry.start<string, string>({ name: REGISTRY })
  const stage: Stage = { schedulers, registry, registrars, failures, withCrashes: crashes !== 0, beat }
  const before = { ...countAll(), ...(yield* countBlocks(registrars)) }
  const end = performance.now() + seconds * 1_000
  while (performance.now() < end && failures.length === 0) {
    const tally = yield* playRound(random.seed(), stage)
    for (const key of ['operations', 'checks', 'citizens', 'crashes'] as const) total[key] += tally[key]
    rounds++
    yield* awaitNothingLeft(before, stage, rounds % ROUNDS_BETWEEN_COLLECTIONS === 0 || performance.now() >= end)
  }
}

/** Everything that the round began is over: nothing is there that was not there before. */
function* awaitNothingLeft(before: Readonly<Record<string, number>>, stage: Stage, withMemory: boolean): Coroutine<void> {
  const keeper = new Director(failures, beat)
  let left: string[] = []
  const look = function* (): Coroutine<void> {
    left = surplus(before, { ...countAll(), ...(withMemory ? yield* countBlocks(stage.registrars) : {}) }, schedulers)
  }
  yield* keeper.untilAfter('clearing up', look, () => left.length === 0, () => left.join('\n'))
  total.checks += Object.keys(before).length
}

function finish(): void {
  print({ operations: total.operations, checks: total.checks, failures: failures.slice(0, MOST_FAILURES_TOLD), rounds, crashes: total.crashes, migrations: migrations() })
  process.exit(failures.length === 0 ? 0 : 1)
}

Runtime.start({ schedulers, workerResourceLimits: { maxOldGenerationSizeMb: 96 } })
spawn(function* () {
  try {
    yield* play()
  } catch (error) {
    failures.push(error instanceof Stall ? error.message : error instanceof Error ? String(error.stack) : String(error))
  }
  finish()
})
