import type { Engine } from './engine/engine.js'
import { ErrorCode, VigaError } from './errors.js'
import { startedEngine } from './runtime-state.js'
import { describe } from './term/refusal.js'

/** What the engine is told for a process that starts where its parent is. */
export const HERE = 0

/**
 * Where a process starts that shall run on `scheduler`: HERE, or another scheduler.
 *
 * @throws ERR_VIGA_BAD_ARGUMENT for a scheduler that the system does not have.
 */
export function placeOf(engine: Engine, scheduler: number | undefined, where: string): number {
  if (scheduler === undefined) return HERE
  if (!Number.isInteger(scheduler) || scheduler < 1 || scheduler > engine.schedulers)
    throw new VigaError(
      ErrorCode.BadArgument,
      `${where}: scheduler is ${describe(scheduler)}; whole numbers from 1 to ${engine.schedulers} are allowed` +
        (engine.kind === 'pure' ? ', as the pure engine has one scheduler' : ''),
    )
  return scheduler === engine.scheduler ? HERE : scheduler
}

/**
 * The number of the scheduler that runs this code, from 1: the thread that started the runtime is 1. Module code that must run once
 * in a program, not once per scheduler, asks for it.
 *
 * @example
 * if (schedulerId() === 1) server.listen(8080)
 */
export function schedulerId(): number {
  return startedEngine()?.scheduler ?? 1
}
