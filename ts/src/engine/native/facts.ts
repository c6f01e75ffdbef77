import type { AllocatorFacts, Priority, ProcessFacts, ProcessStatus, SystemFacts } from '../engine.js'
import { Pid } from '../../pid.js'

/** As `Status` in crates/runtime/src/process.rs. */
const statuses: readonly ProcessStatus[] = ['exiting', 'runnable', 'runnable', 'running', 'waiting', 'waiting', 'held']

/** Reads the addon's answer to `processFacts`; the order is that of crates/node/src/introspection.rs. */
export function readProcessFacts(answer: readonly [...number[], string[]]): ProcessFacts {
  let place = 0
  const number = (): number => answer[place++] as number
  const pids = (): Pid[] => Array.from({ length: number() }, () => new Pid(number(), number()))
  const status = statuses[number()] as ProcessStatus
  const priority = number() as Priority
  const trapExit = number() === 1
  const messageQueueLength = number()
  const reductions = number()
  const parent = new Pid(number(), number())
  const memory = number()
  return {
    status,
    priority,
    trapExit,
    messageQueueLength,
    reductions,
    parent,
    memory,
    links: pids(),
    monitors: pids(),
    monitoredBy: pids(),
    names: answer[place] as string[],
  }
}

/** Reads the addon's answer to `systemFacts`. */
export function readSystemFacts(answer: readonly number[]): SystemFacts & { readonly memory: number } {
  const [processCount, processLimit, timerCount, nameCount, monitorCount, linkCount, messageCount] = answer as [
    number, number, number, number, number, number, number,
  ]
  const [slices, reductions, wakeups, memory, max, high, normal, low] = answer.slice(7) as [
    number, number, number, number, number, number, number, number,
  ]
  return {
    processCount,
    processLimit,
    timerCount,
    nameCount,
    monitorCount,
    linkCount,
    messageCount,
    schedulers: [{ id: 1, slices, reductions, wakeups, runQueue: { max, high, normal, low } }],
    memory,
  }
}

/** Reads the addon's answer to `allocatorFacts`; the order is that of crates/node/src/allocator_facts.rs. */
export function readAllocatorFacts(answer: readonly (readonly [kind: string, ...numbers: number[]])[]): AllocatorFacts[] {
  return answer.map(([kind, ...numbers]) => {
    const [blocks, blockBytes, carriers, carrierBytes, allocations, frees] = numbers as [
      number, number, number, number, number, number,
    ]
    return { kind, blocks, blockBytes, carriers, carrierBytes, allocations, frees }
  })
}
