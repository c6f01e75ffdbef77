import { performance } from 'node:perf_hooks'
import { Binary, type Coroutine, exit, type Pid, receive, self, send, spawn, spawnWith } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

const WINDOW = 100

export function* sink(): Coroutine<void> {
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

/** Messages go out in windows of 100, each acknowledged by one small message, so that the mailbox stays short. The first
 * acknowledgement tells that the receiver has started. */
function* copies(count: number, message: unknown, to: Pid<unknown>): Coroutine<Figures> {
  const request = { acknowledge: self<string>() }
  send(to, request)
  yield* receive()
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

const here = (count: number, message: unknown) => inProcess(() => copies(count, message, spawn<unknown>(sink)))
const across = (count: number, message: unknown) =>
  inProcess(() => copies(count, message, spawnWith<unknown, []>({ scheduler: 2 }, import.meta, sink)))
const megabyte = () => new Uint8Array(1 << 20).fill(7)

export const jobs: Jobs = {
  integer: (count) => here(count, count),
  map_10: (count) => here(count, mapOf10()),
  list_10000: (count) => here(count, listOf10000()),
  binary_1mb: (count) => here(count, Binary.from(megabyte())),
  binary_1mb_across: (count) => across(count, Binary.from(megabyte())),
  bytes_1mb_across: (count) => across(count, megabyte()),
}
