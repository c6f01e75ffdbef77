/** Tells of the traces it is in, on whatever scheduler it runs. */
import { genServer, type Pid, receive, reply, schedulerId, send, trace } from '../../../src/index.js'

const position = (): unknown => [schedulerId(), trace.current()]

export function* follower(to: Pid<unknown>): Generator {
  send(to, position())
  for (;;) {
    yield* receive()
    send(to, position())
  }
}

export const Follower = genServer(import.meta, { init: () => 0, call: { where: (n: number) => reply(position(), n) } })
