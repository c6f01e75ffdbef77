import { isModuleMeta, type ModuleMeta, moduleUrl } from './blueprint.js'
import { DirtyInfoOperation, DirtyOperation } from './dirty-operation.js'
import type { OnFull } from './dirty-job.js'
import type { DirtyPoolInfo } from './dirty-pool.js'
import type { DirtyKind } from './dirty-settings.js'
import { ErrorCode, VigaError } from './errors.js'
import { composed, step, type Steps } from './process/composed-operation.js'
import type { Operation } from './process/operation.js'
import { checkTimeout } from './process/receive.js'
import { describe } from './term/refusal.js'

export interface DirtyJobOptions {
  /** Milliseconds until the job is given up with {@link Exit}, reason ['timeout', ...], counted from its call. Infinity unless given. */
  readonly timeout?: number
  /** Gives the job up with ERR_VIGA_ABORTED. */
  readonly signal?: AbortSignal | undefined
  /** When the pool's queue is full: `wait` behind it (unless given), or `fail` at once with ERR_VIGA_DIRTY_QUEUE_FULL. */
  readonly onFull?: OnFull
}

/** The dirty pools, with options for the jobs that are given to them through it. */
export class Dirty {
  readonly #options: { readonly timeout: number; readonly signal: AbortSignal | undefined; readonly onFull: OnFull }

  /** Use {@link dirty}. */
  constructor(options: DirtyJobOptions) {
    const { timeout = Infinity, signal, onFull = 'wait' } = options
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new VigaError(ErrorCode.BadArgument, `dirty.with: signal is ${describe(signal)}; an AbortSignal is allowed`)
    if (onFull !== 'wait' && onFull !== 'fail')
      throw new VigaError(ErrorCode.BadArgument, `dirty.with: onFull is ${describe(onFull)}; wait and fail are allowed`)
    this.#options = { timeout: checkTimeout(timeout, 'dirty.with'), signal, onFull }
  }

  /**
   * Calls `fn` with `args` in a thread of the pool for computations, and gives what it returns or resolves to. `fn` must be exported
   * under its own name by the module whose `import.meta` is given: the thread loads that module. Arguments and result are terms, copied
   * on the way.
   *
   * Throws what `fn` throws; ERR_VIGA_NOT_A_TERM for an argument or a result that is none; ERR_VIGA_DEFINITION_NOT_FOUND;
   * ERR_VIGA_DIRTY_WORKER_DIED when the thread ended under it. O(size of arguments and result) here, some 100 µs besides.
   *
   * @example
   * export function countPrimes(below: number): number { ... }
   * const count = await dirty.cpu(import.meta, countPrimes, 10_000_000)
   */
  cpu<A extends readonly unknown[], T>(meta: ModuleMeta, fn: (...args: A) => T, ...args: A): Operation<Awaited<T>> {
    return this.#job('cpu', meta, fn, args) as Operation<Awaited<T>>
  }

  /** Like {@link cpu}, in the pool for what blocks on something outside: synchronous input and output, native code that waits. */
  io<A extends readonly unknown[], T>(meta: ModuleMeta, fn: (...args: A) => T, ...args: A): Operation<Awaited<T>> {
    return this.#job('io', meta, fn, args) as Operation<Awaited<T>>
  }

  /** The same pools with these options, beside those given so far: `dirty.with({ timeout: 1_000 }).cpu(...)`. */
  with(options: DirtyJobOptions): Dirty {
    if (typeof options !== 'object' || options === null)
      throw new VigaError(ErrorCode.BadArgument, `dirty.with: ${describe(options)}; an object of timeout, signal and onFull is allowed`)
    return new Dirty({ ...this.#options, ...options })
  }

  /** The state of both pools. A look at a pool that nobody has used starts its process, but no thread. */
  info(): Operation<{ readonly cpu: DirtyPoolInfo; readonly io: DirtyPoolInfo }> {
    return composed(function* (): Steps<{ cpu: DirtyPoolInfo; io: DirtyPoolInfo }> {
      const cpu = yield* step(new DirtyInfoOperation('cpu'))
      return { cpu, io: yield* step(new DirtyInfoOperation('io')) }
    })
  }

  #job(kind: DirtyKind, meta: unknown, fn: unknown, args: readonly unknown[]): Operation<unknown> {
    const where = `dirty.${kind}`
    if (!isModuleMeta(meta))
      throw new VigaError(
        ErrorCode.BadArgument,
        `${where}: the first argument is ${describe(meta)}; the import.meta of the module that exports the function is allowed`,
      )
    if (typeof fn !== 'function' || fn.name === '')
      throw new VigaError(
        ErrorCode.BadArgument,
        `${where}: the second argument is ${describe(fn)}; a function that ${meta.url} exports under its name is allowed`,
      )
    return new DirtyOperation(kind, moduleUrl(meta, where), fn.name, args, this.#options)
  }
}

/**
 * Long computations and blocking calls in threads of their own, so that no scheduler stands still meanwhile. A process that waits for
 * such a job costs what any waiting process costs; when it ends, its job is ended too.
 *
 * @example
 * const digest = yield* dirty.io(import.meta, hashFile, path)
 * const soon = await dirty.with({ timeout: 1_000 }).cpu(import.meta, countPrimes, 10_000_000)
 */
export const dirty: Dirty = new Dirty({})
