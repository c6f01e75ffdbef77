import {
  type Coroutine,
  exit,
  type Down,
  isAlive,
  isDown,
  monitor,
  type Pid,
  processInfo,
  receive,
  self,
  send,
  systemInfo,
  TIMEOUT,
} from '../../src/index.js'
import type { Charge } from './charge.js'
import { PATIENCE } from './patience.js'

/** Milliseconds between two looks. */
const STEP = 20

function* nothing(): Coroutine<void> {}

/** The soak stands still. */
export class Stall extends Error {}

type News =
  | readonly ['born' | 'spawned', id: string, pid: Pid<unknown>, scheduler: number]
  | readonly ['quiet', id: string]
  | readonly ['failed', text: string]

/** Knows the citizens of a round and hears what they tell. Its methods run in one process on scheduler 1. */
export class Director {
  readonly charges = new Map<string, Charge>()
  readonly crashed = new Set<number>()
  readonly failures: string[]
  checks = 0
  readonly #byRef = new Map<string, Charge>()
  readonly #beat: () => void

  /** `beat` is called again and again while nothing hangs. */
  constructor(failures: string[], beat: () => void) {
    this.failures = failures
    this.#beat = beat
  }

  check(holds: boolean, what: () => string): void {
    this.checks++
    if (!holds) this.failures.push(what())
  }

  /** From now on the end of this citizen is awaited. */
  adopt(id: string, pid: Pid<unknown>, scheduler: number, wanders = false): Charge {
    const known = this.charges.get(id)
    if (known !== undefined) return known
    const charge: Charge = { id, pid, scheduler, wanders, ref: monitor(pid), born: false, ended: false, reason: undefined, quiet: false }
    this.charges.set(id, charge)
    this.#byRef.set(String(charge.ref), charge)
    return charge
  }

  living(): Charge[] {
    return [...this.charges.values()].filter(({ ended }) => !ended)
  }

  /** Hears what is told until `isReached()`, or throws {@link Stall}. */
  *until(what: string, isReached: () => boolean): Coroutine<void> {
    yield* this.untilAfter(what, nothing, isReached, () => '')
  }

  /** The same, with a look at things each time; `misses` says what is missing still. */
  *untilAfter(what: string, look: () => Coroutine<void>, isReached: () => boolean, misses: () => string): Coroutine<void> {
    const start = performance.now()
    for (yield* look(); !isReached(); yield* look()) {
      yield* this.listen(STEP)
      if (performance.now() - start > PATIENCE) throw new Stall(`${what}: not done after ${PATIENCE / 1_000} s\n${misses()}\n${this.describe()}`)
    }
  }

  /** Hears what is told, for `milliseconds` at least. */
  *listen(milliseconds: number): Coroutine<void> {
    const end = performance.now() + milliseconds
    for (;;) {
      this.#beat()
      const message = yield* receive<unknown>({ timeout: Math.max(0, end - performance.now()) })
      if (message !== TIMEOUT) this.#hear(message)
      if (performance.now() >= end) return
    }
  }

  #hear(message: unknown): void {
    if (isDown(message)) return this.#ended(message)
    const news = message as News
    if (news[0] === 'spawned') this.adopt(news[1], news[2], news[3])
    else if (news[0] === 'born') {
      const charge = this.adopt(news[1], news[2], news[3])
      charge.born = true
      // Before it began it may have been sent to another one.
      charge.scheduler = news[3]
    }
    else if (news[0] === 'failed') this.failures.push(news[1])
    else if (news[0] === 'quiet') {
      const charge = this.charges.get(news[1])
      if (charge !== undefined) charge.quiet = true
    } else this.failures.push(`the director was sent ${JSON.stringify(message)}`)
  }

  #ended({ ref, pid, reason }: Down): void {
    const charge = this.#byRef.get(String(ref))
    this.check(charge?.ended === false, () => `the director had a DOWN of ${String(pid)} that is not awaited`)
    if (charge === undefined) return
    charge.ended = true
    charge.reason = reason
    this.check(this.#isAllowed(reason), () => `${charge.id} ended with ${JSON.stringify(reason)}`)
  }

  #isAllowed(reason: unknown): boolean {
    if (reason === 'scheduler_down') return this.crashed.size > 0
    if (Array.isArray(reason)) return reason[0] === 'shutdown' || reason[0] === 'signal'
    return reason === 'normal' || reason === 'killed' || reason === 'noproc'
  }

  /** Has all citizens be quiet, those too of which is heard on the way. */
  *silence(): Coroutine<void> {
    const told = new Set<string>()
    const areQuiet = (): boolean => {
      for (const { id, pid } of this.living())
        if (!told.has(id)) {
          told.add(id)
          send(pid, 'quiet')
        }
      return this.living().every(({ quiet }) => quiet)
    }
    yield* this.until('silencing the citizens', areQuiet)
  }

  /** Ends all citizens, each in one of three ways. */
  *dismiss(): Coroutine<void> {
    this.living().forEach(({ pid }, i) => {
      if (i % 3 === 0) exit(pid, 'kill')
      else send(pid, i % 3 === 1 ? 'end' : 'end by exit')
    })
    yield* this.until('ending the citizens', () => this.living().length === 0)
  }

  /** How things stand, for who has to find out why nothing goes on. */
  describe(): string {
    const lines = this.living().slice(0, 20).map(({ id, pid, scheduler, quiet }) => {
      const info = isAlive(pid) ? processInfo(pid) : undefined
      const state = info === undefined ? 'not alive' : `${info.status}, ${info.messageQueueLength} messages`
      return `  ${id} ${String(pid)} on scheduler ${scheduler}: ${quiet ? 'quiet' : 'not quiet'}, ${state}`
    })
    return [`director ${String(self())}; ${this.living().length} citizens:`, ...lines, `  ${JSON.stringify(systemInfo())}`].join('\n')
  }
}
