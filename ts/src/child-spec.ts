import { ErrorCode, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import type { HasPid } from './server-ref.js'
import type { Ignore } from './server-result.js'

/** When a child that has ended is started again: always, after an error only, or never. */
export type Restart = 'permanent' | 'transient' | 'temporary'

/** How long a child may take to end: milliseconds, 'brutal_kill' for none at all, 'infinity' (or Infinity) for ever. */
export type Shutdown = number | 'brutal_kill' | 'infinity'

export type ChildId = string | number | symbol

/** What a start function gives, directly, as an operation or as a promise: the child (a pid or a handle), or ignore(). */
export type StartedChild = Pid | HasPid | Ignore

/** How a supervisor starts, stops and restarts one child. */
export interface ChildSpec<X extends readonly unknown[] = readonly never[]> {
  /** Unlike that of any other child of the supervisor. */
  readonly id: ChildId
  /** Starts the child, linked, in the supervisor: `() => Counter.startLink(0)`. */
  readonly start: (...extra: X) => StartedChild | PromiseLike<StartedChild>
  /** 'permanent' unless given. */
  readonly restart?: Restart
  /** 5,000 ms unless given, 'infinity' for a supervisor. */
  readonly shutdown?: Shutdown
  /** 'worker' unless given. */
  readonly type?: 'worker' | 'supervisor'
  /** Its orderly end may end the supervisor, see `autoShutdown`. */
  readonly significant?: boolean
  /** Milliseconds that the start may take: Infinity unless given. */
  readonly startTimeout?: number
}

/** What may be said otherwise than a child specification says it. */
export type ChildOverrides = Partial<Omit<ChildSpec, 'start'>>

/** A child specification with everything filled in. */
export interface CheckedSpec {
  readonly id: ChildId
  readonly start: (...extra: readonly unknown[]) => unknown
  readonly restart: Restart
  /** Milliseconds, or 'brutal_kill'. */
  readonly shutdown: number | 'brutal_kill'
  readonly type: 'worker' | 'supervisor'
  readonly significant: boolean
  readonly startTimeout: number
}

/** The names of what may be overridden, to tell overrides from arguments. */
export const overrideNames: ReadonlySet<string> = new Set(['id', 'restart', 'shutdown', 'type', 'significant', 'startTimeout'])

const restarts: readonly unknown[] = ['permanent', 'transient', 'temporary']
const types: readonly unknown[] = ['worker', 'supervisor']
const known: ReadonlySet<string> = new Set([...overrideNames, 'start'])

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

function isChildId(value: unknown): value is ChildId {
  return (
    typeof value === 'string' || typeof value === 'number' || (typeof value === 'symbol' && Symbol.keyFor(value) !== undefined)
  )
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0
}

/** Checks a child specification. `where` names the supervisor function and, in a list, the position. */
export function checkChildSpec(spec: unknown, where: string): CheckedSpec {
  const fail = (what: string): never => {
    throw new VigaError(ErrorCode.BadChildSpec, `${where}: ${what}`)
  }
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    return fail(`the child specification is ${shown(spec)}; an object { id, start, ... } is allowed`)
  const given = spec as Record<string, unknown>
  const { id, start, restart = 'permanent', type = 'worker', significant = false, startTimeout = Infinity } = given
  if (!isChildId(id)) return fail(`id is ${shown(id)}; a string, a number or a Symbol.for atom is allowed`)
  const child = `child ${String(id)}`
  if (typeof start !== 'function')
    return fail(`start of ${child} is ${shown(start)}; a function that starts the child is allowed`)
  if (!restarts.includes(restart))
    return fail(`restart of ${child} is ${shown(restart)}; permanent, transient and temporary are allowed`)
  if (!types.includes(type)) return fail(`type of ${child} is ${shown(type)}; worker and supervisor are allowed`)
  if (typeof significant !== 'boolean')
    return fail(`significant of ${child} is ${shown(significant)}; true and false are allowed`)
  if (significant && restart === 'permanent')
    return fail(
      `${child} is significant and permanent; a permanent child never ends for good, so a significant one is transient or temporary`,
    )
  if (!isTime(startTimeout))
    return fail(`startTimeout of ${child} is ${shown(startTimeout)}; milliseconds from 0 on are allowed`)
  const shutdown = given['shutdown'] ?? (type === 'supervisor' ? Infinity : 5_000)
  if (!isTime(shutdown) && shutdown !== 'brutal_kill' && shutdown !== 'infinity')
    return fail(`shutdown of ${child} is ${shown(shutdown)}; milliseconds from 0 on, 'brutal_kill' and 'infinity' are allowed`)
  for (const name of Object.keys(given))
    if (!known.has(name)) return fail(`${child} has ${JSON.stringify(name)}, which is none of ${[...known].join(', ')}`)
  return {
    id,
    start: start as CheckedSpec['start'],
    restart: restart as Restart,
    shutdown: shutdown === 'infinity' ? Infinity : shutdown,
    type: type as CheckedSpec['type'],
    significant,
    startTimeout,
  }
}

/** Checks a list of child specifications, ids included. */
export function checkChildSpecs(specs: unknown, where: string): CheckedSpec[] {
  if (!Array.isArray(specs))
    throw new VigaError(
      ErrorCode.BadChildSpec,
      `${where}: the children are ${shown(specs)}; an array of child specifications is allowed`,
    )
  const checked = specs.map((spec: unknown, position) => checkChildSpec(spec, `${where}: child at ${position}`))
  const ids = new Set<ChildId>()
  for (const { id } of checked) {
    if (ids.has(id))
      throw new VigaError(
        ErrorCode.BadChildSpec,
        `${where}: two children have the id ${String(id)}; give one of them another, as in Definition.child(..., { id })`,
      )
    ids.add(id)
  }
  return checked
}
