import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, type Pid, receive, self, send, spawnLink, Supervisor } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

function* child(): Coroutine<void> {
  yield* receive()
}

/** The leanest start function: the child runs at once and has nothing to initialise. */
function startChild(watcher: Pid<Pid>): Pid {
  const pid = spawnLink(child)
  send(watcher, pid)
  return pid
}

function* restarts(count: number): Coroutine<Figures> {
  const me = self<Pid>()
  const supervisor = yield* Supervisor.start([{ id: 'child', start: () => startChild(me), shutdown: 'brutal_kill' }], {
    maxRestarts: 10_000_000,
    maxSeconds: 1,
  })
  let current = yield* receive<Pid>()
  const start = performance.now()
  for (let i = 0; i < count; i++) {
    exit(current, 'kill')
    current = yield* receive<Pid>()
  }
  const figures = rateSince(start, count)
  yield* supervisor.stop()
  return figures
}

export const jobs: Jobs = {
  first_2000: (count) => inProcess(() => restarts(count)),
  in_a_row: (count) => inProcess(() => restarts(count)),
}
