import { type Down, type ExitMessage, type Pid, type Ref } from '../../src/index.js'
import { isPayload } from './payload.js'

/** What one citizen has done and seen, as the audit gets it. All of it are terms. */
export interface Page {
  readonly id: string
  readonly pid: string
  readonly scheduler: number
  readonly traps: boolean
  readonly operations: number
  readonly checks: number
  /** Numbered messages by the id of who gets them, and by the id of who sent them. */
  readonly sent: readonly (readonly [to: string, count: number])[]
  readonly received: readonly (readonly [from: string, count: number])[]
  /** Pids of those whose DOWN or EXIT is still to come. */
  readonly monitored: readonly string[]
  readonly linked: readonly string[]
  /** Timers to itself whose message is still to come; those to others, and those of others that came. */
  readonly timersOpen: number
  readonly timersSent: readonly (readonly [to: string, key: string])[]
  readonly timersReceived: readonly string[]
  readonly names: readonly string[]
  readonly keys: readonly string[]
  /** How often it has raised counters of the table. */
  readonly increments: number
}

type LinkState = 'linked' | 'unlinked' | 'over'

/** Everything that a book holds. A term, so that a server can take it along to another scheduler. */
export interface Account {
  readonly id: string
  readonly pid: string
  /** Where it began. */
  readonly scheduler: number
  readonly traps: boolean
  readonly names: Set<string>
  readonly keys: Set<string>
  operations: number
  checks: number
  increments: number
  readonly sent: Map<string, number>
  readonly received: Map<string, number>
  readonly monitors: Map<string, string | null>
  readonly links: Map<string, LinkState>
  readonly timers: Map<number, 'waiting' | 'cancelled' | 'over'>
  readonly timersSent: [to: string, key: string][]
  readonly timersReceived: Set<string>
}

export function openAccount(id: string, pid: Pid, scheduler: number, traps: boolean): Account {
  return {
    id,
    pid: String(pid),
    scheduler,
    traps,
    names: new Set(),
    keys: new Set(),
    operations: 0,
    checks: 0,
    increments: 0,
    sent: new Map(),
    received: new Map(),
    monitors: new Map(),
    links: new Map(),
    timers: new Map(),
    timersSent: [],
    timersReceived: new Set(),
  }
}

/** Keeps account of one citizen; everything that may not be is told to `fail`. */
export class Book {
  readonly account: Account
  readonly #fail: (text: string) => void

  constructor(account: Account, fail: (text: string) => void) {
    this.account = account
    this.#fail = (text) => fail(`${account.id} ${account.pid} of scheduler ${account.scheduler}: ${text}`)
  }

  get pid(): string {
    return this.account.pid
  }

  get scheduler(): number {
    return this.account.scheduler
  }

  get names(): Set<string> {
    return this.account.names
  }

  get keys(): Set<string> {
    return this.account.keys
  }

  check(holds: boolean, what: () => string): void {
    this.account.checks++
    if (!holds) this.#fail(what())
  }

  /** Number of the next message to `to`, which is on its way now. */
  nextTo(to: string): number {
    const n = (this.account.sent.get(to) ?? 0) + 1
    this.account.sent.set(to, n)
    return n
  }

  arrived(from: string, n: number, what = 'message'): void {
    const last = this.account.received.get(from) ?? 0
    this.check(n === last + 1, () => `${what} ${n} of ${from} came after ${last}`)
    this.account.received.set(from, n)
  }

  arrivedWith(from: string, n: number, payload: unknown): void {
    this.arrived(from, n)
    this.check(isPayload(payload, from, n), () => `message ${n} of ${from} is not what was sent`)
  }

  monitors(ref: Ref, pid: Pid): void {
    this.account.monitors.set(String(ref), String(pid))
  }

  demonitored(ref: string): void {
    this.account.monitors.set(ref, null)
  }

  isMonitored(ref: string): boolean {
    return (this.account.monitors.get(ref) ?? null) !== null
  }

  down({ ref, pid }: Down): void {
    const waiting = this.account.monitors.get(String(ref))
    this.check(waiting === String(pid), () => `DOWN of ${String(pid)} for ${String(ref)}, which waits for ${String(waiting)}`)
    this.account.monitors.set(String(ref), null)
  }

  linkOf(pid: Pid): LinkState | undefined {
    return this.account.links.get(String(pid))
  }

  linkIs(pid: Pid, state: LinkState): void {
    // An EXIT that has come is the last of a link: news of its beginning may only be older.
    if (this.account.links.get(String(pid)) !== 'over') this.account.links.set(String(pid), state)
  }

  /** After unlink one EXIT may still be in the mailbox. A scheduler that went down may have taken the news of a link with it. */
  exit({ from, reason }: ExitMessage): void {
    const state = this.account.links.get(String(from))
    const allowed = state === 'linked' || state === 'unlinked' || (state === undefined && reason === 'scheduler_down')
    this.check(allowed, () => `EXIT of ${String(from)} (${JSON.stringify(reason)}), whose link is ${state ?? 'none'}`)
    this.account.links.set(String(from), 'over')
  }

  timerStarted(timer: number): void {
    this.account.timers.set(timer, 'waiting')
  }

  timerCancelled(timer: number): void {
    this.account.timers.set(timer, 'cancelled')
  }

  timerFired(timer: number): void {
    const state = this.account.timers.get(timer)
    this.check(state === 'waiting', () => `timer ${timer} fired, which is ${state ?? 'unknown'}`)
    this.account.timers.set(timer, 'over')
  }

  timerFor(to: string, key: string): void {
    this.account.timersSent.push([to, key])
  }

  timerOf(key: string): void {
    this.check(!this.account.timersReceived.has(key), () => `timer ${key} fired twice`)
    this.account.timersReceived.add(key)
  }

  page(): Page {
    const { account } = this
    return {
      id: account.id,
      pid: account.pid,
      scheduler: account.scheduler,
      traps: account.traps,
      operations: account.operations,
      checks: account.checks,
      sent: [...account.sent],
      received: [...account.received],
      monitored: [...account.monitors.values()].flatMap((pid) => pid ?? []),
      linked: [...account.links].flatMap(([pid, state]) => (state === 'linked' ? [pid] : [])),
      timersOpen: [...account.timers.values()].filter((state) => state === 'waiting').length,
      timersSent: account.timersSent,
      timersReceived: [...account.timersReceived],
      names: [...account.names],
      keys: [...account.keys],
      increments: account.increments,
    }
  }
}

/** The books of all citizens that have lived in this isolate during the round. They outlive their citizens. */
const books: Book[] = []

export function keep(book: Book): void {
  books.push(book)
}

export function pages(): Page[] {
  return books.map((book) => book.page())
}

export function closeBooks(): void {
  books.length = 0
}
