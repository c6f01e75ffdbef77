import { type Name, nameText } from './names.js'
import type { Pid } from './pid.js'
import { Via } from './registry.js'
import { activeEngine } from './runtime-state.js'

/** A name that a server can be started under: a registered one, or a key of a registry. */
export type ServerName = Name | Via

/** Gives `pid` its name; null, or the reason why not. */
export function registerServer(name: ServerName, pid: Pid): readonly ['already_started', Pid | undefined] | null {
  const engine = activeEngine()
  if (name instanceof Via) {
    const holder = engine.registries.register(name.registry, pid, name.key, undefined)
    return holder === undefined ? null : ['already_started', holder]
  }
  const text = nameText(name, 'start')
  return engine.register(text, pid) === 'ok' ? null : ['already_started', engine.whereis(text)]
}
