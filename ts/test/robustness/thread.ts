/** A worker thread with a runtime of its own and traffic of every kind; told what to do by its argument. */
import { parentPort, workerData } from 'node:worker_threads'
import { ets, genServer, receive, reply, Runtime, self, send, sendAfter, spawn, spawnLink, Supervisor, systemInfo } from '../../src/index.js'

const { act } = workerData as { act: 'answer' | 'traffic' | 'exit' | 'leave' }
const Echo = genServer({ init: () => 0, call: { echo: (n, x: number) => reply(x, n + 1) } })
const runtime = Runtime.start({ onCrash: () => undefined })
await Supervisor.start([Echo.child({ name: 'echo' })])
const table = ets.create<[number, string]>('rows', { access: 'public' })
for (let n = 0; n < 50; n++)
  spawn(n % 2 === 0 ? traffic : async () => {
    for (;;) {
      await Echo.at('echo').call.echo(n)
      await receive({ timeout: 1 })
    }
  })
function* traffic() {
  for (let n = 0; ; n++) {
    spawnLink(function* () {
      yield* receive({ timeout: 5 })
    })
    table.insert([n % 1_000, 'x'.repeat(n % 100)])
    sendAfter(n % 5, self(), { n })
    send(self(), new Uint8Array(1_000))
    yield* Echo.at('echo').call.echo(n)
    yield* receive()
    yield* receive({ timeout: 1 })
  }
}
await Echo.at('echo').call.echo(1)
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of worker_threads has no origin
parentPort?.postMessage({ engine: systemInfo().engine, pid: String(self()), count: systemInfo().processCount > 50 })
if (act === 'answer') {
  runtime.stop()
} else if (act === 'exit') {
  sendAfter(3, self(), 'now')
  spawn(function* () {
    yield
    process.exit(7)
  })
}
