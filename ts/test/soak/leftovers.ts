import { type Coroutine, type Memory, type SystemInfo, systemInfo } from '../../src/index.js'
import type { Registrars } from './round.js'

/** Kinds of memory that belong to messages: what is left of them when nobody has any is lost. */
const kinds = ['message_alloc', 'binary_alloc'] as const

const counts = ['processCount', 'timerCount', 'nameCount', 'monitorCount', 'linkCount', 'messageCount', 'tableCount', 'registryEntryCount'] as const

/** What there is of everything. */
export type Inventory = Readonly<Record<string, number>>

export function countAll(info: SystemInfo = systemInfo()): Inventory {
  return Object.fromEntries(counts.map((key) => [key, info[key]]))
}

/** Blocks of the memory of messages, after each isolate has collected what nobody holds. */
export function* countBlocks(registrars: Registrars): Coroutine<Inventory> {
  let memory: Memory | undefined
  for (const registrar of registrars) memory = yield* registrar.call.collect()
  return Object.fromEntries(kinds.map((kind) => [kind, memory?.byKind.find((facts) => facts.kind === kind)?.blocks ?? 0]))
}

/**
 * What an isolate may still have in its hands: the last Binary that it looked at; messages of the last looks at the inventory, which
 * go back to the threads whose memory they are when the isolate is idle.
 */
const inHands: Inventory = { binary_alloc: 1, message_alloc: 8 }

/** What there is more of than before, in words. */
export function surplus(before: Inventory, now: Inventory, isolates: number): string[] {
  return Object.entries(now).flatMap(([key, count]) => {
    const allowed = (before[key] ?? 0) + (inHands[key] ?? 0) * isolates
    return count > allowed ? [`${key} is ${count}, was ${before[key]}`] : []
  })
}
