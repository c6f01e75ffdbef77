import { performance } from 'node:perf_hooks'
import type { AllocatorFacts, ProcessFacts, ProcessStatus, SystemFacts, WallTime } from '../engine.js'
import type { Pid } from '../../pid.js'
import { type Entry, State } from './entry.js'
import type { MessageTimers } from './message-timers.js'
import type { Names } from './names.js'
import type { ProcessTable } from './process-table.js'
import type { RunQueues } from './run-queues.js'

/** Bytes of the objects that stand for a process, a link at one end, a watcher: their fields at 8 bytes each and a header. */
const ENTRY_BYTES = 320
const LINK_BYTES = 32
const WATCHER_BYTES = 144

const statuses: Readonly<Record<State, ProcessStatus>> = {
  [State.Ready]: 'runnable',
  [State.Running]: 'running',
  [State.Waiting]: 'waiting',
  [State.Held]: 'held',
  [State.Dead]: 'exiting',
}

/** `heldInSlice` and `reductionsInSlice` are what the slice in progress has not settled yet. */
export function processFacts(entry: Entry, heldInSlice: number, reductionsInSlice: number): ProcessFacts {
  const links = entry.links === null ? [] : Array.from(entry.links, (other) => other.pid)
  const monitors = monitorsOf(entry)
  const monitoredBy = watchersOf(entry)
  return {
    status: statuses[entry.state],
    priority: entry.priority,
    trapExit: entry.trapExit,
    messageQueueLength: entry.mailbox.length + entry.held + heldInSlice,
    reductions: entry.reductions + reductionsInSlice,
    parent: entry.parent,
    links,
    monitors,
    monitoredBy,
    names: entry.names === null ? [] : [...entry.names],
    memory: ENTRY_BYTES + entry.mailbox.bytes + links.length * LINK_BYTES + monitors.length * WATCHER_BYTES,
  }
}

function monitorsOf(entry: Entry): Pid[] {
  const pids: Pid[] = []
  if (entry.watches !== null)
    for (const watch of entry.watches.values()) if (watch.watching && watch.target !== null) pids.push(watch.target.pid)
  for (const call of [entry.call, ...(entry.furtherCalls?.values() ?? [])])
    if (call !== null && call.target !== null) pids.push(call.target.pid)
  return pids
}

function watchersOf(entry: Entry): Pid[] {
  const pids: Pid[] = []
  for (let watcher = entry.firstWatcher; watcher !== null; watcher = watcher.nextWatcher)
    pids.push(watcher.owner.pid)
  return pids
}

interface System {
  readonly table: ProcessTable
  readonly queues: RunQueues
  readonly names: Names
  readonly timers: MessageTimers
  readonly slices: number
  readonly reductions: number
  readonly wakeups: number
}

/** O(processes + links + monitors). */
export function systemFacts(system: System, processLimit: number): SystemFacts {
  let monitorCount = 0
  let linkEnds = 0
  let messageCount = 0
  for (const entry of system.table) {
    if (entry.links !== null) linkEnds += entry.links.size
    messageCount += entry.mailbox.length + entry.held
    for (let watcher = entry.firstWatcher; watcher !== null; watcher = watcher.nextWatcher) monitorCount++
  }
  const { max, high, normal, low } = system.queues
  return {
    processCount: system.table.count,
    processLimit,
    timerCount: system.timers.count,
    nameCount: system.names.count,
    monitorCount,
    linkCount: linkEnds / 2,
    messageCount,
    schedulers: [
      {
        id: 1,
        online: true,
        // Nobody else is there to ask.
        state: 'running',
        processes: system.table.count,
        messages: messageCount,
        fragments: 0,
        slices: system.slices,
        reductions: system.reductions,
        runQueue: { max: max.length, high: high.length, normal: normal.length, low: low.length },
        wakeups: system.wakeups,
        spins: { count: 0, found: 0 },
        steals: 0,
        migrations: { in: 0, out: 0 },
        wallTime: wallTime(),
      },
    ],
  }
}

/** Of the thread's event loop, since the thread began: the engine's turns are a part of it. */
function wallTime(): WallTime {
  const utilization = performance.eventLoopUtilization()
  const active = Math.round(utilization.active * 1_000)
  const parked = Math.round(utilization.idle * 1_000)
  return { active, spinning: 0, parked, total: active + parked }
}

/** One line for the process table and the mailboxes; everything else is V8's. */
export function allocatorFacts(system: System): AllocatorFacts[] {
  let blockBytes = 0
  for (const entry of system.table) blockBytes += ENTRY_BYTES + entry.mailbox.bytes
  return [
    { kind: 'total', blocks: system.table.count, blockBytes, carriers: 0, carrierBytes: 0, allocations: 0, frees: 0 },
  ]
}
