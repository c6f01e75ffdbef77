import { performance } from 'node:perf_hooks'
import { type Coroutine, genServer, isDown, receive, reply, spawnMonitor } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs, rateSince } from './jobs.js'

const Counter = genServer({
  init: (start: number) => start,
  call: { get: (count) => reply(count, count) },
})

type Client = Awaited<ReturnType<typeof Counter.start>>

function* call(server: Client, count: number): Coroutine<void> {
  for (let i = 0; i < count; i++) yield* server.call.get()
}

function* calls(count: number, callers: number): Coroutine<Figures> {
  const server = yield* Counter.start(0)
  const each = Math.floor(count / callers)
  const start = performance.now()
  for (let i = 0; i < callers; i++) spawnMonitor(call, server, each)
  for (let i = 0; i < callers; i++) yield* receive(isNormalEnd)
  const figures = rateSince(start, each * callers)
  yield* server.stop()
  return figures
}

function isNormalEnd(message: unknown): boolean {
  if (!isDown(message)) return false
  if (message.reason !== 'normal') throw new Error(`a caller ended with ${String(message.reason)}`)
  return true
}

export const jobs: Jobs = {
  one_caller: (count) => inProcess(() => calls(count, 1)),
  callers_64: (count) => inProcess(() => calls(count, 64)),
}
