import { performance } from 'node:perf_hooks'
import { cancelTimer, type Coroutine, receive, self, sendAfter, type Timer } from '../../ts/src/index.js'
import { type Figures, inPlainProcess, inProcess, type Jobs, randomIntegers, rateSince } from './jobs.js'

const FAR = 600_000

function start(count: number): Figures {
  const me = self<string>()
  const begun = performance.now()
  for (let i = count; i > 0; i--) sendAfter(FAR + (i % 1_000), me, 'late')
  return rateSince(begun, count)
}

function cancel(count: number): Figures {
  const me = self<string>()
  const timers: Timer[] = []
  for (let i = 0; i < count; i++) timers.push(sendAfter(FAR + (i % 1_000), me, 'late'))
  const begun = performance.now()
  for (const timer of timers) cancelTimer(timer)
  return rateSince(begun, count)
}

function startAndCancel(count: number): Figures {
  const me = self<string>()
  const begun = performance.now()
  for (let i = 0; i < count; i++) cancelTimer(sendAfter(FAR, me, 'late'))
  return rateSince(begun, count)
}

/** Timers over one second, which begins when all of them have been started. The message is the time it is due. */
function* lateness(count: number): Coroutine<Figures> {
  const me = self<number>()
  for (const random of randomIntegers(count)) {
    const milliseconds = 500 + 1 + (random % 1_000)
    sendAfter(milliseconds, me, performance.now() + milliseconds)
  }
  const late = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const due = yield* receive<number>()
    late[i] = performance.now() - due
  }
  late.sort()
  return { p50: late[Math.ceil(count * 0.5) - 1] as number, p99: late[Math.ceil(count * 0.99) - 1] as number }
}

export const jobs: Jobs = {
  start: (count) => inPlainProcess(() => start(count)),
  cancel: (count) => inPlainProcess(() => cancel(count)),
  start_and_cancel: (count) => inPlainProcess(() => startAndCancel(count)),
  lateness: (count) => inProcess(() => lateness(count)),
}
