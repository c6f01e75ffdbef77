import { isAlive, type Registry, type Table, whereis } from '../../src/index.js'
import type { Page } from './book.js'
import type { Charge } from './charge.js'
import { COUNTERS, KEYS, NAMES, type Row } from './operations.js'

/** What the audit looks at when all citizens are quiet. */
export interface Evidence {
  readonly charges: ReadonlyMap<string, Charge>
  /** Of all citizens of the round, but for those whose scheduler went down. */
  readonly pages: ReadonlyMap<string, Page>
  /** Schedulers that went down in this round: what their isolates knew is lost. */
  readonly crashed: ReadonlySet<number>
  readonly registry: Registry<string, string>
  readonly table: Table<Row, 0>
  readonly servers: readonly string[]
}

export interface Findings {
  readonly checks: number
  /** What does not fit (yet: signals may be on their way). */
  readonly misfits: readonly string[]
}

/** Compares what each citizen says with what the others say, and with what the runtime says. */
export function audit(evidence: Evidence): Findings {
  const misfits: string[] = []
  let checks = 0
  const check = (holds: boolean, what: () => string): void => {
    checks++
    if (!holds) misfits.push(what())
  }
  checkMessages(evidence, check)
  checkEnds(evidence, check)
  checkTimers(evidence, check)
  checkNames(evidence, check)
  checkTable(evidence, check)
  for (const name of evidence.servers) check(whereis(name) !== undefined, () => `the server ${name} has not been started again`)
  return { checks, misfits }
}

type Check = (holds: boolean, what: () => string) => void

/** Pages of citizens that are alive, so that nothing sent to them may be missing. */
function* alive({ charges, pages }: Evidence): Generator<Page> {
  for (const page of pages.values()) if (charges.get(page.id)?.ended === false) yield page
}

/** Every message between the living arrived; of the dead too what they sent, unless their scheduler took the count with it. */
function checkMessages(evidence: Evidence, check: Check): void {
  const { charges, pages, crashed } = evidence
  for (const { id, scheduler, born, wanders, ended } of charges.values())
    if (wanders) check(pages.has(id) || ended, () => `${id}, which began on scheduler ${scheduler}, has not told what its book says`)
    else check(pages.has(id) === born || crashed.has(scheduler), () => `${id} on scheduler ${scheduler} ${born ? 'has left no book' : 'has a book, but its first message has not arrived'}`)
  for (const page of alive(evidence)) {
    const received = new Map(page.received)
    for (const sender of pages.values()) {
      const sent = new Map(sender.sent).get(page.id) ?? 0
      const arrived = received.get(sender.id) ?? 0
      check(sent === arrived, () => `${sender.id} (${sender.scheduler}) sent ${sent} messages to ${page.id} (${page.scheduler}), of which ${arrived} arrived`)
    }
  }
}

/** No DOWN and no EXIT of the dead is outstanding. */
function checkEnds(evidence: Evidence, check: Check): void {
  const dead = new Set([...evidence.charges.values()].filter(({ ended }) => ended).map(({ pid }) => String(pid)))
  for (const page of alive(evidence)) {
    for (const pid of page.monitored) check(!dead.has(pid), () => `${page.id} has had no DOWN of ${pid}, which has ended`)
    if (page.traps) for (const pid of page.linked) check(!dead.has(pid), () => `${page.id} has had no EXIT of ${pid}, which has ended`)
  }
}

/** Timers end with the scheduler on which they were started, which who wanders may have left since. */
function checkTimers(evidence: Evidence, check: Check): void {
  const { charges, pages, crashed } = evidence
  const senders = [...pages.values()].filter(({ id }) => crashed.size === 0 || charges.get(id)?.wanders !== true)
  for (const page of alive(evidence)) {
    check(page.timersOpen === 0, () => `${page.timersOpen} timers of ${page.id} have not fired`)
    const received = new Set(page.timersReceived)
    for (const sender of senders)
      for (const [to, key] of sender.timersSent)
        if (to === page.id) check(received.has(key), () => `timer ${key} for ${page.id} has not fired`)
  }
}

/** Names and keys belong to the living, and to those who say so. */
function checkNames(evidence: Evidence, check: Check): void {
  const { registry } = evidence
  const citizens = [...alive(evidence)]
  const holderOf = (key: string, held: (page: Page) => readonly string[]) => citizens.filter((page) => held(page).includes(key)).map(({ pid }) => pid)
  for (const name of NAMES) {
    const pid = whereis(name)
    const holders = holderOf(name, ({ names }) => names)
    check(holders.join() === (pid === undefined ? '' : String(pid)), () => `the name ${name} means ${String(pid)}; it belongs to ${holders.join() || 'nobody'}`)
  }
  for (const key of KEYS) {
    const pid = registry.whereis(key)
    const holders = holderOf(key, ({ keys }) => keys)
    check(holders.join() === (pid === undefined ? '' : String(pid)), () => `the key ${key} means ${String(pid)}; it belongs to ${holders.join() || 'nobody'}`)
  }
  for (const charge of evidence.charges.values())
    check(isAlive(charge.pid) !== charge.ended, () => `${charge.id} ${charge.ended ? 'has ended, yet is alive' : 'is not alive, yet no DOWN has come'}`)
}

/** No increment is lost; those of a scheduler that went down are not known. */
function checkTable({ table, pages, crashed }: Evidence, check: Check): void {
  const counted = COUNTERS.reduce((sum, key) => sum + (table.lookup(key)?.[1] ?? 0), 0)
  const made = [...pages.values()].reduce((sum, { increments }) => sum + increments, 0)
  check(crashed.size === 0 ? counted === made : counted >= made, () => `${made} increments were made, ${counted} were counted`)
}

