/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { isMainThread, parentPort } from 'node:worker_threads'
import { rateSince } from '../figures.mjs'
import { windows } from './windows.mjs'
import { withWorker } from './worker.mjs'

const WINDOW = 100
const MEGABYTE = 1 << 20

function sink() {
  parentPort.on('message', (message) => {
    if (message === 'acknowledge') parentPort.postMessage('acknowledged')
  })
}

function copies(count, message) {
  return withWorker(import.meta.url, null, async (worker) => {
    const rounds = Math.floor(count / WINDOW)
    const start = performance.now()
    await windows(worker, rounds, 1, () => {
      for (let i = 0; i < WINDOW; i++) worker.postMessage(message)
    })
    return rateSince(start, rounds * WINDOW)
  })
}

export const jobs = {
  binary_1mb_across: (count) => copies(count, new Uint8Array(new SharedArrayBuffer(MEGABYTE)).fill(7)),
  bytes_1mb_across: (count) => copies(count, new Uint8Array(MEGABYTE).fill(7)),
}

if (!isMainThread) sink()
