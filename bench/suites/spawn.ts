import { performance } from 'node:perf_hooks'
import { type Coroutine, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

// oxlint-disable-next-line require-yield -- the cheapest body of a process that only sends
function* child(parent: Pid<string>): Coroutine<void> {
  send(parent, 'done')
}

function* oneAtATime(count: number): Coroutine<Figures> {
  const me = self<string>()
  const start = performance.now()
  for (let i = 0; i < count; i++) {
    spawn(child, me)
    yield* receive()
  }
  return rateSince(start, count)
}

function* inBatches(count: number): Coroutine<Figures> {
  const me = self<string>()
  const start = performance.now()
  for (let left = count; left > 0; left -= 10_000) {
    const batch = Math.min(left, 10_000)
    for (let i = 0; i < batch; i++) spawn(child, me)
    for (let i = 0; i < batch; i++) yield* receive()
  }
  return rateSince(start, count)
}

export const jobs: Jobs = {
  one_at_a_time: (count) => inProcess(() => oneAtATime(count)),
  ten_thousand: (count) => inProcess(() => inBatches(count)),
}
