import { checkPid } from './check-pid.js'
import type { AllocatorFacts, ProcessFacts, SchedulerFacts, SchedulerState, SystemFacts } from './engine/engine.js'
import { type IsolateFacts, isolateFacts, type WallTime } from './isolate-page.js'
import type { Pid } from './pid.js'
import { type PriorityName, priorityOf } from './spawn.js'
import { currentProcess, activeEngine } from './runtime-state.js'

const priorityNames: readonly PriorityName[] = ['max', 'high', 'normal', 'low']

export interface ProcessInfo extends Omit<ProcessFacts, 'priority'> {
  readonly pid: Pid<unknown>
  readonly priority: PriorityName
  readonly label: string | undefined
}

/** What the runtime knows of a process, without asking it; undefined when it is not alive. O(links + monitors + names). */
export function processInfo(pid: Pid): ProcessInfo | undefined {
  checkPid(pid, 'processInfo')
  const engine = activeEngine()
  const facts = engine.processFacts(pid)
  if (facts === undefined) return undefined
  return {
    ...facts,
    pid: pid as Pid<unknown>,
    priority: priorityNames[facts.priority] as PriorityName,
    label: engine.processOf(pid)?.label,
  }
}

export function isAlive(pid: Pid): boolean {
  checkPid(pid, 'isAlive')
  return activeEngine().isAlive(pid)
}

/** All processes alive, the root process first. O(n). */
export function processes(): Pid<unknown>[] {
  return activeEngine().processes() as Pid<unknown>[]
}

export interface SystemInfo extends SystemFacts {
  readonly engine: 'native' | 'pure'
  readonly tableCount: number
  readonly registryEntryCount: number
}

/** Counts and limits of the whole system. */
export function systemInfo(): SystemInfo {
  const engine = activeEngine()
  return {
    engine: engine.kind,
    ...engine.systemFacts(),
    tableCount: engine.tables.count(),
    registryEntryCount: engine.registries.count(),
  }
}

/** What one scheduler has done and does, readable while it is stuck. Counts are since the runtime started, times in µs. */
export interface SchedulerInfo extends Required<Omit<SchedulerFacts, 'migrationsIn' | 'migrationsOut'>>, IsolateFacts {
  /** Processes that the balance of load has moved. */
  readonly migrations: { readonly in: number; readonly out: number }
}

/**
 * All schedulers of the system, the first one first.
 *
 * Collections and heap are those of a scheduler's isolate, as of its last collection or the last time it asked itself. O(schedulers).
 */
export function schedulers(): SchedulerInfo[] {
  const engine = activeEngine()
  const { schedulers: all, processCount } = engine.systemFacts()
  return all.map(({ migrationsIn = 0, migrationsOut = 0, ...facts }) => {
    const isolate = isolateFacts(facts.id)
    return {
      online: true,
      state: stateOf(facts.id === engine.scheduler, isolate),
      processes: all.length === 1 ? processCount : 0,
      steals: 0,
      ...isolate,
      ...facts,
      migrations: { in: migrationsIn, out: migrationsOut },
    }
  })
}

/** The state of a scheduler of which the engine does not tell it: its own isolate asks, or has published, or is not there. */
function stateOf(own: boolean, isolate: IsolateFacts): SchedulerState {
  if (own) return 'running'
  return isolate.heap.limit === 0 ? 'down' : 'parked'
}

/** Shares of wall time with work, 0 to 1. */
export interface Utilization {
  /** Of all schedulers together. */
  readonly total: number
  readonly schedulers: readonly { readonly id: number; readonly utilization: number }[]
}

/**
 * How busy schedulers were between two answers of {@link schedulers}. Those that only one of them has are left out; of one whose
 * isolate began anew in between, its new time counts. O(schedulers).
 *
 * @example
 * const before = schedulers()
 * await work()
 * utilization(before, schedulers()).total // 0.83
 */
export function utilization(before: readonly TimedScheduler[], after: readonly TimedScheduler[]): Utilization {
  const times = new Map(before.map(({ id, wallTime }) => [id, wallTime]))
  const spans = after.flatMap(({ id, wallTime }) => {
    const earlier = times.get(id)
    return earlier === undefined ? [] : [{ id, ...between(earlier, wallTime) }]
  })
  const sum = (key: keyof WallTime): number => spans.reduce((all, span) => all + span[key], 0)
  return {
    total: share({ active: sum('active'), total: sum('total') }),
    schedulers: spans.map((span) => ({ id: span.id, utilization: share(span) })),
  }
}

/** What {@link utilization} needs of a {@link SchedulerInfo}. */
export type TimedScheduler = Pick<SchedulerInfo, 'id' | 'wallTime'>

function between(earlier: WallTime, later: WallTime): WallTime {
  if (later.total < earlier.total) return later
  return { active: later.active - earlier.active, total: later.total - earlier.total }
}

function share({ active, total }: WallTime): number {
  return total === 0 ? 0 : Math.min(Math.max(active / total, 0), 1)
}

export interface Memory {
  /** Bytes the runtime holds outside V8's heap, in blocks and in carriers. */
  readonly blockBytes: number
  readonly carrierBytes: number
  readonly byKind: readonly AllocatorFacts[]
}

/** Memory held outside V8's heap, by allocator type. */
export function memory(): Memory {
  const byKind = activeEngine().allocators()
  return {
    blockBytes: byKind.reduce((sum, kind) => sum + kind.blockBytes, 0),
    carrierBytes: byKind.reduce((sum, kind) => sum + kind.carrierBytes, 0),
    byKind,
  }
}

/** What reports and processInfo call the current process. */
export function setLabel(label: string): void {
  currentProcess().label = label
}

/** Changes the priority of the current process; returns the old one. */
export function setPriority(priority: PriorityName): PriorityName {
  const old = activeEngine().setPriority(currentProcess(), priorityOf(priority, 'setPriority'))
  return priorityNames[old] as PriorityName
}

