/** Work that keeps schedulers busy, and processes that stay where they are. */
import { genServer, type Pid, receive, reply, schedulerId, send, spawn } from '../../../src/index.js'

/** Each call takes `milliseconds` of its scheduler, and tells which that is. */
export const Worker = genServer(import.meta, {
  init: () => 0,
  call: {
    burn: (calls, milliseconds: number) => {
      const end = performance.now() + milliseconds
      while (performance.now() < end);
      return reply(schedulerId(), calls + 1)
    },
  },
})

/** Starts workers beside itself, and sends `to` their pids. */
export function* startWorkers(to: Pid<unknown>, count: number): Generator {
  const pids: Pid[] = []
  for (let n = 0; n < count; n++) pids.push((yield* Worker.start()).pid)
  send(to, pids)
  yield* receive()
}

/** Starts a process that cannot go elsewhere, which tells `to` where it is. */
export function startClosure(to: Pid<unknown>): void {
  spawn(function* () {
    send(to, schedulerId())
  })
}

/** Tells `to` that it begins, and never lets go of its scheduler again. */
export function* getStuck(to: Pid<unknown>): Generator {
  send(to, 'begins')
  yield
  for (;;);
}
