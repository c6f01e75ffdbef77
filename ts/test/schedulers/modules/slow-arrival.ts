import { type Pid, receive, schedulerId, self, send } from '../../../src/index.js'

await new Promise((resolve) => setTimeout(resolve, 50))

/** Tells `to` what it was sent before it could begin, in order. */
export function* collect(to: Pid<unknown>, count: number): Generator {
  const got: unknown[] = []
  while (got.length < count) got.push(yield* receive())
  send(to, { scheduler: schedulerId(), pid: self(), got })
}
