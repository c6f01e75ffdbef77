/**
 * The service as a tree of processes:
 *
 *     chat (rest_for_one)
 *     ├── status
 *     ├── history                  owns the table of lines
 *     ├── room-supervisor          a room each
 *     ├── connection-supervisor    a client each
 *     └── web                      the door
 *
 * In this order each rests on those above it: when one ends, so do those below, and all of them start again. It stops in reverse,
 * so nobody comes in any more while the rooms close.
 */
import { Supervisor } from './viga.js'
import { startDirectory } from './directory.js'
import { History } from './history.js'
import { roomSupervisor } from './rooms.js'
import { Status } from './status.js'
import { connectionSupervisor, Web, type WebOptions } from './web.js'

export interface Service {
  readonly port: number
  readonly url: string
  /** Stops the tree and waits for its end. */
  stop(): Promise<void>
}

/** Starts the service. Fails with StartError; see `listenFailure` for the likeliest reason. */
export async function startService(options: WebOptions): Promise<Service> {
  const directory = startDirectory()
  try {
    const tree = await Supervisor.start(
      [
        Status.child({ name: 'status' }),
        History.child({ name: 'history' }),
        roomSupervisor,
        connectionSupervisor,
        Web.child(options, { name: 'web' }),
      ],
      { strategy: 'rest_for_one', name: 'chat' },
    )
    const port = await Web.at('web').call.port()
    return {
      port,
      url: `http://${options.host}:${port}/`,
      stop: async () => {
        await tree.stop('shutdown')
        directory.stop()
      },
    }
  } catch (error) {
    directory.stop()
    throw error
  }
}
