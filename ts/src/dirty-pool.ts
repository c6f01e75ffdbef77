import type { DirtyJob, DirtyOutcome } from './dirty-job.js'
import { DirtyQueue } from './dirty-queue.js'
import type { DirtySettings } from './dirty-settings.js'
import { DirtyThread } from './dirty-thread.js'
import { copyReason } from './term/copy.js'
import { describeReason, ErrorCode } from './errors.js'

/** The state of one pool, and what it has done since it started. */
export interface DirtyPoolInfo {
  /** Threads there are. */
  readonly workers: number
  /** Threads with a job. */
  readonly busy: number
  /** Jobs that wait for a thread. */
  readonly queued: number
  /** Jobs whose function returned. */
  readonly done: number
  /** Jobs whose function threw, could not be had, or whose thread died; and those refused because the queue was full. */
  readonly failed: number
  /** Jobs given up before their end, by a timeout, a signal or the end of their caller. */
  readonly cancelled: number
}

/**
 * Threads and the jobs for them, first come first served. Threads start when a job finds none idle, up to `size`, and end when they have
 * been idle for long; the one that rested last works next, so that those not needed come to their idle time. Knows nothing of processes.
 */
export class DirtyPool {
  readonly #name: string
  readonly #size: number
  readonly #settings: DirtySettings
  readonly #queue = new DirtyQueue()
  readonly #running = new Map<DirtyJob, DirtyThread>()
  readonly #idle: DirtyThread[] = []
  #done = 0
  #failed = 0
  #cancelled = 0

  constructor(name: string, size: number, settings: DirtySettings) {
    this.#name = name
    this.#size = size
    this.#settings = settings
  }

  /** Takes `job` on. O(1). */
  submit(job: DirtyJob): void {
    const waiting = this.#queue.length
    if (job.request.onFull === 'fail' && waiting >= this.#settings.queueLimit && !this.#hasRoom()) {
      const why = `${job.request.name}: ${waiting} jobs wait for the ${this.#size} workers of the pool; dirtyQueueLimit allows ${this.#settings.queueLimit}`
      this.#fail(job, ['failed', ErrorCode.DirtyQueueFull, why, undefined])
      return
    }
    this.#queue.append(job)
    this.#assign()
  }

  /** Gives up `job`, which waits or runs: it is not heard of again. */
  cancel(job: DirtyJob): void {
    this.#cancelled++
    const thread = this.#running.get(job)
    if (thread === undefined) {
      this.#queue.remove(job)
      return
    }
    this.#running.delete(job)
    thread.end()
    this.#assign()
  }

  info(): DirtyPoolInfo {
    const busy = this.#running.size
    return {
      workers: busy + this.#idle.length,
      busy,
      queued: this.#queue.length,
      done: this.#done,
      failed: this.#failed,
      cancelled: this.#cancelled,
    }
  }

  /** Ends every thread and forgets every job. */
  close(): void {
    while (this.#queue.shift() !== null);
    for (const thread of this.#running.values()) thread.end()
    for (const thread of this.#idle) thread.end()
    this.#running.clear()
    this.#idle.length = 0
  }

  #hasRoom(): boolean {
    return this.#running.size < this.#size
  }

  /** Gives waiting jobs to threads, as long as there are both. */
  #assign(): void {
    while (this.#queue.length > 0 && this.#hasRoom()) {
      const job = this.#queue.shift() as DirtyJob
      const thread = this.#idle.pop() ?? this.#startThreadFor(job)
      if (thread === undefined) continue
      this.#running.set(job, thread)
      thread.run(job)
    }
  }

  /** A new thread; without one `job` fails, and gets to know why. */
  #startThreadFor(job: DirtyJob): DirtyThread | undefined {
    try {
      return this.#startThread()
    } catch (thrown) {
      const why = `no worker could be started for ${job.request.name}: ${describeReason(thrown)}`
      this.#fail(job, ['failed', ErrorCode.DirtyWorkerDied, why, copyReason(thrown)])
      return undefined
    }
  }

  #startThread(): DirtyThread {
    return new DirtyThread(this.#name, this.#settings, {
      answered: (thread, job, outcome) => {
        this.#running.delete(job)
        this.#idle.push(thread)
        if (outcome[0] === 'done') this.#done++
        else this.#failed++
        // The next job starts before the caller of this one hears of it.
        this.#assign()
        job.finish(outcome)
      },
      died: (job, why, cause) => {
        this.#running.delete(job)
        this.#assign()
        this.#fail(job, ['failed', ErrorCode.DirtyWorkerDied, `the worker that ran ${job.request.name} of ${job.request.url} ended: ${why}`, cause])
      },
      diedIdle: (thread, why) => {
        this.#forgetIdle(thread)
        process.stderr.write(`viga: a worker of the ${this.#name} pool ended between two jobs: ${why}\n`)
      },
      retired: (thread) => this.#forgetIdle(thread),
    })
  }

  #forgetIdle(thread: DirtyThread): void {
    const place = this.#idle.indexOf(thread)
    if (place >= 0) this.#idle.splice(place, 1)
  }

  #fail(job: DirtyJob, outcome: DirtyOutcome): void {
    this.#failed++
    job.finish(outcome)
  }
}
