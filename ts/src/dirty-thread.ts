import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SHARE_ENV, Worker, type WorkerOptions } from 'node:worker_threads'
import { bootFromSources } from './boot-from-sources.js'
import { DIRTY_DATA, type DirtyData, type DirtyJob, type DirtyOutcome, type WorkerAnswer, type WorkerTask } from './dirty-job.js'
import type { DirtySettings } from './dirty-settings.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import { runOutsideProcesses } from './process/async-context.js'
import { copyReason } from './term/copy.js'
import { decodeTerm } from './term/decode.js'
import { VERSION } from './version.js'

/** How a thread tells its pool. */
export interface DirtyThreadEvents {
  /** Its job is done, and it rests. */
  answered(thread: DirtyThread, job: DirtyJob, outcome: DirtyOutcome): void
  /** It has ended without having been asked to, and with it its job. */
  died(job: DirtyJob, why: string, cause: unknown): void
  /** The same, while it had none: of what an earlier job left behind, for which nobody waits. */
  diedIdle(thread: DirtyThread, why: string): void
  /** It has had no job for the idle time, and ends. */
  retired(thread: DirtyThread): void
}

/**
 * One worker of a pool: one job at a time. It keeps the program alive while it has one, and only then. Ending it is how a job is
 * stopped, whatever it does: V8 ends the code that runs.
 */
export class DirtyThread {
  readonly #worker: Worker
  readonly #events: DirtyThreadEvents
  readonly #idleTime: number
  #job: DirtyJob | null = null
  /** Number of the job in hand, by which an answer is known to be its. */
  #task = 0
  #retirement: NodeJS.Timeout | null = null
  #ended = false
  /** What the thread failed with, before it ends of that. */
  #failure: { readonly thrown: unknown } | null = null

  /** Throws what `new Worker` throws, and ERR_VIGA_BAD_ARGUMENT when the file to begin with is missing. */
  constructor(name: string, { idleTime, resourceLimits, workerEntry }: DirtySettings, events: DirtyThreadEvents) {
    this.#events = events
    this.#idleTime = idleTime
    const data: DirtyData = { version: VERSION }
    // The worker's events belong to nobody, whichever process was the first to need it.
    this.#worker = runOutsideProcesses(() =>
      startWorker(workerEntry, {
        env: SHARE_ENV,
        argv: process.argv.slice(2),
        name: `viga ${name}`,
        resourceLimits,
        workerData: { [DIRTY_DATA]: data },
      }),
    )
    this.#worker.on('message', (message: unknown) => this.#answered(message))
    this.#worker.on('error', (thrown: unknown) => (this.#failure ??= { thrown }))
    this.#worker.on('exit', (code) => this.#exited(code))
  }

  run(job: DirtyJob): void {
    if (this.#retirement !== null) clearTimeout(this.#retirement)
    this.#retirement = null
    this.#job = job
    const { url, name, args } = job.request
    this.#worker.ref()
    this.#worker.postMessage({ task: ++this.#task, url, name, args } satisfies WorkerTask, [args.buffer as ArrayBuffer])
  }

  /** Ends the thread at once, in the middle of whatever it does; its pool is not told. Idempotent. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#job = null
    if (this.#retirement !== null) clearTimeout(this.#retirement)
    this.#worker.unref()
    void this.#worker.terminate()
  }

  #answered(message: unknown): void {
    const job = this.#job
    // What the function itself posts to its parent is nobody's.
    if (job === null || !isAnswer(message, this.#task)) return
    this.#job = null
    this.#worker.unref()
    this.#rest()
    this.#events.answered(this, job, outcomeOf(message))
  }

  #rest(): void {
    if (this.#idleTime > LONGEST_TIMEOUT) return
    this.#retirement = runOutsideProcesses(() =>
      setTimeout(() => {
        this.end()
        this.#events.retired(this)
      }, this.#idleTime),
    ).unref()
  }

  #exited(code: number): void {
    if (this.#ended) return
    this.#ended = true
    const job = this.#job
    this.#job = null
    if (this.#retirement !== null) clearTimeout(this.#retirement)
    const failure = this.#failure
    const why = failure === null ? `process.exit(${code}) was called in it` : describeReason(failure.thrown)
    if (job === null) this.#events.diedIdle(this, why)
    else this.#events.died(job, why, failure === null ? undefined : copyReason(failure.thrown))
  }
}

/** Longest time that setTimeout takes, in ms; what is longer counts as never. */
const LONGEST_TIMEOUT = 2_147_483_647

function isAnswer(message: unknown, task: number): message is WorkerAnswer {
  return (
    typeof message === 'object' && message !== null && 'task' in message && message.task === task && 'kind' in message && 'bytes' in message
  )
}

function outcomeOf({ kind, bytes }: WorkerAnswer): DirtyOutcome {
  switch (kind) {
    case 'bytes':
      return ['done', bytes]
    case 'term':
      return ['done', decodeTerm(bytes)]
    case 'threw':
      return ['threw', decodeTerm(bytes)]
    case 'failed': {
      const [code, message, cause] = decodeTerm(bytes) as [ErrorCode, string, unknown]
      return ['failed', code, message, cause]
    }
  }
}

/** With the entry given, or from the built package a file beside it, or from the sources through the loader that they need. */
function startWorker(entry: URL | undefined, options: WorkerOptions): Worker {
  if (entry !== undefined) return new Worker(entry, options)
  if (import.meta.url.endsWith('.ts'))
    return new Worker(bootFromSources(new URL('./dirty-worker.ts', import.meta.url)), { ...options, eval: true })
  const beside = new URL('./dirty-worker.cjs', import.meta.url)
  if (existsSync(beside)) return new Worker(beside, options)
  throw new VigaError(
    ErrorCode.BadArgument,
    `dirty-worker.cjs is not beside ${fileURLToPath(import.meta.url)}, so that no thread of a dirty pool can start: leave viga out of the ` +
      'bundle (external), or give Runtime.start({ dirtyWorkerEntry }) a file that calls runDirtyWorker()',
  )
}
