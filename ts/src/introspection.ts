import { checkPid } from './check-pid.js'
import type { AllocatorFacts, ProcessFacts, SchedulerFacts, SystemFacts, WallTime } from './engine/engine.js'
import { type IsolateFacts, isolateFacts } from './isolate-page.js'
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
  engine.charge(1)
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
  const engine = activeEngine()
  engine.charge(1)
  return engine.isAlive(pid)
}

/** All processes alive, the root process first. O(n). */
export function processes(): Pid<unknown>[] {
  const engine = activeEngine()
  const all = engine.processes() as Pid<unknown>[]
  engine.charge(all.length + 1)
  return all
}

export interface SystemInfo extends SystemFacts {
  readonly engine: 'native' | 'pure'
  readonly tableCount: number
  readonly registryEntryCount: number
}

/** Counts and limits of the whole system. */
export function systemInfo(): SystemInfo {
  const engine = activeEngine()
  engine.charge(1)
  return {
    engine: engine.kind,
    ...engine.systemFacts(),
    tableCount: engine.tables.count(),
    registryEntryCount: engine.registries.count(),
  }
}

/** What one scheduler has done and does, readable while it is stuck. Counts are since the runtime started, times in µs. */
export interface SchedulerInfo extends SchedulerFacts, IsolateFacts {}

/**
 * All schedulers of the system, the first one first. The one that asks is `running`, since it runs what asks.
 *
 * Collections and heap are those of a scheduler's isolate, as of its last collection or the last time it asked itself. The other
 * numbers are of now, each of its own moment. O(schedulers).
 */
export function schedulers(): SchedulerInfo[] {
  const engine = activeEngine()
  return engine.systemFacts().schedulers.map((facts) => ({
    ...facts,
    state: facts.id === engine.scheduler ? 'running' : facts.state,
    ...isolateFacts(facts.id),
  }))
}

/** Shares of wall time with work, 0 to 1. */
export interface Utilization {
  /** Of all schedulers together. */
  readonly total: number
  readonly schedulers: readonly { readonly id: number; readonly utilization: number }[]
}

/**
 * How busy schedulers were between two answers of {@link schedulers}. Those that only one of them has are left out; of one whose
 * time began anew in between, the new time counts. Schedulers that take no work, or have no thread yet, count in the total, as idle
 * ones. O(schedulers).
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
  const sum = (key: keyof Span): number => spans.reduce((all, span) => all + span[key], 0)
  return {
    total: share({ active: sum('active'), total: sum('total') }),
    schedulers: spans.map((span) => ({ id: span.id, utilization: share(span) })),
  }
}

/** What {@link utilization} needs of a {@link SchedulerInfo}. */
export interface TimedScheduler {
  readonly id: number
  readonly wallTime: Span
}

type Span = Pick<WallTime, 'active' | 'total'>

function between(earlier: Span, later: Span): Span {
  if (later.total < earlier.total) return later
  return { active: later.active - earlier.active, total: later.total - earlier.total }
}

function share({ active, total }: Span): number {
  return total === 0 ? 0 : Math.min(Math.max(active / total, 0), 1)
}

export interface Memory {
  /** Bytes the runtime holds outside V8's heap, in blocks and in carriers. */
  readonly blockBytes: number
  readonly carrierBytes: number
  readonly byKind: readonly AllocatorFacts[]
}

/**
 * Memory held outside V8's heap, by allocator type: of all schedulers, and of what threads that have ended left behind. Runtimes that
 * run side by side in one operating system process share allocators, and see the sum of all.
 */
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

