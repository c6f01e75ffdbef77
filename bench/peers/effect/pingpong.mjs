import { Effect, Queue } from 'effect'
import { rateSince } from '../figures.mjs'

const pingpong = (count) =>
  Effect.runPromise(Effect.gen(function* () {
    const ping = yield* Queue.unbounded()
    const pong = yield* Queue.unbounded()
    yield* Effect.forkDetach(Effect.gen(function* () {
      for (;;) {
        const [from, n] = yield* Queue.take(pong)
        yield* Queue.offer(from, [pong, n])
      }
    }))
    const start = performance.now()
    for (let n = count; n > 0; n--) {
      yield* Queue.offer(pong, [ping, n])
      yield* Queue.take(ping)
    }
    return rateSince(start, count)
  }))

export const jobs = { one_scheduler: pingpong }
