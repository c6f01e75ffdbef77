import { performance } from 'node:perf_hooks'
import { type Coroutine, exit, giveWay, type Pid, receive, self, send, spawnWith } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

const WINDOW = 1_000
const WINDOWS_AHEAD = 10

type Message = string | { readonly acknowledge: Pid<number> }

/** Counts strings of 100 characters, and tells how many there were when asked to acknowledge. */
export function* sink(): Coroutine<void> {
  let count = 0
  for (;;) {
    const message = yield* receive<Message>()
    if (typeof message !== 'string') send(message.acknowledge, count)
    else if (message.length === 100) count++
  }
}

function* stream(count: number): Coroutine<Figures> {
  const to = spawnWith<Message, []>({ scheduler: 2 }, import.meta, sink)
  const request = { acknowledge: self<number>() }
  const message = 'x'.repeat(100)
  const windows = Math.floor(count / WINDOW)
  send(to, request)
  yield* receive<number>()
  const start = performance.now()
  let acknowledged = 0
  let counted = 0
  for (let window = 0; window < windows; window++) {
    for (let i = 0; i < WINDOW; i++) send(to, message)
    send(to, request)
    if (window - acknowledged + 1 >= WINDOWS_AHEAD) {
      counted = yield* receive<number>()
      acknowledged++
    } else yield* giveWay()
  }
  for (; acknowledged < windows; acknowledged++) counted = yield* receive<number>()
  const figures = rateSince(start, windows * WINDOW)
  if (counted !== windows * WINDOW) throw new Error(`${counted} of ${windows * WINDOW} messages arrived`)
  exit(to, 'kill')
  return figures
}

export const jobs: Jobs = { hundred_bytes: (count) => inProcess(() => stream(count)) }
