import { Deferred, Effect, Fiber, Queue } from 'effect'
import { rateSince } from '../figures.mjs'

/** A server is a fiber that takes requests from its queue and answers each through the request's Deferred. */
const server = (mailbox) =>
  Effect.gen(function* () {
    const count = 0
    for (;;) {
      const answer = yield* Queue.take(mailbox)
      yield* Deferred.succeed(answer, count)
    }
  })

const caller = (mailbox, count) =>
  Effect.gen(function* () {
    for (let i = 0; i < count; i++) {
      const answer = yield* Deferred.make()
      yield* Queue.offer(mailbox, answer)
      yield* Deferred.await(answer)
    }
  })

const calls = (count, callers) =>
  Effect.runPromise(Effect.gen(function* () {
    const mailbox = yield* Queue.unbounded()
    yield* Effect.forkDetach(server(mailbox))
    const each = Math.floor(count / callers)
    const start = performance.now()
    const fibers = []
    for (let i = 0; i < callers; i++) fibers.push(yield* Effect.forkDetach(caller(mailbox, each)))
    for (const fiber of fibers) yield* Fiber.join(fiber)
    return rateSince(start, each * callers)
  }))

export const jobs = {
  one_caller: (count) => calls(count, 1),
  callers_64: (count) => calls(count, 64),
}
