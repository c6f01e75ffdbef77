import { checkPid } from './check-pid.js'
import type { AllocatorFacts, ProcessFacts, SystemFacts } from './engine/engine.js'
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

