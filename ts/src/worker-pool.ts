import type { ResourceLimits } from 'node:worker_threads'
import { describeReason } from './errors.js'
import type { SchedulerData, SchedulerMessage } from './scheduler-messages.js'
import { SchedulerThread, type ThreadEnd } from './scheduler-thread.js'

/** The end of a scheduler's thread while the runtime runs, as told to `onSchedulerDown` or in a line on stderr. */
export interface SchedulerReport {
  readonly scheduler: number
  /** What ended it, in words. */
  readonly why: string
  /** The error that ended it; undefined when process.exit did. Memory running out has the code ERR_WORKER_OUT_OF_MEMORY. */
  readonly error: unknown
  /** Ends in a row, this one included, of a thread that had not been up for a second. */
  readonly failures: number
  /** Milliseconds until another thread takes its place. */
  readonly restartIn: number
}

export type SchedulerReporter = (report: SchedulerReport) => void

export interface PoolOptions {
  readonly data: Omit<SchedulerData, 'port' | 'scheduler'>
  readonly resourceLimits: ResourceLimits
  readonly entry: URL | undefined
  readonly told: (message: SchedulerMessage) => void
  readonly down: SchedulerReporter
}

/** A thread that was up for so long, in ms, was not failing at its start. */
const STABLE = 1_000
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 10_000

/** What stands for one scheduler beside its thread. */
interface Seat {
  thread: SchedulerThread | null
  restart: NodeJS.Timeout | null
  failures: number
}

/**
 * The threads of schedulers 2 to N. One starts when it is first needed, and another takes the place of one that has ended, at once
 * unless threads keep ending at their start.
 */
export class WorkerPool {
  readonly #options: PoolOptions
  readonly #seats = new Map<number, Seat>()
  #stopped: Promise<void> | null = null

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Starts the thread of `scheduler` unless it is there. O(1). @throws ERR_VIGA_BAD_ARGUMENT when its file is missing. */
  ensure(scheduler: number): void {
    if (this.#stopped !== null || this.#seats.has(scheduler)) return
    const seat: Seat = { thread: null, restart: null, failures: 0 }
    seat.thread = this.#start(scheduler, seat)
    this.#seats.set(scheduler, seat)
  }

  /** Ends all threads. Done when they have ended. Idempotent. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stopAll())
  }

  async #stopAll(): Promise<void> {
    const seats = [...this.#seats.values()]
    for (const { restart } of seats) if (restart !== null) clearTimeout(restart)
    await Promise.all(seats.map(({ thread }) => thread?.stop()))
  }

  #start(scheduler: number, seat: Seat): SchedulerThread {
    const { data, resourceLimits, entry, told } = this.#options
    return new SchedulerThread({ data: { ...data, scheduler }, resourceLimits, entry }, {
      told,
      ended: (end) => this.#ended(scheduler, seat, end),
    })
  }

  #restart(scheduler: number, seat: Seat): void {
    try {
      seat.thread = this.#start(scheduler, seat)
    } catch (error) {
      this.#ended(scheduler, seat, { error, why: describeReason(error), lifetime: 0 })
    }
  }

  #ended(scheduler: number, seat: Seat, { error, why, lifetime }: ThreadEnd): void {
    seat.thread = null
    seat.failures = lifetime >= STABLE ? 0 : seat.failures + 1
    const restartIn = seat.failures < 2 ? 0 : Math.min(FIRST_PAUSE * 2 ** (seat.failures - 2), LONGEST_PAUSE)
    seat.restart = setTimeout(() => {
      seat.restart = null
      this.#restart(scheduler, seat)
    }, restartIn)
    // The program does not live for the sake of a thread that keeps ending.
    if (restartIn > 0) seat.restart.unref()
    this.#report({ scheduler, why, error, failures: seat.failures, restartIn })
  }

  #report(report: SchedulerReport): void {
    try {
      this.#options.down(report)
    } catch (error) {
      process.stderr.write(`viga: onSchedulerDown threw ${describeReason(error)} while told of scheduler ${report.scheduler}\n`)
    }
  }
}

/** Failures at the start after which nothing more is written until a thread has stayed up. */
const TOLD_FAILURES = 3

/** Writes the end of a scheduler as a line on stderr; of many in a row the first ones. */
export function reportSchedulerOnStderr({ scheduler, why, failures, restartIn }: SchedulerReport): void {
  if (failures > TOLD_FAILURES) return
  const last = failures === TOLD_FAILURES
  const next = last
    ? `its threads keep ending at their start: the next ones come after longer and longer pauses, and are not told of until one stays up`
    : restartIn === 0
      ? 'another thread takes its place'
      : `another thread takes its place in ${restartIn} ms`
  process.stderr.write(`viga: scheduler ${scheduler} ended, and its processes with it: ${why}; ${next}\n`)
}
