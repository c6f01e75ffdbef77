import { ErrorCode, VigaError } from '../errors.js'
import type { Engine } from './engine.js'
import { loadAddon } from './native/addon.js'
import { NativeEngine } from './native/native-engine.js'
import { PureEngine } from './pure/pure-engine.js'

export type EngineChoice = 'auto' | 'native' | 'pure'

/**
 * The engine for `choice`, or for VIGA_ENGINE, or the native one where its binary loads. Says in one line on stderr when the
 * automatic choice had to be the pure engine.
 */
export function selectEngine(choice: EngineChoice | undefined): { engine: Engine } {
  const wanted = choice ?? (process.env['VIGA_ENGINE'] as EngineChoice | undefined) ?? 'auto'
  switch (wanted) {
    case 'pure':
      return { engine: new PureEngine() }
    case 'native':
      return { engine: new NativeEngine(loadAddon()) }
    case 'auto':
      return { engine: nativeOrPure() }
    default:
      throw new VigaError(
        ErrorCode.BadArgument,
        `engine is ${JSON.stringify(wanted)} (${choice === undefined ? 'from VIGA_ENGINE' : 'from Runtime.start'}); auto, native and pure are allowed`,
      )
  }
}

function nativeOrPure(): Engine {
  try {
    return new NativeEngine(loadAddon())
  } catch (error) {
    if (!(error instanceof VigaError && error.code === ErrorCode.EngineUnavailable)) throw error
    process.stderr.write(`viga: running on the pure engine: ${error.message}\n`)
    return new PureEngine()
  }
}
