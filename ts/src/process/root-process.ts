import { ErrorCode, VigaError } from '../errors.js'
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

  /** The runtime has been stopped. Unlike a process, what awaits here lives on, and must not wait for ever. */
  bury(): void {
    this.waits?.fail(
      new VigaError(ErrorCode.RuntimeStopped, 'the runtime was stopped while code outside any process waited for a message or an outcome'),
    )
    this.waits = null
  }
}
