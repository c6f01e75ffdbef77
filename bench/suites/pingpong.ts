import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

type Turn = readonly [from: Pid<Turn>, n: number]

function* pong(): Coroutine<void> {
  const me = self<Turn>()
  for (;;) {
    const [from, n] = yield* receive<Turn>()
    send(from, [me, n])
  }
}

function* ping(count: number): Coroutine<Figures> {
  const me = self<Turn>()
  const partner = spawn<Turn>(pong)
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

export const jobs: Jobs = { one_scheduler: (count) => inProcess(() => ping(count)) }
