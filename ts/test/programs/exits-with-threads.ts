import { Worker } from 'node:worker_threads'
import { receive, self, send, sendAfter, spawn } from '../../src/index.js'

const thread = new URL('../robustness/thread.ts', import.meta.url)
const boot = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(thread.href)}) })`
let up = 0
for (let n = 0; n < 3; n++)
  new Worker(boot, { eval: true, workerData: { act: 'traffic' } }).on('message', () => {
    if (++up < 3) return
    // All of them are busy, and so is this thread: now.
    spawn(function* () {
      sendAfter(1, self(), 'go')
      yield* receive()
      send(self(), 'one more')
      process.exit(3)
    })
  })
