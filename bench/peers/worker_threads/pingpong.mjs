/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { rateSince, settled } from '../figures.mjs'
import { withWorker } from './worker.mjs'

const PAUSE = 5

function pong(data) {
  if (data instanceof SharedArrayBuffer) return pongOverMemory(new Int32Array(data))
  parentPort.on('message', (n) => parentPort.postMessage(n))
}

/** Word 0 goes to pong, word 1 comes back; both sides spin. */
function pongOverMemory(words) {
  for (let n = 1; n > 0; ) {
    n = Atomics.load(words, 0)
    Atomics.store(words, 1, n)
  }
}

function roundTrips(count) {
  return withWorker(import.meta.url, 'messages', (worker) => {
    const end = settled()
    let n = count
    const start = performance.now()
    worker.on('message', (answered) => {
      if (answered !== n) throw new Error(`ping ${n} was answered with ${answered}`)
      n--
      if (n > 0) worker.postMessage(n)
      else end.resolve(rateSince(start, count))
    })
    worker.postMessage(n)
    return end.promise
  })
}

function spinning(count) {
  const memory = new SharedArrayBuffer(8)
  const words = new Int32Array(memory)
  Atomics.store(words, 0, count + 1)
  return withWorker(import.meta.url, memory, () => {
    while (Atomics.load(words, 1) !== count + 1);
    const start = performance.now()
    for (let n = count; n > 0; n--) {
      Atomics.store(words, 0, n)
      while (Atomics.load(words, 1) !== n);
    }
    const figures = rateSince(start, count)
    Atomics.store(words, 0, 0)
    return figures
  })
}

/** One round trip after each pause, in which both threads fall asleep: the median. */
function parked(count) {
  return withWorker(import.meta.url, 'messages', (worker) => {
    const end = settled()
    const times = []
    let start = 0
    const ping = () => {
      start = performance.now()
      worker.postMessage(count)
    }
    worker.on('message', () => {
      times.push(performance.now() - start)
      if (times.length < count) setTimeout(ping, PAUSE)
      else end.resolve({ microseconds: times.sort((a, b) => a - b)[count >> 1] * 1_000 })
    })
    setTimeout(ping, PAUSE)
    return end.promise
  })
}

export const jobs = { two_schedulers: roundTrips, two_schedulers_spinning: spinning, parked }

if (!isMainThread) pong(workerData)
