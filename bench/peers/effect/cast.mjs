import { Deferred, Effect, Queue } from 'effect'
import { rateSince } from '../figures.mjs'

const server = (mailbox) =>
  Effect.gen(function* () {
    let count = 0
    for (;;) {
      const request = yield* Queue.take(mailbox)
      if (request.answer === undefined) count += request.add
      else yield* Deferred.succeed(request.answer, count)
    }
  })

/** Casts and a call, which is answered when all of them have been handled. */
const casts = (count) =>
  Effect.runPromise(Effect.gen(function* () {
    const mailbox = yield* Queue.unbounded()
    yield* Effect.forkDetach(server(mailbox))
    const start = performance.now()
    for (let i = 0; i < count; i++) yield* Queue.offer(mailbox, { add: 1 })
    const answer = yield* Deferred.make()
    yield* Queue.offer(mailbox, { answer })
    const handled = yield* Deferred.await(answer)
    if (handled !== count) throw new Error(`${handled} of ${count} casts were handled`)
    return rateSince(start, count)
  }))

export const jobs = { casts }
