import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, type Pid, receive, self, send, spawn, spawnWith, TIMEOUT } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, median, rateSince } from './jobs.js'

type Turn = readonly [from: Pid<Turn>, n: number]

const PAUSE = 5

export function* pong(): Coroutine<void> {
  const me = self<Turn>()
  for (;;) {
    const [from, n] = yield* receive<Turn>()
    send(from, [me, n])
  }
}

function* ping(count: number, partner: Pid<Turn>): Coroutine<Figures> {
  const me = self<Turn>()
  const start = performance.now()
  for (let n = count; n > 0; n--) {
    send(partner, [me, n])
    const [, answered] = yield* receive<Turn>()
    if (answered !== n) throw new Error(`ping ${n} was answered with ${answered}`)
  }
  const figures = rateSince(start, count)
  exit(partner, 'kill')
  return figures
}

/** The first round trip waits until the other scheduler has started. */
function* onOtherScheduler(): Coroutine<Pid<Turn>> {
  const partner = spawnWith<Turn, []>({ scheduler: 2 }, import.meta, pong)
  send(partner, [self<Turn>(), 0])
  yield* receive<Turn>()
  return partner
}

function* across(count: number): Coroutine<Figures> {
  return yield* ping(count, yield* onOtherScheduler())
}

/** The median of round trips after a pause in which both schedulers fall asleep. */
function* parked(count: number): Coroutine<Figures> {
  const me = self<Turn>()
  const partner = yield* onOtherScheduler()
  const times: number[] = []
  for (let n = 1; n <= count; n++) {
    if ((yield* receive<Turn>({ timeout: PAUSE })) !== TIMEOUT) throw new Error('a message arrived in the pause')
    const start = performance.now()
    send(partner, [me, n])
    yield* receive<Turn>()
    times.push((performance.now() - start) * 1_000)
  }
  exit(partner, 'kill')
  return { microseconds: median(times) }
}

export const jobs: Jobs = {
  one_scheduler: (count) => inProcess(() => ping(count, spawn<Turn>(pong))),
  two_schedulers: (count) => inProcess(() => across(count)),
  parked: (count) => inProcess(() => parked(count)),
}
