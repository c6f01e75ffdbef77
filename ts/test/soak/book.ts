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

/** Keeps account of one citizen; everything that may not be is told to `fail`. */
export class Book {
  readonly id: string
  readonly pid: string
  readonly scheduler: number
  readonly traps: boolean
  readonly names = new Set<string>()
  readonly keys = new Set<string>()
  operations = 0
  checks = 0
  increments = 0
  readonly #fail: (text: string) => void
  readonly #sent = new Map<string, number>()
  readonly #received = new Map<string, number>()
  readonly #monitors = new Map<string, string | null>()
  readonly #links = new Map<string, LinkState>()
  readonly #timers = new Map<number, 'waiting' | 'cancelled' | 'over'>()
  readonly #timersSent: [to: string, key: string][] = []
  readonly #timersReceived = new Set<string>()

  constructor(id: string, pid: Pid, scheduler: number, traps: boolean, fail: (text: string) => void) {
    this.id = id
    this.pid = String(pid)
    this.scheduler = scheduler
    this.traps = traps
    this.#fail = (text) => fail(`${id} ${this.pid} on scheduler ${scheduler}: ${text}`)
  }

  check(holds: boolean, what: () => string): void {
    this.checks++
    if (!holds) this.#fail(what())
  }

  /** Number of the next message to `to`, which is on its way now. */
  nextTo(to: string): number {
    const n = (this.#sent.get(to) ?? 0) + 1
    this.#sent.set(to, n)
    return n
  }

  arrived(from: string, n: number, what = 'message'): void {
    const last = this.#received.get(from) ?? 0
    this.check(n === last + 1, () => `${what} ${n} of ${from} came after ${last}`)
    this.#received.set(from, n)
  }

  arrivedWith(from: string, n: number, payload: unknown): void {
    this.arrived(from, n)
    this.check(isPayload(payload, from, n), () => `message ${n} of ${from} is not what was sent`)
  }

  monitors(ref: Ref, pid: Pid): void {
    this.#monitors.set(String(ref), String(pid))
  }

  demonitored(ref: string): void {
    this.#monitors.set(ref, null)
  }

  isMonitored(ref: string): boolean {
    return (this.#monitors.get(ref) ?? null) !== null
  }

  down({ ref, pid }: Down): void {
    const waiting = this.#monitors.get(String(ref))
    this.check(waiting === String(pid), () => `DOWN of ${String(pid)} for ${String(ref)}, which waits for ${String(waiting)}`)
    this.#monitors.set(String(ref), null)
  }

  linkOf(pid: Pid): LinkState | undefined {
    return this.#links.get(String(pid))
  }

  linkIs(pid: Pid, state: LinkState): void {
    // An EXIT that has come is the last of a link: news of its beginning may only be older.
    if (this.#links.get(String(pid)) !== 'over') this.#links.set(String(pid), state)
  }

  /** After unlink one EXIT may still be in the mailbox. A scheduler that went down may have taken the news of a link with it. */
  exit({ from, reason }: ExitMessage): void {
    const state = this.#links.get(String(from))
    const allowed = state === 'linked' || state === 'unlinked' || (state === undefined && reason === 'scheduler_down')
    this.check(allowed, () => `EXIT of ${String(from)} (${JSON.stringify(reason)}), whose link is ${state ?? 'none'}`)
    this.#links.set(String(from), 'over')
  }

  timerStarted(timer: number): void {
    this.#timers.set(timer, 'waiting')
  }

  timerCancelled(timer: number): void {
    this.#timers.set(timer, 'cancelled')
  }

  timerFired(timer: number): void {
    const state = this.#timers.get(timer)
    this.check(state === 'waiting', () => `timer ${timer} fired, which is ${state ?? 'unknown'}`)
    this.#timers.set(timer, 'over')
  }

  timerFor(to: string, key: string): void {
    this.#timersSent.push([to, key])
  }

  timerOf(key: string): void {
    this.check(!this.#timersReceived.has(key), () => `timer ${key} fired twice`)
    this.#timersReceived.add(key)
  }

  page(): Page {
    return {
      id: this.id,
      pid: this.pid,
      scheduler: this.scheduler,
      traps: this.traps,
      operations: this.operations,
      checks: this.checks,
      sent: [...this.#sent],
      received: [...this.#received],
      monitored: [...this.#monitors.values()].flatMap((pid) => pid ?? []),
      linked: [...this.#links].flatMap(([pid, state]) => (state === 'linked' ? [pid] : [])),
      timersOpen: [...this.#timers.values()].filter((state) => state === 'waiting').length,
      timersSent: this.#timersSent,
      timersReceived: [...this.#timersReceived],
      names: [...this.names],
      keys: [...this.keys],
      increments: this.increments,
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
