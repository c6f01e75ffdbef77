/** A thread that joins, or does not, and then does what its number says. */
import { workerData } from 'node:worker_threads'

const { port, scheduler } = workerData['viga.scheduler']
const joins = () => {
  port.on('message', () => undefined)
  port.postMessage({ kind: 'joined' })
}
const acts = {
  2: joins,
  3: () => {
    joins()
    port.postMessage({ kind: 'want', scheduler: 4 })
    port.postMessage({ kind: 'want', scheduler: 4 })
  },
  4: joins,
  5: () => {
    throw new RangeError('not today')
  },
  6: () => {
    joins()
    process.exit(3)
  },
  7: () => {
    joins()
    void Promise.reject(new TypeError('nobody handles this'))
  },
  8: () => {
    joins()
    const kept = []
    // In small pieces: V8 notices between two of them that it is to give up, as it does not always within a large one.
    for (;;) kept.push({ place: kept.length, parts: [scheduler] })
  },
  9: () => {
    joins()
    for (;;);
  },
}
acts[scheduler]()
