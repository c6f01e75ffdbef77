import { performance } from 'node:perf_hooks'
import { Binary, type Coroutine, exit, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

const WINDOW = 100

function* sink(): Coroutine<void> {
  for (;;) {
    const message = yield* receive<unknown>()
    if (isAcknowledge(message)) send(message.acknowledge, 'acknowledged')
  }
}

function isAcknowledge(message: unknown): message is { readonly acknowledge: Pid<string> } {
  return typeof message === 'object' && message !== null && 'acknowledge' in message
}

function mapOf10(): Record<string, number> {
  return { alpha: 1, beta: 2, gamma: 3, delta: 4, epsilon: 5, zeta: 6, eta: 7, theta: 8, iota: 9, kappa: 10 }
}

function listOf10000(): number[][] {
  return Array.from({ length: 100 }, (_row, row) => Array.from({ length: 100 }, (_, column) => row + column + 1))
}

/** Messages go out in windows of 100, each acknowledged by one small message, so that the mailbox stays short. */
function* copies(count: number, message: unknown): Coroutine<Figures> {
  const to = spawn<unknown>(sink)
  const request = { acknowledge: self<string>() }
  const windows = Math.floor(count / WINDOW)
  const start = performance.now()
  for (let window = 0; window < windows; window++) {
    for (let i = 0; i < WINDOW; i++) send(to, message)
    send(to, request)
    yield* receive()
  }
  const figures = rateSince(start, windows * WINDOW)
  exit(to, 'kill')
  return figures
}

export const jobs: Jobs = {
  integer: (count) => inProcess(() => copies(count, count)),
  map_10: (count) => inProcess(() => copies(count, mapOf10())),
  list_10000: (count) => inProcess(() => copies(count, listOf10000())),
  binary_1mb: (count) => inProcess(() => copies(count, Binary.from(new Uint8Array(1 << 20).fill(7)))),
}
