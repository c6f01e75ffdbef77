import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs } from './jobs.js'

const BATCH = 100

function* sink(): Coroutine<void> {
  for (;;) {
    const message = yield* receive<number | Pid<string>>()
    if (typeof message !== 'number') send(message, 'acknowledged')
  }
}

let kept = 0

function bare(_to: Pid<number>, count: number): void {
  for (let n = count; n > 0; n--) kept ^= n
}

function sends(to: Pid<number>, count: number): void {
  for (let n = count; n > 0; n--) {
    kept ^= n
    send(to, n)
  }
}

/** Time of a batch of `work` alone, the median in ms; the sink empties its mailbox between batches. */
function* timeOf(work: (to: Pid<number>, count: number) => void, to: Pid<number | Pid<string>>, batches: number): Coroutine<number> {
  const me = self<string>()
  const times = new Float64Array(batches)
  for (let batch = 0; batch < batches; batch++) {
    const start = performance.now()
    work(to, BATCH)
    times[batch] = performance.now() - start
    send(to, me)
    yield* receive()
  }
  return times.sort()[batches >> 1] as number
}

function* sendBeyondLoop(count: number): Coroutine<Figures> {
  const to = spawn<number | Pid<string>>(sink)
  const batches = Math.ceil(count / BATCH)
  const sending = yield* timeOf(sends, to, batches)
  const looping = yield* timeOf(bare, to, batches)
  exit(to, 'kill')
  return { nanoseconds: ((sending - looping) * 1e6) / BATCH }
}

function* slices(count: number): Coroutine<Figures> {
  const start = performance.now()
  for (let i = 0; i < count; i++) yield
  return { nanoseconds: ((performance.now() - start) * 1e6) / count }
}

export const jobs: Jobs = {
  send: (count) => inProcess(() => sendBeyondLoop(count)),
  slice: (count) => inProcess(() => slices(count)),
}
