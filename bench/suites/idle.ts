import { type Coroutine, genServer, receive, reply } from '../../ts/src/index.js'
import { type Figures, inProcess, type Jobs } from './jobs.js'

const SERVERS = 1_000

export const Counter = genServer(import.meta, {
  init: (start: number) => start,
  call: { get: (count) => reply(count, count) },
})

/** Percent of a core that 1,000 waiting servers take, half of them on each of two schedulers. */
function* cpuShare(milliseconds: number): Coroutine<Figures> {
  const servers: Awaited<ReturnType<typeof Counter.start>>[] = []
  for (let i = 0; i < SERVERS; i++) servers.push(yield* Counter.start(0, { scheduler: 1 + (i % 2) }))
  for (const server of servers) yield* server.call.get()
  // Longer than V8 waits before it collects once more what the start has left.
  yield* receive({ timeout: 10_000 })
  const before = process.cpuUsage()
  yield* receive({ timeout: milliseconds })
  const { user, system } = process.cpuUsage(before)
  for (const server of servers) yield* server.stop()
  return { percent: ((user + system) / 1_000 / milliseconds) * 100 }
}

export const jobs: Jobs = { cpu_share: (milliseconds) => inProcess(() => cpuShare(milliseconds)) }
