import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type ResourceLimits, SHARE_ENV, Worker, type WorkerOptions } from 'node:worker_threads'
import { bootFromSources } from './boot-from-sources.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import { runOutsideProcesses } from './process/async-context.js'
import { SCHEDULER_DATA, type SchedulerData, type SchedulerMessage } from './scheduler-messages.js'

/** How a thread came to its end. */
export interface ThreadEnd {
  /** What it failed with, if that was an error. */
  readonly error: unknown
  /** In words. */
  readonly why: string
  /** Milliseconds that it was part of the system, 0 when it never was. */
  readonly lifetime: number
}

export interface ThreadEvents {
  told(message: SchedulerMessage): void
  ended(end: ThreadEnd): void
}

export interface ThreadOptions {
  readonly data: Omit<SchedulerData, 'port'>
  readonly resourceLimits: ResourceLimits
  /** The file a thread begins with; viga's own unless given. */
  readonly entry: URL | undefined
}

/**
 * The worker thread of one scheduler. It keeps the program alive until it has joined the system; from then on, what the program waits for
 * does.
 */
export class SchedulerThread {
  readonly #worker: Worker
  readonly #events: ThreadEvents
  #joinedAt: number | null = null
  #failure: { readonly error: unknown } | null = null
  #stopped = false

  constructor({ data, resourceLimits, entry }: ThreadOptions, events: ThreadEvents) {
    this.#events = events
    const { port1: ours, port2: theirs } = new MessageChannel()
    // Its events belong to nobody, whichever process was the first to need it.
    this.#worker = runOutsideProcesses(() =>
      startWorker(entry, {
        env: SHARE_ENV,
        argv: process.argv.slice(2),
        name: `viga ${data.scheduler}`,
        resourceLimits,
        workerData: { [SCHEDULER_DATA]: { ...data, port: theirs } satisfies SchedulerData },
        transferList: [theirs],
      }),
    )
    ours.on('message', (message: SchedulerMessage) => this.#told(message))
    ours.unref()
    this.#worker.on('error', (error) => (this.#failure ??= { error }))
    // Our end of the channel closes by itself when what the thread said last has been heard.
    this.#worker.on('exit', (code) => this.#ended(code))
  }

  /** Ends the thread, in the middle of whatever it does; its end is not told. Done when it is over. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#worker.unref()
    await this.#worker.terminate()
  }

  #told(message: SchedulerMessage): void {
    if (this.#stopped) return
    if (message.kind === 'joined') {
      this.#joinedAt = performance.now()
      this.#worker.unref()
    }
    this.#events.told(message)
  }

  #ended(code: number): void {
    if (this.#stopped) return
    this.#stopped = true
    const lifetime = this.#joinedAt === null ? 0 : performance.now() - this.#joinedAt
    const error = this.#failure?.error
    this.#events.ended({ error, why: this.#failure === null ? exitText(code) : describeReason(error), lifetime })
  }
}

function exitText(code: number): string {
  return `process.exit(${code}) was called on it`
}

const fromSources = import.meta.url.endsWith('.ts')

/** With the entry given, or from the built package a file beside it, or from the sources through the loader that they need. */
function startWorker(entry: URL | undefined, options: WorkerOptions): Worker {
  if (entry !== undefined) return new Worker(entry, options)
  if (fromSources) return new Worker(bootFromSources(new URL('./scheduler-worker.ts', import.meta.url)), { ...options, eval: true })
  const beside = new URL('./scheduler-worker.cjs', import.meta.url)
  if (existsSync(beside)) return new Worker(beside, options)
  throw new VigaError(
    ErrorCode.BadArgument,
    `scheduler-worker.cjs is not beside ${fileURLToPath(import.meta.url)}, so that no further scheduler can start: leave viga out of the bundle ` +
      '(external), or give Runtime.start({ workerEntry }) a file that calls runScheduler()',
  )
}
