import { EMPTY, type Engine, type SliceEnd } from '../engine/engine.js'
import { activeEngine, currentProcess } from '../runtime-state.js'
import { type PendingReceive, takeAnywhere, waitsOf } from './async-waits.js'
import { BaseOperation, coroutineProcess, finish, GIVING_WAY, type Operation, refuseIfEnded, WAITING } from './operation.js'
import { PutAside } from './put-aside.js'
import { ErrorCode, VigaError } from '../errors.js'
import type { Process } from './process.js'

/** Waits until a message is there, without taking it. */
class Hibernation extends BaseOperation<void> implements PendingReceive {
  #begun = false
  #resolve: (() => void) | null = null
  #reject: ((error: unknown) => void) | null = null

  next(): IteratorResult<SliceEnd, void> {
    if (this.#begun) return finish(undefined)
    const engine = activeEngine()
    const process = coroutineProcess(engine)
    if (process.putAside !== null) {
      if (engine.spent) return GIVING_WAY
      engine.charge(1)
      return finish(undefined)
    }
    this.#begun = true
    engine.hibernate(process)
    return WAITING
  }

  protected promise(): Promise<void> {
    const engine = activeEngine()
    const process = currentProcess()
    return new Promise((resolve, reject) => {
      refuseIfEnded(process, 'hibernate()')
      const waits = waitsOf(process)
      if (waits.receive !== null)
        throw new VigaError(
          ErrorCode.ReceivePending,
          `hibernate() by ${String(process.pid)} while a receive of the same process is pending; await that one first`,
        )
      this.#resolve = resolve
      this.#reject = reject
      if (waits.defers(this, engine, process)) return
      if (this.#messageIsThere(engine, process)) {
        resolve()
        return
      }
      waits.receive = this
      engine.hibernate(process)
    })
  }

  /** There is no looking into a mailbox, so the message is taken and put aside, where the next receive looks first. */
  #messageIsThere(engine: Engine, process: Process): boolean {
    if (process.putAside !== null) return true
    const message = takeAnywhere(engine, process, -1)
    if (message === EMPTY) return false
    process.putAside = new PutAside()
    process.putAside.add(message)
    if (engine.current === process) engine.heldDelta++
    else engine.holdOutside(process, 1)
    return true
  }

  offer(engine: Engine, process: Process): boolean {
    if (!this.#messageIsThere(engine, process)) return false
    this.#resolve?.()
    return true
  }

  fail(error: unknown): void {
    this.#reject?.(error)
  }
}

/**
 * Gives up the memory the process can do without and waits for its next message, which stays in the mailbox. Done at once
 * when one is waiting.
 *
 * @example
 * function* rarelyAsked() {
 *   for (;;) {
 *     yield* hibernate()
 *     handle(yield* receive())
 *   }
 * }
 */
export function hibernate(): Operation<void> {
  return new Hibernation()
}
