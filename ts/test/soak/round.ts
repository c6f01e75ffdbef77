import { type Coroutine, ets, type HandleOf, type Registry, self, send, Supervisor, type SupervisorHandle, type Table } from '../../src/index.js'
import { audit, type Findings } from './audit.js'
import type { Page } from './book.js'
import { type Charter, startCitizen } from './citizen.js'
import { type Crash, crashes, startCrash } from './crash.js'
import { Director } from './director.js'
import { COUNTERS, type Row } from './operations.js'
import { Random } from './random.js'
import { Echo, Registrar } from './servers.js'

const SERVERS = Array.from({ length: 8 }, (_, i) => `server-${i}`)
const MOST_MISFITS_TOLD = 20
/** Between two looks at who has ended and has to be replaced, ms. */
const REPLACEMENT = 50
const MOST_CITIZENS = 400

export type Registrars = HandleOf<typeof Registrar>[]

/** What the rounds of an episode share. Everything of it is on scheduler 1, so it outlives the threads of the others. */
export interface Stage {
  readonly schedulers: number
  readonly registry: Registry<string, string>
  /** One on each scheduler, in their order. */
  readonly registrars: Registrars
  readonly failures: string[]
  readonly withCrashes: boolean
  beat(): void
}

export interface Tally {
  operations: number
  checks: number
  citizens: number
  crashes: number
}

/** What the seed decides of a round. */
interface Plan {
  readonly citizens: number
  /** Milliseconds in which the citizens act. */
  readonly acting: number
  /** Longest pause of a citizen, ms. */
  readonly pause: number
  readonly crash: { readonly kind: Crash; readonly scheduler: number } | null
}

function planOf(random: Random, { schedulers, withCrashes }: Stage): Plan {
  const crashing = random.oneIn(3) && withCrashes && schedulers > 1
  return {
    citizens: 10 + random.below(60),
    acting: 400 + random.below(1_200),
    pause: random.pick([0, 0, 2, 20]),
    crash: crashing ? { kind: random.pick(crashes), scheduler: 2 + random.below(schedulers - 1) } : null,
  }
}

/** Citizens come, act and go, and everything that they did is accounted for. */
export function* playRound(seed: number, stage: Stage): Coroutine<Tally> {
  const random = new Random(seed)
  const plan = planOf(random, stage)
  const director = new Director(stage.failures, stage.beat)
  for (const registrar of stage.registrars) yield* registrar.call.newRound()
  const table = ets.create<Row>({ access: 'public' })
  for (const key of COUNTERS) table.insert([key, 0, ''])
  const trees = yield* startServers(random, stage)

  yield* actOut({ random, plan, director, stage, table })
  yield* director.silence()
  const { pages, findings } = yield* settle(director, stage, table)
  yield* director.dismiss()

  for (const tree of trees) yield* tree.stop()
  table.drop()
  return {
    operations: pages.reduce((sum, page) => sum + page.operations, 0),
    checks: pages.reduce((sum, page) => sum + page.checks, 0) + findings.checks + director.checks,
    citizens: director.charges.size,
    crashes: director.crashed.size,
  }
}

/** Two supervisors, whose servers are on all schedulers. */
function* startServers(random: Random, { schedulers }: Stage): Coroutine<SupervisorHandle[]> {
  const trees: SupervisorHandle[] = []
  for (const strategy of ['one_for_one', 'one_for_all'] as const) {
    const names = SERVERS.filter((_, i) => i % 2 === trees.length)
    const children = names.map((name) => Echo.child({ name, id: name, scheduler: 1 + random.below(schedulers) }))
    trees.push(yield* Supervisor.start(children, { strategy, maxRestarts: 1_000_000, maxSeconds: 1 }))
  }
  return trees
}

interface Act {
  readonly random: Random
  readonly plan: Plan
  readonly director: Director
  readonly stage: Stage
  readonly table: Table<Row, 0>
}

/** Keeps the number of citizens up while they act; somewhere in the middle a thread may go down. */
function* actOut(act: Act): Coroutine<void> {
  const { random, plan, director } = act
  const end = performance.now() + plan.acting
  const crashAt = performance.now() + plan.acting * (0.2 + 0.6 * random.fraction())
  while (performance.now() < end) {
    const missing = plan.citizens - director.living().length
    for (let i = 0; i < missing && director.charges.size < MOST_CITIZENS; i++) addCitizen(act)
    if (plan.crash !== null && director.crashed.size === 0 && performance.now() > crashAt) yield* crash(act, plan.crash)
    yield* director.listen(REPLACEMENT)
  }
}

function addCitizen({ random, plan, director, stage, table }: Act): void {
  const charter: Charter = {
    id: `citizen-${director.charges.size}`,
    seed: random.seed(),
    director: self(),
    schedulers: stage.schedulers,
    table: table.id,
    servers: SERVERS,
    pause: plan.pause,
  }
  const scheduler = 1 + random.below(stage.schedulers)
  const pid = startCitizen({ scheduler }, charter)
  const others = [...director.charges.values()].map((charge) => [charge.id, charge.pid] as const)
  send(pid, ['peers', others.slice(-40)])
  for (let i = 0; i < 3 && others.length > 0; i++) send(random.pick(others)[1], ['peers', [[charter.id, pid]]])
  director.adopt(charter.id, pid, scheduler)
}

/** Takes down the thread of a scheduler; a registrar starts on the one that takes its place. */
function* crash({ director, stage }: Act, { kind, scheduler }: { readonly kind: Crash; readonly scheduler: number }): Coroutine<void> {
  director.crashed.add(scheduler)
  const crasher = director.adopt('crasher', startCrash(scheduler, kind), scheduler)
  yield* director.until(`scheduler ${scheduler} going down by ${kind}`, () => crasher.ended)
  director.check(crasher.reason === 'scheduler_down', () => `the crash by ${kind} ended with ${JSON.stringify(crasher.reason)}`)
  stage.registrars[scheduler - 1] = yield* Registrar.start({ scheduler })
}

/** Waits until what all say fits together. What does not fit in the end is a failure. */
function* settle(director: Director, stage: Stage, table: Table<Row, 0>): Coroutine<{ pages: Page[]; findings: Findings }> {
  let pages: Page[] = []
  let findings: Findings = { checks: 0, misfits: ['not looked at'] }
  const look = function* (): Coroutine<void> {
    pages = []
    for (const registrar of stage.registrars) pages.push(...(yield* registrar.call.pages()))
    const known = new Map(pages.map((page) => [page.id, page]))
    findings = audit({ charges: director.charges, pages: known, crashed: director.crashed, registry: stage.registry, table, servers: SERVERS })
  }
  yield* director.untilAfter('settling accounts', look, () => findings.misfits.length === 0, () =>
    findings.misfits.slice(0, MOST_MISFITS_TOLD).join('\n'),
  )
  return { pages, findings }
}
