import { type Coroutine, hibernate, type Pid, receive, self, send, spawn } from '../../ts/src/index.js'
import { collectGarbage, type Figures, inProcess, type Jobs } from './jobs.js'

function* wait(): Coroutine<void> {
  yield* receive()
}

function* fallAsleep(): Coroutine<void> {
  yield* hibernate()
  yield* receive()
}

/** The state of each process is its own number. */
class Loop {
  private readonly state: number

  constructor(state: number) {
    this.state = state
  }

  init(): number {
    return this.state
  }

  message(_message: unknown, state: number): number {
    return state
  }
}

// oxlint-disable-next-line require-yield -- the cheapest body of a process that only sends
function* reportDone(to: Pid<string>): Coroutine<void> {
  send(to, 'done')
}

/** Resident memory that `count` processes take. */
function* residentBytes(count: number, start: (i: number) => void): Coroutine<Figures> {
  collectGarbage()
  const before = process.memoryUsage.rss()
  for (let i = 0; i < count; i++) start(i)
  // Queued behind all of them: when it has spoken, each has had its first slice and waits.
  spawn(reportDone, self<string>())
  yield* receive()
  collectGarbage()
  return { bytes: (process.memoryUsage.rss() - before) / count }
}

export const jobs: Jobs = {
  waiting: (count) => inProcess(() => residentBytes(count, () => spawn(wait))),
  callback: (count) => inProcess(() => residentBytes(count, (i) => spawn(new Loop(i)))),
  hibernated: (count) => inProcess(() => residentBytes(count, () => spawn(fallAsleep))),
}
