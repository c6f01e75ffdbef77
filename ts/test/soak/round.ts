import { type Coroutine, ets, exit, Exit, type HandleOf, type Pid, type Registry, self, send, Supervisor, type SupervisorHandle, type Table } from '../../src/index.js'
import { audit, type Findings } from './audit.js'
import type { Page } from './book.js'
import type { Charge } from './charge.js'
import { type Charter, startCitizen } from './citizen.js'
import { type Crash, crashes, startCrash } from './crash.js'
import { Director } from './director.js'
import { COUNTERS, type Row, WANDERER } from './operations.js'
import { PATIENCE } from './patience.js'
import { Random } from './random.js'
import { Echo, type Registrar, startRegistrar } from './servers.js'
import { Wanderer } from './wanderer.js'

const SERVERS = Array.from({ length: 8 }, (_, i) => `server-${i}`)
const MOST_MISFITS_TOLD = 20
/** Between two looks at who has ended and has to be replaced, ms. */
const REPLACEMENT = 50
const MOST_CITIZENS = 400
/** Wanderers that begin just before a crash, to be on their way in it. */
const LAST_WANDERERS = 8

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
  /** Servers that may go elsewhere, and where all of them begin. */
  readonly wanderers: number
  readonly nest: number
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
    wanderers: random.below(25),
    nest: 1 + random.below(schedulers),
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
    const roaming = director.living().filter(({ wanders }) => wanders).length
    for (let i = roaming; i < plan.wanderers && director.charges.size < MOST_CITIZENS; i++) yield* addWanderer(act)
    if (plan.crash !== null && director.crashed.size === 0 && performance.now() > crashAt) yield* crash(act, plan.crash)
    yield* director.listen(REPLACEMENT)
  }
}

function charterFor({ random, plan, director, stage, table }: Act, kind: string): Charter {
  return {
    id: `${kind}${director.charges.size}`,
    seed: random.seed(),
    director: self(),
    schedulers: stage.schedulers,
    table: table.id,
    servers: SERVERS,
    pause: plan.pause,
  }
}

/** The new one knows some of the others, and some of them know it. */
function introduce({ random, director }: Act, id: string, pid: Pid<unknown>): void {
  const others = [...director.charges.values()].map((charge) => [charge.id, charge.pid] as const)
  send(pid, ['peers', others.slice(-40)])
  for (let i = 0; i < 3 && others.length > 0; i++) send(random.pick(others)[1], ['peers', [[id, pid]]])
}

/** Most are told where to begin; who is not may be sent elsewhere before it has. */
function addCitizen(act: Act): void {
  const { random, director, stage } = act
  const charter = charterFor(act, 'citizen-')
  const scheduler = random.oneIn(4) ? undefined : 1 + random.below(stage.schedulers)
  const pid = startCitizen(scheduler === undefined ? {} : { scheduler }, charter)
  introduce(act, charter.id, pid)
  director.adopt(charter.id, pid, scheduler ?? 1)
}

/** Every eighth is killed before it can do much, so that some are while they move. */
function* addWanderer(act: Act): Coroutine<void> {
  const { random, plan, director, stage } = act
  const charter = charterFor(act, WANDERER)
  const pid = yield* answerOf((stage.registrars[plan.nest - 1] as (typeof stage.registrars)[number]).call.launch(charter))
  if (pid === undefined) return
  director.adopt(charter.id, pid, plan.nest, true)
  introduce(act, charter.id, pid)
  if (random.oneIn(8)) exit(pid, 'kill')
}

/** What a server answers; undefined when it has ended. */
function* answerOf<T>(call: Iterable<unknown, T, never>): Coroutine<T | undefined> {
  try {
    return yield* call as Coroutine<T>
  } catch (error) {
    if (error instanceof Exit && Array.isArray(error.reason) && error.reason[0] !== 'timeout') return undefined
    throw error
  }
}

/** Takes down the thread of a scheduler; a registrar starts on the one that takes its place. */
function* crash(act: Act, { kind, scheduler }: { readonly kind: Crash; readonly scheduler: number }): Coroutine<void> {
  const { director, stage } = act
  for (let i = 0; i < LAST_WANDERERS; i++) yield* addWanderer(act)
  const guests = yield* findGuests(director)
  director.crashed.add(scheduler)
  const crasher = director.adopt('crasher', startCrash(scheduler, kind), scheduler)
  yield* director.until(`scheduler ${scheduler} going down by ${kind}`, () => crasher.ended)
  director.check(crasher.reason === 'scheduler_down', () => `the crash by ${kind} ended with ${JSON.stringify(crasher.reason)}`)
  stage.registrars[scheduler - 1] = yield* startRegistrar(scheduler)
  yield* checkGuests(director, guests, scheduler)
}

/** Wanderers that are not where they began, and where they are: there they stay. */
function* findGuests(director: Director): Coroutine<[guest: Charge, scheduler: number][]> {
  const guests: [Charge, number][] = []
  for (const charge of director.living().filter(({ wanders }) => wanders)) {
    const scheduler = yield* answerOf(Wanderer.at(charge.pid as Pid, { timeout: PATIENCE }).call.where())
    if (scheduler !== undefined && scheduler !== charge.scheduler) guests.push([charge, scheduler])
  }
  return guests
}

/** Guests of the scheduler that went down have ended; those whose home it is have not, for that. */
function* checkGuests(director: Director, guests: readonly [Charge, number][], crashed: number): Coroutine<void> {
  const lost = guests.filter(([, scheduler]) => scheduler === crashed)
  yield* director.until(`the ends of those who had gone to scheduler ${crashed}`, () => lost.every(([{ ended }]) => ended))
  for (const [charge, scheduler] of guests) {
    if (scheduler === crashed) continue
    const now = yield* answerOf(Wanderer.at(charge.pid as Pid, { timeout: PATIENCE }).call.where())
    director.check(now === scheduler || (now === undefined && charge.reason !== 'scheduler_down'), () =>
      `${charge.id} of scheduler ${charge.scheduler} was on ${scheduler} when ${crashed} went down; now ${now === undefined ? `it has ended with ${JSON.stringify(charge.reason)}` : `it is on ${now}`}`,
    )
  }
}

/** Waits until what all say fits together. What does not fit in the end is a failure. */
function* settle(director: Director, stage: Stage, table: Table<Row, 0>): Coroutine<{ pages: Page[]; findings: Findings }> {
  let pages: Page[] = []
  let findings: Findings = { checks: 0, misfits: ['not looked at'] }
  const look = function* (): Coroutine<void> {
    pages = []
    for (const registrar of stage.registrars) pages.push(...(yield* registrar.call.pages()))
    for (const { pid } of director.living().filter(({ wanders }) => wanders)) {
      const page = yield* answerOf(Wanderer.at(pid as Pid, { timeout: PATIENCE }).call.page())
      if (page !== undefined) pages.push(page)
    }
    const known = new Map(pages.map((page) => [page.id, page]))
    findings = audit({ charges: director.charges, pages: known, crashed: director.crashed, registry: stage.registry, table, servers: SERVERS })
  }
  yield* director.untilAfter('settling accounts', look, () => findings.misfits.length === 0, () =>
    findings.misfits.slice(0, MOST_MISFITS_TOLD).join('\n'),
  )
  return { pages, findings }
}
