import { Effect, Queue } from 'effect'
import { rateSince } from '../figures.mjs'

const PRODUCERS = 100

const producer = (gate, consumer, number, count) =>
  Effect.gen(function* () {
    yield* Queue.take(gate)
    for (let n = count; n > 0; n--) yield* Queue.offer(consumer, [number, n])
  })

const fanIn = (count) =>
  Effect.runPromise(Effect.gen(function* () {
    const consumer = yield* Queue.unbounded()
    const each = Math.floor(count / PRODUCERS)
    const gates = []
    for (let i = 0; i < PRODUCERS; i++) {
      const gate = yield* Queue.unbounded()
      gates.push(gate)
      yield* Effect.forkDetach(producer(gate, consumer, i, each))
    }
    const start = performance.now()
    for (const gate of gates) yield* Queue.offer(gate, 'go')
    for (let i = 0; i < each * PRODUCERS; i++) yield* Queue.take(consumer)
    return rateSince(start, each * PRODUCERS)
  }))

export const jobs = { hundred_producers: fanIn }
