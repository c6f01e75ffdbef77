/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { isMainThread, parentPort } from 'node:worker_threads'
import { rateSince, settled } from '../figures.mjs'
import { withWorker } from './worker.mjs'

const CALLS_IN_FLIGHT = 16
const TILE = 50
const TILE_SUM = 109_673

/** Sum of the iterations of all points of a size x size grid over -1.5 to 0.5, -1 to 1. */
function mandelbrot(size, limit) {
  let sum = 0
  for (let row = 0; row < size; row++) {
    const ci = (2 * row) / size - 1
    for (let column = 0; column < size; column++) sum += escape((2 * column) / size - 1.5, ci, limit)
  }
  return sum
}

function escape(cr, ci, limit) {
  let zr = 0
  let zi = 0
  for (let i = 0; i < limit; i++) {
    const zr2 = zr * zr
    const zi2 = zi * zi
    if (zr2 + zi2 > 4) return i
    zi = 2 * zr * zi + ci
    zr = zr2 - zi2 + cr
  }
  return limit
}

/** Keeps as many calls on their way as 8 servers with two callers each do, spread over `workers`. */
function calls(count, workers) {
  const end = settled()
  let asked = 0
  let answered = 0
  const ask = (worker) => {
    if (asked === count) return
    asked++
    worker.postMessage(TILE)
  }
  const start = performance.now()
  for (const worker of workers)
    worker.on('message', (sum) => {
      if (sum !== TILE_SUM) throw new Error(`a tile has ${sum} iterations`)
      if (++answered === count) end.resolve(rateSince(start, count))
      ask(worker)
    })
  for (let i = 0; i < CALLS_IN_FLIGHT; i++) ask(workers[i % workers.length])
  return end.promise
}

export const jobs = {
  servers_one_scheduler: (count) => withWorker(import.meta.url, null, (worker) => calls(count, [worker])),
  servers_two_schedulers: (count) =>
    withWorker(import.meta.url, null, (first) => withWorker(import.meta.url, null, (second) => calls(count, [first, second]))),
}

if (!isMainThread) parentPort.on('message', (size) => parentPort.postMessage(mandelbrot(size, 100)))
