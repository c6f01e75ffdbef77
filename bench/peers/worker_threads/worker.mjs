import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** Has a thread run `file`, its own module, with `data`; gives what `body` makes of it, and ends it. */
export async function withWorker(file, data, body) {
  const worker = new Worker(new URL(file), { workerData: data })
  await once(worker, 'online')
  try {
    return await body(worker)
  } finally {
    await worker.terminate()
  }
}
