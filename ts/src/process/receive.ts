import { ErrorCode, VigaError } from '../errors.js'
import { EMPTY, type Engine, type SliceEnd } from '../engine/engine.js'
import { activeEngine, currentProcess } from '../runtime-state.js'
import { type PendingReceive, takeAnywhere, waitsOf } from './async-waits.js'
import { BaseOperation, coroutineProcess, finish, GIVING_WAY, type Operation, refuseIfEnded, WAITING } from './operation.js'
import type { Process } from './process.js'
import { type PutAside, putAsideOf } from './put-aside.js'
import { describe } from '../term/refusal.js'

/** What a receive gives whose timeout has passed. Not sendable, so never a message. */
export const TIMEOUT: unique symbol = Symbol('viga.timeout')
export type Timeout = typeof TIMEOUT

export interface ReceiveOptions {
  /** Milliseconds (fractions are rounded up); 0 polls, Infinity (default) waits for ever. */
  readonly timeout?: number
  /** Gives the receive up with ERR_VIGA_ABORTED. */
  readonly signal?: AbortSignal
}

/** `receive()`: first message, no matter what, no matter when. Stateless, so one object serves all. */
class PlainReceive extends BaseOperation<unknown> {
  next(): IteratorResult<SliceEnd, unknown> {
    const engine = activeEngine()
    const process = coroutineProcess(engine)
    if (process.putAside !== null) return engine.spent ? GIVING_WAY : finish(takePutAside(engine, process, 0))
    const message = engine.take()
    return message === EMPTY ? WAITING : finish(message)
  }

  protected promise(): Promise<unknown> {
    return new MatchingReceive(null, Infinity, undefined).start()
  }
}

function takePutAside(engine: Engine, process: Process, position: number): unknown {
  const putAside = process.putAside as PutAside
  const message = putAside.take(position)
  if (putAside.length === 0) process.putAside = null
  release(engine, process, -1)
  engine.charge(position + 1)
  return message
}

/** Tells the engine that messages are put aside (delta > 0) or taken after all. */
function release(engine: Engine, process: Process, delta: number): void {
  if (engine.current === process) engine.heldDelta += delta
  else engine.holdOutside(process, delta)
}

/** A receive with a pattern, a timeout or a signal, or one that is awaited. */
export class MatchingReceive extends BaseOperation<unknown> implements PendingReceive {
  readonly #matches: ((message: unknown) => boolean) | null
  readonly #timeout: number
  readonly #signal: AbortSignal | undefined
  #started = false
  /** Has not begun: a slice comes first. */
  #deferred = false
  #resolve: ((value: unknown) => void) | null = null
  #reject: ((error: unknown) => void) | null = null
  #unlisten: (() => void) | null = null

  constructor(matches: ((message: unknown) => boolean) | null, timeout: number, signal: AbortSignal | undefined) {
    super()
    this.#matches = matches
    this.#timeout = timeout
    this.#signal = signal
  }

