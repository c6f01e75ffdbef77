/** Which rooms are open: a registry. An entry goes with its room's process, before anybody is told that it has ended. */
import { Registry } from './viga.js'

/** What can be seen of a room without asking it. */
export interface Presence {
  readonly members: number
  readonly sequence: number
}

const NAME = 'rooms'

/** Makes the registry; it lasts until it is stopped. */
export function startDirectory(): Registry<string, Presence> {
  return Registry.start<string, Presence>({ name: NAME })
}

export function directory(): Registry<string, Presence> {
  return Registry.open<string, Presence>(NAME)
}
