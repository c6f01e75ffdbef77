import { SliceEnd, Wake } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import { runInProcess } from './async-context.js'

import { Process } from './process.js'
import { reasonOfThrown } from './reason.js'
import { isPromiseLike } from './body-kind.js'

/**
 * A process whose body is an async function (or a plain one, which ends with its return). Between slices it is held, or
 * waits in the receive it awaits.
 */
export class FunctionProcess extends Process {
  #body: ((...args: never[]) => unknown) | null
  #args: readonly unknown[] | null

  constructor(body: (...args: never[]) => unknown, args: readonly unknown[]) {
    super()
    this.#body = body
    this.#args = args
  }

  run(wake: Wake): SliceEnd {
    const engine = activeEngine()
    if (wake !== Wake.Start) return this.waits === null ? SliceEnd.Hold : this.waits.run(engine, this, wake)
    const body = this.#body as (...args: readonly unknown[]) => unknown
    const args = this.#args as readonly unknown[]
    this.#body = null
    this.#args = null
    try {
      const result: unknown = runInProcess(this, () => body(...args))
      if (!isPromiseLike(result)) return this.end('normal')
      result.then(
        () => this.end('normal'),
        (thrown) => this.end(reasonOfThrown(thrown)),
      )
    } catch (thrown) {
      return this.end(reasonOfThrown(thrown))
    }
    engine.microtasksDue = true
    return this.waits !== null && this.waits.receive !== null ? SliceEnd.Wait : SliceEnd.Hold
  }

  bury(): void {
    this.#body = null
    this.#args = null
    this.waits = null
  }
}

