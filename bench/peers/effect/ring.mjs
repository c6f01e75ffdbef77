import { Effect, Queue } from 'effect'
import { rateSince } from '../figures.mjs'

const MEMBERS = 1_000

const member = (mailbox, next, starter) =>
  Effect.gen(function* () {
    for (;;) {
      const hops = yield* Queue.take(mailbox)
      yield* hops === 0 ? Queue.offer(starter, 'token ended') : Queue.offer(next, hops - 1)
    }
  })

const hops = (count, tokens) =>
  Effect.runPromise(Effect.gen(function* () {
    const starter = yield* Queue.unbounded()
    const mailboxes = []
    for (let i = 0; i < MEMBERS; i++) mailboxes.push(yield* Queue.unbounded())
    for (let i = 0; i < MEMBERS; i++) yield* Effect.forkDetach(member(mailboxes[i], mailboxes[(i + 1) % MEMBERS], starter))
    const each = Math.floor(count / tokens)
    const start = performance.now()
    for (let i = 0; i < tokens; i++) yield* Queue.offer(mailboxes[0], each - 1)
    for (let i = 0; i < tokens; i++) yield* Queue.take(starter)
    return rateSince(start, each * tokens)
  }))

export const jobs = {
  one_token: (count) => hops(count, 1),
  hundred_tokens: (count) => hops(count, 100),
}