  next(): IteratorResult<SliceEnd, unknown> {
    const engine = activeEngine()
    const process = coroutineProcess(engine)
    if (this.#signal !== undefined) this.#watchSignal(this.#signal, () => {
        if (!process.ended) engine.resume(process)
      })
    const first = !this.#started
    if (first && engine.spent) return GIVING_WAY
    const message = this.#search(engine, process)
    if (message !== EMPTY) return this.#end(message)
    if (!first && engine.timedOut) return this.#end(TIMEOUT)
    if (this.#timeout === 0) {
      engine.charge(1)
      return engine.drained ? this.#end(TIMEOUT) : GIVING_WAY
    }
    engine.waitTimeout = !first ? -2 : this.#timeout === Infinity ? -1 : this.#timeout
    return WAITING
  }

  protected promise(): Promise<unknown> {
    return this.start()
  }

  /** Starts the receive for the current process, as a promise. */
  start(): Promise<unknown> {
    const process = currentProcess()
    const engine = activeEngine()
    return new Promise((resolve, reject) => {
      refuseIfEnded(process, 'receive()')
      const waits = waitsOf(process)
      if (waits.receive !== null)
        throw new VigaError(
          ErrorCode.ReceivePending,
          `receive() by ${String(process.pid)} while an earlier receive of the same process is pending; await that one first`,
        )
      this.#resolve = resolve
      this.#reject = reject
      if (this.#signal !== undefined)
        this.#watchSignal(this.#signal, () => {
          waits.receive = null
          this.#settle(reject, abortError(this.#signal as AbortSignal))
        })
      this.#deferred = waits.defers(this, engine, process)
      if (this.#deferred || this.#offerFirst(engine, process)) return
      waits.receive = this
    })
  }

  offer(engine: Engine, process: Process): boolean {
    let message: unknown
    try {
      if (this.#deferred) {
        this.#deferred = false
        return this.#offerFirst(engine, process)
      }
      message = this.#search(engine, process)
    } catch (error) {
      this.#settle(this.#reject as (error: unknown) => void, error)
      return true
    }
    if (message === EMPTY) {
      if (!engine.timedOut) return false
      message = TIMEOUT
    }
    this.#settle(this.#resolve as (value: unknown) => void, message)
    return true
  }

  fail(error: unknown): void {
    this.#settle(this.#reject as (error: unknown) => void, error)
  }

  #offerFirst(engine: Engine, process: Process): boolean {
    let message = this.#search(engine, process)
    if (message === EMPTY) {
      if (this.#timeout !== 0 || (engine.current === process && !engine.drained)) {
        if (engine.current === process) engine.waitTimeout = this.#timeout === Infinity ? -1 : this.#timeout
        return false
      }
      message = TIMEOUT
    }
    this.#settle(this.#resolve as (value: unknown) => void, message)
    return true
  }

  /** First match among the messages put aside (once) and those that have arrived since; EMPTY when there is none. */
  #search(engine: Engine, process: Process): unknown {
    const matches = this.#matches
    if (!this.#started) {
      this.#started = true
      const putAside = process.putAside
      if (putAside !== null) {
        const waiting = putAside.length
        for (let position = 0; position < waiting; position++)
          if (matches === null || matches(putAside.at(position))) return takePutAside(engine, process, position)
        engine.charge(waiting)
      }
    }
    for (;;) {
      const message = takeAnywhere(engine, process, this.#timeout === Infinity ? -1 : this.#timeout)
      if (message === EMPTY) return EMPTY
      let matched = matches === null
      try {
        matched ||= (matches as (message: unknown) => boolean)(message)
      } finally {
        // A pattern that throws must not lose the message it was shown.
        if (!matched) {
          putAsideOf(process).add(message)
          release(engine, process, 1)
        }
      }
      if (matched) return message
    }
  }

  #end(value: unknown): IteratorResult<SliceEnd, unknown> {
    this.#unlisten?.()
    return finish(value)
  }

  #settle(how: (value: unknown) => void, value: unknown): void {
    this.#unlisten?.()
    how(value)
  }

  #watchSignal(signal: AbortSignal, onAbort: () => void): void {
    if (signal.aborted) throw abortError(signal)
    if (this.#unlisten !== null) return
    signal.addEventListener('abort', onAbort, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', onAbort)
  }
}

export function abortError(signal: AbortSignal): VigaError {
  return new VigaError(ErrorCode.Aborted, 'given up through its AbortSignal', { cause: signal.reason })
}

/** Milliseconds as given, or ERR_VIGA_BAD_ARGUMENT. */
export function checkTimeout(timeout: unknown, where: string): number {
  if (typeof timeout !== 'number' || Number.isNaN(timeout) || timeout < 0)
    throw new VigaError(
      ErrorCode.BadArgument,
      `${where}: timeout is ${describe(timeout)}; milliseconds from 0 on, or Infinity, are allowed`,
    )
  return timeout === Infinity ? Infinity : Math.ceil(timeout)
}

const plain = new PlainReceive()

/**
 * Waits for a message of the current process.
 *
 * - `receive()` takes the oldest message.
 * - `receive(pattern)` takes the oldest message for which `pattern` is true and leaves the rest in order. A type guard as the
 *   pattern gives the type.
 * - `{ timeout }` gives {@link TIMEOUT} after so many milliseconds, and leaves the mailbox as it was; 0 polls.
 *
 * O(1) for the first message; a pattern is tried on each waiting message once per receive.
 *
 * @example
 * const greeting = await receive<Hello>()
 * const pong = yield* receive((message): message is Pong => isPong(message), { timeout: 100 })
 */
export function receive<M = unknown>(): Operation<M>
export function receive<M = unknown>(options: ReceiveOptions & { readonly timeout?: undefined }): Operation<M>
export function receive<M = unknown>(options: ReceiveOptions): Operation<M | Timeout>
export function receive<M>(pattern: (message: unknown) => message is M): Operation<M>
export function receive<M>(pattern: (message: unknown) => message is M, options: ReceiveOptions): Operation<M | Timeout>
export function receive<M = unknown>(pattern: (message: M) => boolean): Operation<M>
export function receive<M = unknown>(pattern: (message: M) => boolean, options: ReceiveOptions): Operation<M | Timeout>
export function receive(
  patternOrOptions?: ((message: never) => boolean) | ReceiveOptions,
  options?: ReceiveOptions,
): Operation<unknown> {
  if (patternOrOptions === undefined && options === undefined) return plain
  const pattern = typeof patternOrOptions === 'function' ? patternOrOptions : null
  const chosen = options ?? (typeof patternOrOptions === 'object' ? patternOrOptions : undefined) ?? {}
  const timeout = chosen.timeout === undefined ? Infinity : checkTimeout(chosen.timeout, 'receive()')
  return new MatchingReceive(pattern as ((message: unknown) => boolean) | null, timeout, chosen.signal)
}
