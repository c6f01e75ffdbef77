import { Effect, Queue } from 'effect'
import { residentBytes } from '../figures.mjs'

/** A process is a fiber that takes from a queue of its own; kept alive, as a mailbox that others may send to would be. */
const waiting = (count) =>
  Effect.runPromise(Effect.gen(function* () {
    const before = residentBytes()
    const mailboxes = new Array(count)
    for (let i = 0; i < count; i++) {
      const mailbox = yield* Queue.unbounded()
      mailboxes[i] = mailbox
      yield* Effect.forkDetach(Queue.take(mailbox))
    }
    yield* Effect.yieldNow
    const after = residentBytes()
    if (mailboxes.length !== count) throw new Error('mailboxes lost')
    return { bytes: (after - before) / count }
  }))

export const jobs = { waiting }
