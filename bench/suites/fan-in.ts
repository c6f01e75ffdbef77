import { performance } from 'node:perf_hooks'
import { type Coroutine, giveWay, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

const PRODUCERS = 100
/** Erlang preempts a producer by itself; a generator body gives way where it says so. */
const SENDS_A_TURN = 1_000

type Item = readonly [producer: number, n: number]

function* produce(consumer: Pid<Item>, producer: number, count: number): Coroutine<void> {
  yield* receive()
  for (let n = count; n > 0; n--) {
    send(consumer, [producer, n])
    if (n % SENDS_A_TURN === 0) yield* giveWay()
  }
}

function* consume(count: number): Coroutine<Figures> {
  const me = self<Item>()
  const each = Math.floor(count / PRODUCERS)
  const producers: Pid<string>[] = []
  for (let i = 0; i < PRODUCERS; i++) producers.push(spawn<string, [Pid<Item>, number, number]>(produce, me, i, each))
  const start = performance.now()
  for (const producer of producers) send(producer, 'go')
  for (let i = 0; i < each * PRODUCERS; i++) yield* receive()
  return rateSince(start, each * PRODUCERS)
}

export const jobs: Jobs = { hundred_producers: (count) => inProcess(() => consume(count)) }
