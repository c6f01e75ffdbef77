import { SliceEnd, type Wake } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import { Process } from './process.js'
import { reasonOfThrown } from './reason.js'

/**
 * Holds the place of a process that another scheduler has sent, until what it runs has been loaded here. Signals that reach it
 * meanwhile act on it as on any process: it may be killed, linked, and sent to.
 */
export class ArrivingProcess extends Process {
  #load: (() => Promise<Process>) | null

  constructor(load: () => Promise<Process>) {
    super()
    this.#load = load
  }

  run(_wake: Wake): SliceEnd {
    const load = this.#load
    this.#load = null
    if (load === null) return SliceEnd.Arriving
    load().then(
      (real) => this.#become(real),
      (error: unknown) => this.end(reasonOfThrown(error)),
    )
    return SliceEnd.Arriving
  }

  #become(real: Process): void {
    if (this.ended) return
    real.context = this.context
    const engine = activeEngine()
    engine.become(this, real)
    engine.resume(real)
  }

  bury(): void {
    this.#load = null
  }
}
