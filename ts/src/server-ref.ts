import { ErrorCode, VigaError } from './errors.js'
import { type Name, nameText } from './names.js'
import { Pid } from './pid.js'
import { Via } from './registry.js'
import { activeEngine } from './runtime-state.js'
import { copyReason } from './term/copy.js'
import { describe } from './term/refusal.js'

/** Something that stands for one process, like the handle of a server. */
export interface HasPid {
  readonly pid: Pid
}

/** Whom a call or cast goes to: a process, a registered name, a key of a registry (`via`), or a handle. */
export type ServerRef = Pid | Name | Via | HasPid

/** The live or once live process that `ref` names, or undefined when nobody has the name. */
export function resolveServer(ref: ServerRef, where: string): Pid | undefined {
  if (ref instanceof Pid) return ref
  if (typeof ref === 'string' || typeof ref === 'symbol') return activeEngine().whereis(nameText(ref, where))
  if (ref instanceof Via) return ref.whereis()
  if (typeof ref === 'object' && ref !== null && 'pid' in ref && ref.pid instanceof Pid) return ref.pid
  throw new VigaError(
    ErrorCode.BadArgument,
    `${where}: ${describe(ref)} is no server; a pid, a name, a Via or a handle are allowed`,
  )
}

/** `ref` as a term, for exit reasons. */
export function serverTerm(ref: ServerRef): unknown {
  if (ref instanceof Via) return ['via', ref.registry, copyReason(ref.key)]
  return typeof ref === 'object' && !(ref instanceof Pid) ? ref.pid : ref
}
