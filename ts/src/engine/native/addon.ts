import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ErrorCode, VigaError } from '../../errors.js'
import type { SharedAddon } from '../../term/shared.js'
import type { TablesAddon } from './tables-port.js'

/**
 * The addon's functions. Those without parameters take their arguments from the control block and leave what they give in it; see
 * crates/node/src/operations.rs for the words each uses.
 */
export interface Addon extends TablesAddon, SharedAddon {
  start(words: Int32Array): void
  join(words: Int32Array): void
  lendOutgoing(bytes: Uint8Array): void
  lendIncoming(bytes: Uint8Array): void
  lendSingle(bytes: Uint8Array): void
  hearBell(turn: () => void): void
  idle(): void
  spawnAway(): void
  takeReferences(): void
  showFragment(): void
  balance(): void
  moveOut(): void
  stay(): void
  setOnline(): void
  movedIndexes(): number[]
  stop(): void
  enter(): void
  next(): void
  sync(): void
  giveBack(): void
  refill(): void
  returnWindow(): void
  reserve(): void
  exit(): void
  resume(): void
  takeOutside(): void
  holdOutside(): void
  systemMessage(): void
  link(): void
  unlink(): void
  monitor(): void
  demonitor(): void
  alias(): void
  unalias(): void
  signalExit(): void
  abandon(): void
  setTrapExit(): void
  setPriority(): void
  startTimer(): void
  cancelTimer(): void
  readTimer(): void
  isAlive(): void
  markOwner(): void
  downMissing(): void
  register(name: string): void
  unregister(name: string): void
  whereis(name: string): void
  processFacts(): [...number[], string[]] | undefined
  processes(): number[]
  registered(): string[]
  systemFacts(): number[]
  schedulerFacts(): number[]
  allocatorFacts(): [kind: string, ...numbers: number[]][]
}

/** The package's root folder: where package.json is, above the sources or the built file. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

/**
 * Loads the addon: the one just built, or the prebuilt binary for this platform.
 *
 * @throws ERR_VIGA_ENGINE_UNAVAILABLE, with what was looked for and why it failed.
 */
export function loadAddon(): Addon {
  const root = packageRoot()
  try {
    const require = createRequire(import.meta.url)
    const load = require('node-gyp-build') as (root: string) => Addon
    return withFastFunctions(load(root))
  } catch (error) {
    throw new VigaError(
      ErrorCode.EngineUnavailable,
      `no native binary of viga could be loaded for ${process.platform}-${process.arch} under ${root}: ${firstLine(error)}`,
      { cause: error },
    )
  }
}

/**
 * What N-API fills property by property is a dictionary to V8, and each call through it a look-up by hash. As somebody's prototype
 * it is made an object of constant properties, which optimised code calls directly.
 */
function withFastFunctions(addon: Addon): Addon {
  return Object.create(addon) as Addon
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] as string
}
