import { type Engine, OutcomeStatus } from './engine/engine.js'
import { encodedForTransfer } from './dirty-bytes.js'
import type { DirtyOutcome, DirtyRequest, OnFull } from './dirty-job.js'
import type { DirtyPoolInfo } from './dirty-pool.js'
import { dirtyPool, INFO } from './dirty-pool-process.js'
import type { DirtyKind } from './dirty-settings.js'
import { Exit, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import { OutcomeOperation } from './process/outcome-operation.js'
import type { Process } from './process/process.js'
import { newRef, type Ref } from './ref.js'
import { CallRequest, CastRequest } from './request.js'

/** A job for a pool, and the wait for its result. */
export class DirtyOperation<T> extends OutcomeOperation<T> {
  readonly #kind: DirtyKind
  readonly #url: string
  readonly #name: string
  readonly #args: readonly unknown[]
  readonly #onFull: OnFull
  readonly #timeout: number
  #sent: { readonly pool: Pid; readonly ref: Ref } | null = null

  constructor(
    kind: DirtyKind,
    url: string,
    name: string,
    args: readonly unknown[],
    options: { readonly onFull: OnFull; readonly timeout: number; readonly signal: AbortSignal | undefined },
  ) {
    super(options.signal)
    this.#kind = kind
    this.#url = url
    this.#name = name
    this.#args = args
    this.#onFull = options.onFull
    this.#timeout = options.timeout
  }

  protected begin(engine: Engine, process: Process): Ref {
    const args = encodedForTransfer(this.#args, 'arguments')
    const request: DirtyRequest = { url: this.#url, name: this.#name, args, onFull: this.#onFull }
    const pool = dirtyPool(engine, this.#kind)
    const ref = newRef(process.pid)
    this.#sent = { pool, ref }
    engine.call(process, pool, ref, new CallRequest(ref, request), this.#timeout)
    return ref
  }

  conclude(engine: Engine, process: Process, status: OutcomeStatus, value: unknown): T {
    if (status === OutcomeStatus.Reply) return resultOf(value as DirtyOutcome) as T
    if (status === OutcomeStatus.Timeout) this.abandoned(engine, process)
    const reason = status === OutcomeStatus.Timeout ? 'timeout' : value
    throw new Exit([reason, ['dirty', this.#kind, [this.#url, this.#name, this.#timeout]]])
  }

  override abandoned(engine: Engine, _process: Process): void {
    const sent = this.#sent
    if (sent !== null) engine.send(sent.pool, new CastRequest(sent.ref))
  }
}

function resultOf(outcome: DirtyOutcome): unknown {
  switch (outcome[0]) {
    case 'done':
      return outcome[1]
    case 'threw':
      throw outcome[1]
    case 'failed': {
      const [, code, message, cause] = outcome
      throw new VigaError(code, message, cause === undefined ? undefined : { cause })
    }
  }
}

/** Asks a pool for its state. */
export class DirtyInfoOperation extends OutcomeOperation<DirtyPoolInfo> {
  readonly #kind: DirtyKind

  constructor(kind: DirtyKind) {
    super(undefined)
    this.#kind = kind
  }

  protected begin(engine: Engine, process: Process): Ref {
    const ref = newRef(process.pid)
    engine.call(process, dirtyPool(engine, this.#kind), ref, new CallRequest(ref, INFO), Infinity)
    return ref
  }

  conclude(_engine: Engine, _process: Process, status: OutcomeStatus, value: unknown): DirtyPoolInfo {
    if (status === OutcomeStatus.Reply) return value as DirtyPoolInfo
    throw new Exit([value, ['dirty', 'info', [this.#kind]]])
  }
}
