import { Effect, Queue } from 'effect'
import { rateSince } from '../figures.mjs'

/** A child is a fiber that offers one message to the parent's queue and ends. */
const spawnAndExit = (count, alive) =>
  Effect.runPromise(Effect.gen(function* () {
    const mailbox = yield* Queue.unbounded()
    const child = Queue.offer(mailbox, 'done')
    const start = performance.now()
    for (let left = count; left > 0; left -= alive) {
      const batch = Math.min(left, alive)
      for (let i = 0; i < batch; i++) yield* Effect.forkDetach(child)
      for (let i = 0; i < batch; i++) yield* Queue.take(mailbox)
    }
    return rateSince(start, count)
  }))

export const jobs = {
  one_at_a_time: (count) => spawnAndExit(count, 1),
  ten_thousand: (count) => spawnAndExit(count, 10_000),
}
