import { EMPTY, type Engine, SliceEnd, Wake } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import { isGenerator, isPromiseLike } from './body-kind.js'
import { type Coroutine, sliceEndOf } from './generator-process.js'
import { Process } from './process.js'
import { reasonOfThrown } from './reason.js'

/** A callback's work: done, or a coroutine or promise to see through before the next message. */
export type Work = undefined | void | Coroutine | PromiseLike<unknown>

/** `idleTimeout` of a process that waits for its next message for ever. */
export const NEVER_IDLE = -1
/** `idleTimeout` of a process that hibernates until its next message. */
export const HIBERNATE = -2

/**
 * A process without a stack between slices: callbacks and their state. The base of servers, supervisors and agents.
 * `message` is called for each message, one after the other. A callback ends the process by throwing (`Exit` for a reason
 * of choice). Synchronous callbacks cost no promise and no generator.
 */
export abstract class CallbackProcess extends Process {
  /** Milliseconds without a message after which `idle` is called, once; or NEVER_IDLE, or HIBERNATE. Reset by each callback. */
  protected idleTimeout = NEVER_IDLE
  /** Asks for `followUp` before the next message. */
  protected followUpDue = false
  /** The coroutine in progress, or true while a promise is. */
  #work: Coroutine | true | null = null
  /** How the promise in progress has ended, until the process sees it. */
  #settled: { readonly failed: boolean; readonly thrown: unknown } | null = null

  /** First of all, in the process. */
  protected abstract start(): Work
  protected abstract message(message: unknown): Work
  /** `idleTimeout` has passed without a message. */
  protected abstract idle(): Work

  /** What the last callback asked for with `followUpDue`. */
  protected followUp(): Work {
    return undefined
  }

  /** A callback has thrown: ends the process, unless a subclass has something to do first. */
  protected failed(thrown: unknown): SliceEnd {
    return this.end(reasonOfThrown(thrown))
  }

  /** Nothing is going on, and nothing was put aside for later. */
  protected get isResting(): boolean {
    return (
      this.#work === null &&
      this.#settled === null &&
      !this.followUpDue &&
      this.idleTimeout === NEVER_IDLE &&
      this.waits === null &&
      this.putAside === null
    )
  }

  run(wake: Wake): SliceEnd {
    try {
      return this.#slice(activeEngine(), wake)
    } catch (thrown) {
      this.#work = null
      return this.failed(thrown)
    }
  }

  bury(): void {
    this.#work = null
    this.#settled = null
    this.waits = null
  }

  #slice(engine: Engine, wake: Wake): SliceEnd {
    // Only an idle time that passed while nothing else was going on counts.
    let idling = false
    if (this.#work !== null) {
      const end = this.#continue(engine, wake)
      if (this.#work !== null) return end
    } else if (wake === Wake.Start) {
      const end = this.#begin(engine, this.start())
      if (end !== SliceEnd.Wait || this.#work !== null) return end
    } else {
      idling = this.idleTimeout >= 0
      if (wake === Wake.Outcome && this.waits !== null) this.waits.settleCall(engine)
    }
    for (;;) {
      let work: Work
      // What is at hand needs no message, so nothing else would end the slice.
      if (engine.spent && (this.followUpDue || this.putAside !== null)) return SliceEnd.Yield
      if (this.followUpDue) {
        this.followUpDue = false
        engine.charge(1)
        work = this.followUp()
      } else {
        const message = this.#next(engine)
        if (message !== EMPTY) {
          idling = false
          this.idleTimeout = NEVER_IDLE
          work = this.message(message)
        } else if (idling && engine.timedOut && engine.drained) {
          idling = false
          this.idleTimeout = NEVER_IDLE
          work = this.idle()
        } else {
          this.#rest(engine, idling)
          return SliceEnd.Wait
        }
      }
      if (work !== undefined) {
        const end = this.#begin(engine, work)
        if (end !== SliceEnd.Wait || this.#work !== null) return end
      }
    }
  }

  /** Arms what the next wait needs; `idling` says that the idle time which is armed goes on. */
  #rest(engine: Engine, idling: boolean): void {
    if (this.idleTimeout === HIBERNATE) engine.hibernate(this)
    else engine.waitTimeout = idling && !engine.timedOut ? -2 : this.idleTimeout
  }

  /** Messages that a selective receive inside a callback put aside come first. */
  #next(engine: Engine): unknown {
    const putAside = this.putAside
    if (putAside === null) return engine.take()
    const message = putAside.take(0)
    if (putAside.length === 0) this.putAside = null
    engine.heldDelta--
    engine.charge(1)
    return message
  }

  /** Sees `work` through from inside a slice, as if a callback had returned it. */
  protected seeThrough(work: Work): SliceEnd {
    const end = this.#begin(activeEngine(), work)
    // Done at once: the slice is over, but messages may be waiting.
    return this.#work === null ? SliceEnd.Yield : end
  }

  /** Starts on `work`. `#work` is null afterwards when it is done already; otherwise the result says how the slice ends. */
  #begin(engine: Engine, work: Work): SliceEnd {
    if (work === undefined) return SliceEnd.Wait
    if (isPromiseLike(work)) {
      this.#work = true
      work.then(
        () => this.#promiseDone(false, undefined),
        (thrown: unknown) => this.#promiseDone(true, thrown),
      )
      engine.microtasksDue = true
      return this.waits !== null && this.waits.receive !== null ? SliceEnd.Wait : SliceEnd.Hold
    }
    if (isGenerator(work)) {
      this.#work = work as Coroutine
      return this.#continue(engine, Wake.Start)
    }
    return SliceEnd.Wait
  }

  /** Goes on with the work in progress. Leaves `#work` null when it is done. */
  #continue(engine: Engine, wake: Wake): SliceEnd {
    if (this.#work === true) {
      const settled = this.#settled
      if (settled !== null && wake === Wake.Resume) {
        this.#settled = null
        this.#work = null
        if (settled.failed) throw settled.thrown
        return SliceEnd.Wait
      }
      return this.waits === null ? SliceEnd.Hold : this.waits.run(engine, this, wake)
    }
    const coroutine = this.#work as Coroutine
    if (wake === Wake.Outcome && this.waits !== null) this.waits.settleCall(engine)
    const step = coroutine.next()
    if (step.done !== true) return sliceEndOf(step.value)
    this.#work = null
    return SliceEnd.Wait
  }

  #promiseDone(failed: boolean, thrown: unknown): void {
    if (this.ended) return
    this.#settled = { failed, thrown }
    activeEngine().resume(this)
  }
}
