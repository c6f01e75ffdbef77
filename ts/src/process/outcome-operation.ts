import { ErrorCode, VigaError } from '../errors.js'
import type { Engine, OutcomeStatus, SliceEnd } from '../engine/engine.js'
import { Ref } from '../ref.js'
import { activeEngine, currentProcess } from '../runtime-state.js'
import { type PendingCall, waitsOf } from './async-waits.js'
import { BaseOperation, CALLING, coroutineProcess, finish, refuseIfEnded } from './operation.js'
import type { Process } from './process.js'
import { abortError } from './receive.js'

/**
 * An operation that makes one engine call and waits for its outcome: calls, starts and stops. It is performed once, by the
 * first `yield*` or `await`; awaiting it again gives the same result.
 */
export abstract class OutcomeOperation<T> extends BaseOperation<T> {
  readonly signal: AbortSignal | undefined
  #ref: Ref | null = null
  /** Since the first `await`. */
  #promised: Promise<T> | null = null
  /** Present while a signal is listened to. */
  #abort: Abort | null = null

  constructor(signal: AbortSignal | undefined) {
    super()
    this.signal = signal
  }

  /** Makes the engine call for `process`; returns its reference. */
  protected abstract begin(engine: Engine, process: Process): Ref

  /** The result, or throws. */
  abstract conclude(engine: Engine, process: Process, status: OutcomeStatus, value: unknown): T

  /** The operation was given up. */
  abandoned(_engine: Engine, _process: Process): void {}

  next(): IteratorResult<SliceEnd, T> {
    const engine = activeEngine()
    const process = coroutineProcess(engine)
    const ref = this.#ref
    if (ref === null) {
      const made = this.#start(engine, process)
      if (this.signal !== undefined)
        this.#abort = new Abort(this.signal, this, engine, process, made, () => engine.resume(process))
      return CALLING
    }
    if (ref === CONCLUDED || this.#promised !== null) throw begunTwice()
    if (engine.outcomeRef === ref.id) {
      this.#ref = CONCLUDED
      this.#abort?.forget()
      return finish(this.conclude(engine, process, engine.outcomeStatus, engine.outcomeValue))
    }
    if (this.#abort !== null && this.#abort.aborted) throw abortError(this.#abort.signal)
    return CALLING
  }

  protected promise(): Promise<T> {
    return (this.#promised ??= this.#await())
  }

  #await(): Promise<T> {
    const engine = activeEngine()
    const process = currentProcess()
    return new Promise((resolve, reject) => {
      const ref = this.#start(engine, process)
      const calls = waitsOf(process).calls
      const signal = this.signal
      const abort =
        signal === undefined
          ? null
          : new Abort(signal, this, engine, process, ref, () => {
              calls.delete(ref.id)
              reject(abortError(signal))
            })
      calls.set(ref.id, new AwaitedOutcome(this, engine, process, abort, resolve, reject))
    })
  }

  #start(engine: Engine, process: Process): Ref {
    if (this.#ref !== null) throw begunTwice()
    refuseIfEnded(process, 'a call')
    if (this.signal !== undefined && this.signal.aborted) throw abortError(this.signal)
    return (this.#ref = this.begin(engine, process))
  }
}

/** In place of the reference of a call whose outcome has been given out. */
const CONCLUDED = new Ref(0, 0, -1)

function begunTwice(): VigaError {
  return new VigaError(ErrorCode.WrongBody, 'an operation is performed once; this one has been begun already: make a new one')
}

/** Settles the promise of an operation with its outcome. */
class AwaitedOutcome<T> implements PendingCall {
  readonly #operation: OutcomeOperation<T>
  readonly #engine: Engine
  readonly #process: Process
  readonly #abort: Abort | null
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void

  constructor(
    operation: OutcomeOperation<T>,
    engine: Engine,
    process: Process,
    abort: Abort | null,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#operation = operation
    this.#engine = engine
    this.#process = process
    this.#abort = abort
    this.#resolve = resolve
    this.#reject = reject
  }

  settle(status: number, value: unknown): void {
    this.#abort?.forget()
    let result: T
    try {
      result = this.#operation.conclude(this.#engine, this.#process, status as OutcomeStatus, value)
    } catch (error) {
      this.#reject(error)
      return
    }
    this.#resolve(result)
  }

  fail(error: unknown): void {
    this.#abort?.forget()
    this.#reject(error)
  }
}

/** Gives a pending call up when its signal says so. */
class Abort {
  readonly signal: AbortSignal
  aborted = false
  readonly #listener: () => void

  constructor(
    signal: AbortSignal,
    operation: OutcomeOperation<unknown>,
    engine: Engine,
    process: Process,
    ref: Ref,
    then: () => void,
  ) {
    this.signal = signal
    this.#listener = () => {
      if (process.ended || !engine.abandon(process, ref)) return
      this.aborted = true
      operation.abandoned(engine, process)
      then()
    }
    signal.addEventListener('abort', this.#listener, { once: true })
  }

  forget(): void {
    this.signal.removeEventListener('abort', this.#listener)
  }
}
