import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, type Pid, receive, self, send, spawnLink, Supervisor } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs } from './jobs.js'

/** Restarts of one supervisor in the job of that name. */
const FIRST = 2_000

function* child(): Coroutine<void> {
  yield* receive()
}

/** The leanest start function: the child runs at once and has nothing to initialise. */
function startChild(watcher: Pid<Pid>): Pid {
  const pid = spawnLink(child)
  send(watcher, pid)
  return pid
}

/** Milliseconds that a new supervisor takes for `count` restarts of its child. */
function* restarts(count: number): Coroutine<number> {
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
  const milliseconds = performance.now() - start
  yield* supervisor.stop()
  return milliseconds
}

/** `count` restarts in all, by one supervisor after another, each of which does `each`. */
function* inTurns(count: number, each: number): Coroutine<Figures> {
  const turns = Math.ceil(count / each)
  let milliseconds = 0
  for (let turn = 0; turn < turns; turn++) milliseconds += yield* restarts(each)
  return { per_second: (turns * each * 1_000) / milliseconds }
}

export const jobs: Jobs = {
  first_2000: (count) => inProcess(() => inTurns(count, FIRST)),
  in_a_row: (count) => inProcess(() => inTurns(count, count)),
}
