import { performance } from 'node:perf_hooks'
import { type Coroutine, receive, self, send } from '../../ts/src/index.js'
import { collectGarbage, type Figures, inProcess, type Jobs } from './jobs.js'

const FEW = 10_000

function fill(count: number): void {
  const me = self<readonly [number, number]>()
  for (let n = count; n > 0; n--) send(me, [n, n])
}

function* drain(count: number): Coroutine<void> {
  for (let i = 0; i < count; i++) yield* receive()
}

function* fillAndDrain(count: number): Coroutine<void> {
  fill(count)
  yield* drain(count)
}

function* waiting(count: number): Coroutine<Figures> {
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const sending = performance.now()
  fill(count)
  const sent = performance.now()
  collectGarbage()
  const after = process.memoryUsage().heapUsed
  const receiving = performance.now()
  yield* drain(count)
  const received = performance.now()
  return {
    send: (count * 1_000) / (sent - sending),
    receive: (count * 1_000) / (received - receiving),
    bytes: (after - before) / count,
  }
}

function* scaling(count: number): Coroutine<Figures> {
  yield* fillAndDrain(FEW)
  const rounds = Math.max(1, Math.floor(count / FEW))
  const small = performance.now()
  for (let round = 0; round < rounds; round++) yield* fillAndDrain(FEW)
  const large = performance.now()
  yield* fillAndDrain(count)
  const end = performance.now()
  return { ratio: (end - large) / count / ((large - small) / (rounds * FEW)) }
}

export const jobs: Jobs = {
  waiting: (count) => inProcess(() => waiting(count)),
  scaling: (count) => inProcess(() => scaling(count)),
}
