import { SliceEnd, type Wake } from '../engine/engine.js'
import { activeEngine } from '../runtime-state.js'
import { Process } from './process.js'

/**
 * Stands for the code outside any process: module top level, request handlers, tests. It awaits like an async body, never
 * ends and is deaf to exit signals (with trapExit they reach it as messages).
 */
export class RootProcess extends Process {
  run(wake: Wake): SliceEnd {
    return this.waits === null ? SliceEnd.Hold : this.waits.run(activeEngine(), this, wake)
  }

  bury(): void {
    this.waits = null
  }
}
