/** The rooms there are: a registry to find them and a supervisor to keep them. */
import { type Coroutine, DynamicSupervisor, type Pid } from './viga.js'
import { directory } from './directory.js'
import { RoomServer } from './room.js'

const SUPERVISOR = 'room-supervisor'

/**
 * Starts a room again when it has crashed; not when it has closed itself because nobody was in it ('transient'). One restart too
 * many within a second means that more is wrong than one room: then everything that rests on the rooms starts anew.
 */
export const roomSupervisor = DynamicSupervisor.child({ name: SUPERVISOR, maxRestarts: 100, maxSeconds: 1 })

/** The room of this name, which is opened if need be. */
export function* openRoom(name: string): Coroutine<Pid<unknown>> {
  for (;;) {
    const open = directory().whereis<unknown>(name)
    if (open !== undefined) return open
    // Comes to nothing when somebody else is faster: then the registry has it now.
    yield* DynamicSupervisor.at(SUPERVISOR).startChild(RoomServer.child(name, { id: name, restart: 'transient', label: `room ${name}` }))
  }
}
