import type { ErrorCode } from './errors.js'

/** What a caller asks of a pool: to call the function that a module exports, with arguments in the term format. A term. */
export interface DirtyRequest {
  readonly url: string
  readonly name: string
  readonly args: Uint8Array
  readonly onFull: OnFull
}

/** What becomes of a job that finds the queue full: it waits its turn, or fails at once. */
export type OnFull = 'wait' | 'fail'

/** What a pool answers: the result, what the function threw, or why there is neither. A term. */
export type DirtyOutcome =
  | readonly ['done', value: unknown]
  | readonly ['threw', thrown: unknown]
  | readonly ['failed', code: ErrorCode, message: string, cause: unknown]

/** Where what a thread of a pool is told at its start is among its workerData. */
export const DIRTY_DATA = 'viga.dirty'

export interface DirtyData {
  /** Version of the package that started it; another one's protocol may differ. */
  readonly version: string
}

/** A job on its way to a worker. The buffer of `args` is transferred. */
export interface WorkerTask {
  readonly task: number
  readonly url: string
  readonly name: string
  readonly args: Uint8Array
}

/** What a worker answers; of `bytes`, whose buffer is transferred, `kind` says what they are. */
export interface WorkerAnswer {
  readonly task: number
  /** `term` and `bytes`: the result, encoded or as it is. `threw`: what was thrown, encoded. `failed`: [code, message, cause], encoded. */
  readonly kind: 'term' | 'bytes' | 'threw' | 'failed'
  readonly bytes: Uint8Array
}

/** One job of a pool, waiting or running. A link of its queue while it waits. */
export class DirtyJob {
  readonly request: DirtyRequest
  /** Told once, unless the job is cancelled. */
  readonly finish: (outcome: DirtyOutcome) => void
  previous: DirtyJob | null = null
  next: DirtyJob | null = null

  constructor(request: DirtyRequest, finish: (outcome: DirtyOutcome) => void) {
    this.request = request
    this.finish = finish
  }
}
