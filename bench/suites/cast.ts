import { performance } from 'node:perf_hooks'
import { type Coroutine, genServer, giveWay, reply } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

/** Erlang preempts the caster by itself; a generator body gives way where it says so. */
const CASTS_A_TURN = 1_000

const Counter = genServer({
  init: (start: number) => start,
  call: { get: (count) => reply(count, count) },
  cast: { add: (count, by: number) => count + by },
})

/** Casts and a call, which returns when all of them have been handled. */
function* casts(count: number): Coroutine<Figures> {
  const server = yield* Counter.start(0)
  const start = performance.now()
  for (let n = count; n > 0; n--) {
    server.cast.add(1)
    if (n % CASTS_A_TURN === 0) yield* giveWay()
  }
  const handled = yield* server.call.get()
  const figures = rateSince(start, count)
  if (handled !== count) throw new Error(`${handled} of ${count} casts were handled`)
  yield* server.stop()
  return figures
}

export const jobs: Jobs = { casts: (count) => inProcess(() => casts(count)) }
