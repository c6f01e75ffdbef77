import { type Name, nameText } from './names.js'
import type { Pid } from './pid.js'
import { activeEngine } from './runtime-state.js'

/** A name that a server can be started under. */
export type ServerName = Name

/** Gives `pid` its name; null, or the reason why not. */
export function registerServer(name: ServerName, pid: Pid): readonly ['already_started', Pid | undefined] | null {
  const engine = activeEngine()
  const text = nameText(name, 'start')
  return engine.register(text, pid) === 'ok' ? null : ['already_started', engine.whereis(text)]
}
