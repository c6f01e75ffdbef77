import { checkPid } from './check-pid.js'
import { ErrorCode, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import { activeEngine } from './runtime-state.js'
import { describe } from './term/refusal.js'

/** A registered name: a string, or an atom (`Symbol.for`), which names the same process as the string. */
export type Name = string | symbol

/** The text of a name, or ERR_VIGA_BAD_ARGUMENT. */
export function nameText(name: unknown, where: string): string {
  const text = typeof name === 'symbol' ? Symbol.keyFor(name) : name
  if (typeof text === 'string' && text !== '' && text !== 'undefined') return text
  throw new VigaError(
    ErrorCode.BadArgument,
    `${where}: ${typeof name === 'string' ? JSON.stringify(name) : describe(name)} is no name; non-empty strings and Symbol.for atoms are allowed, but for 'undefined'`,
  )
}

/**
 * Gives a live process a name, which goes with it. A process may have several.
 *
 * @throws ERR_VIGA_NAME_TAKEN, ERR_VIGA_NO_PROCESS, ERR_VIGA_BAD_ARGUMENT.
 */
export function register(name: Name, pid: Pid): void {
  const text = nameText(name, 'register')
  checkPid(pid, 'register')
  const engine = activeEngine()
  engine.charge(1)
  const result = engine.register(text, pid)
  if (result === 'taken')
    throw new VigaError(
      ErrorCode.NameTaken,
      `register: the name ${JSON.stringify(text)} belongs to ${String(engine.whereis(text))}; a name has one process`,
    )
  if (result === 'noproc')
    throw new VigaError(ErrorCode.NoProcess, `register(${JSON.stringify(text)}): ${String(pid)} is not alive`)
}

/** Takes a name back. @throws ERR_VIGA_NO_SUCH_NAME when nobody has it. */
export function unregister(name: Name): void {
  const text = nameText(name, 'unregister')
  const engine = activeEngine()
  engine.charge(1)
  if (!engine.unregister(text))
    throw new VigaError(ErrorCode.NoSuchName, `unregister: no process is registered as ${JSON.stringify(text)}`)
}

/** The process that has the name. O(1). */
export function whereis<M = unknown>(name: Name): Pid<M> | undefined {
  const engine = activeEngine()
  engine.charge(1)
  return engine.whereis(nameText(name, 'whereis')) as Pid<M> | undefined
}

/** All registered names, in no order. */
export function registered(): string[] {
  const engine = activeEngine()
  const names = engine.registered()
  engine.charge(names.length + 1)
  return names
}
