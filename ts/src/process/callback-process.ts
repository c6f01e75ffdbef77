import { EMPTY, type Engine, SliceEnd, Wake } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import { isGenerator, isPromiseLike } from './body-kind.js'
import { type Coroutine, sliceEndOf } from './generator-process.js'
import { Process } from './process.js'
import { reasonOfThrown } from './reason.js'

/** A callback's work: done, or a coroutine or promise to see through before the next message. */
export type Work = undefined | void | Coroutine | PromiseLike<unknown>

/**
 * What a callback process runs: `message` for each message, one after the other. A callback ends the process by throwing
 * (`Exit` for a reason of choice). Synchronous callbacks cost no promise and no generator.
 */
export interface MessageHandler {
  /** First of all, in the process. */
  start(process: CallbackProcess): Work
  message(message: unknown, process: CallbackProcess): Work
  /** `idleTimeout` has passed without a message. */
  idle(process: CallbackProcess): Work
}

/** A process without a stack between slices: a handler and its state. The base of servers, supervisors and agents. */
export class CallbackProcess extends Process {
  /** Milliseconds without a message after which `idle` is called, once; -1 for never. Reset by each callback. */
  idleTimeout = -1
  #handler: MessageHandler | null
  /** The coroutine in progress, or true while a promise is. */
  #work: Coroutine | true | null = null

  constructor(handler: MessageHandler) {
    super()
    this.#handler = handler
  }

  run(wake: Wake): SliceEnd {
    const engine = activeEngine()
    try {
      return this.#slice(engine, wake)
    } catch (thrown) {
      return this.end(reasonOfThrown(thrown))
    }
  }

  bury(): void {
    this.#handler = null
    this.#work = null
    this.waits = null
  }

  #slice(engine: Engine, wake: Wake): SliceEnd {
    const handler = this.#handler as MessageHandler
    if (this.#work !== null) {
      const end = this.#continue(engine, wake)
      if (this.#work !== null) return end
    } else if (wake === Wake.Start) {
      const end = this.#begin(engine, handler.start(this))
      if (end !== SliceEnd.Wait) return end
    }
    // Only an idle time that passed while nothing else was going on counts: what has arrived goes first.
    let idle = this.idleTimeout >= 0 && engine.timedOut
    for (;;) {
      const message = this.#next(engine)
      let work: Work
      if (message !== EMPTY) {
        idle = false
        this.idleTimeout = -1
        work = handler.message(message, this)
      } else if (idle) {
        idle = false
        this.idleTimeout = -1
        work = handler.idle(this)
      } else {
        engine.waitTimeout = this.idleTimeout
        return SliceEnd.Wait
      }
      if (work !== undefined) {
        const end = this.#begin(engine, work)
        if (end !== SliceEnd.Wait) return end
      }
    }
  }

  /** Messages that a selective receive inside a callback put aside come first. */
  #next(engine: Engine): unknown {
    const putAside = this.putAside
    if (putAside === null) return engine.take()
    const message = putAside.take(0)
    if (putAside.length === 0) this.putAside = null
    engine.heldDelta--
    return message
  }

  /** Wait when the work is done already; otherwise how the slice ends. */
  #begin(engine: Engine, work: Work): SliceEnd {
    if (work === undefined) return SliceEnd.Wait
    if (isPromiseLike(work)) {
      this.#work = true
      work.then(
        () => this.#promiseDone(null),
        (thrown: unknown) => this.#promiseDone({ thrown }),
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
      if (this.#settled !== null && wake === Wake.Resume) {
        const settled = this.#settled
        this.#settled = null
        this.#work = null
        if (settled.failed) throw settled.thrown
        return SliceEnd.Wait
      }
      return this.waits === null ? SliceEnd.Hold : this.waits.run(engine, this, wake)
    }
    const step = (this.#work as Coroutine).next()
    if (step.done !== true) return sliceEndOf(step.value)
    this.#work = null
    return SliceEnd.Wait
  }

  #settled: { readonly failed: boolean; readonly thrown: unknown } | null = null

  #promiseDone(failure: { readonly thrown: unknown } | null): void {
    if (this.ended) return
    this.#settled = { failed: failure !== null, thrown: failure?.thrown }
    activeEngine().resume(this)
  }
}
