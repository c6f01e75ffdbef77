/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { isMainThread, parentPort } from 'node:worker_threads'
import { rateSince } from '../figures.mjs'
import { windows } from './windows.mjs'
import { withWorker } from './worker.mjs'

const WINDOW = 1_000
const WINDOWS_AHEAD = 10

/** Counts strings of 100 characters; acknowledges each 'acknowledge', and answers 'count'. */
function sink() {
  let count = 0
  parentPort.on('message', (message) => {
    if (message.length === 100) count++
    else parentPort.postMessage(message === 'count' ? count : 'acknowledged')
  })
}

function stream(count) {
  return withWorker(import.meta.url, null, async (worker) => {
    const message = 'x'.repeat(100)
    const rounds = Math.floor(count / WINDOW)
    const start = performance.now()
    await windows(worker, rounds, WINDOWS_AHEAD, () => {
      for (let i = 0; i < WINDOW; i++) worker.postMessage(message)
    })
    const figures = rateSince(start, rounds * WINDOW)
    const counted = new Promise((resolve) => worker.once('message', resolve))
    worker.postMessage('count')
    if ((await counted) !== rounds * WINDOW) throw new Error(`${await counted} of ${rounds * WINDOW} messages arrived`)
    return figures
  })
}

export const jobs = { hundred_bytes: stream }

if (!isMainThread) sink()
