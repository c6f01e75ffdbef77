import type { AllocatorFacts, Priority, ProcessFacts, ProcessStatus, SchedulerFacts, SchedulerState, SystemFacts } from '../engine.js'
import { Pid } from '../../pid.js'

/** As `Status` in crates/runtime/src/process.rs; the last is one that leaves for another scheduler. */
const statuses: readonly ProcessStatus[] = ['exiting', 'runnable', 'runnable', 'running', 'waiting', 'waiting', 'held', 'runnable']

/** As `WallState` in crates/scheduler/src/wall_time.rs, and without an isolate. */
const states: readonly SchedulerState[] = ['running', 'spinning', 'parked', 'down']

/** Numbers of each scheduler in the answer to `schedulerFacts`. */
const SCHEDULER_NUMBERS = 20

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

/** Reads the addon's answer to `systemFacts`; the order is that of crates/node/src/introspection.rs. */
export function readSystemFacts(answer: readonly number[]): Omit<SystemFacts, 'schedulers'> & { readonly memory: number } {
  const [processCount, processLimit, timerCount, nameCount, monitorCount, linkCount, messageCount, memory] = answer as [
    number, number, number, number, number, number, number, number,
  ]
  return { processCount, processLimit, timerCount, nameCount, monitorCount, linkCount, messageCount, memory }
}

/** Reads the addon's answer to `schedulerFacts`; the order is that of crates/node/src/introspection.rs. */
export function readSchedulerFacts(answer: readonly number[]): SchedulerFacts[] {
  return Array.from({ length: answer.length / SCHEDULER_NUMBERS }, (_, place) =>
    readScheduler(place + 1, answer.slice(place * SCHEDULER_NUMBERS, (place + 1) * SCHEDULER_NUMBERS)),
  )
}

function readScheduler(id: number, answer: readonly number[]): SchedulerFacts {
  let place = 0
  const number = (): number => answer[place++] as number
  const microseconds = (): number => Math.round(number() / 1_000)
  const online = number() === 1
  const state = states[number()] as SchedulerState
  const [processes, messages, fragments, slices, reductions] = [number(), number(), number(), number(), number()]
  const runQueue = { max: number(), high: number(), normal: number(), low: number() }
  const wakeups = number()
  const spins = { count: number(), found: number() }
  const steals = number()
  const migrations = { in: number(), out: number() }
  const [active, spinning, parked] = [microseconds(), microseconds(), microseconds()]
  return {
    id,
    online,
    state,
    processes,
    messages,
    fragments,
    slices,
    reductions,
    runQueue,
    wakeups,
    spins,
    steals,
    migrations,
    wallTime: { active, spinning, parked, total: active + spinning + parked },
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
