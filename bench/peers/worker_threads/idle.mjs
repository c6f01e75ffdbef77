import { isMainThread, parentPort } from 'node:worker_threads'
import { setTimeout as pause } from 'node:timers/promises'
import { withWorker } from './worker.mjs'

/** Percent of a core that two waiting threads take. */
function cpuShare(milliseconds) {
  return withWorker(import.meta.url, null, async () => {
    await pause(500)
    const before = process.cpuUsage()
    await pause(milliseconds)
    const { user, system } = process.cpuUsage(before)
    return { percent: ((user + system) / 1_000 / milliseconds) * 100 }
  })
}

export const jobs = { cpu_share: cpuShare }

if (!isMainThread) parentPort.on('message', () => undefined)
