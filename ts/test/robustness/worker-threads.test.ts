import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { Runtime, self, systemInfo } from '../../src/index.js'

const thread = new URL('./thread.ts', import.meta.url)

function startThread(act: string): Worker {
  // On Node 20 a loader given to a worker by execArgv does not reach it; registering one there does.
  const boot = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(thread.href)}) })`
  return new Worker(boot, { eval: true, workerData: { act } })
}

test('each thread has a runtime of its own', { timeout: 60_000 }, async () => {
  const runtime = Runtime.start()
  const threads = [startThread('answer'), startThread('answer')]
  const exits = threads.map((worker) => once(worker, 'exit'))
  const told = await Promise.all(threads.map((worker) => once(worker, 'message')))
  expect(told.flat()).toEqual(threads.map(() => ({ engine: runtime.engine, pid: String(self()), count: true })))
  expect(await Promise.all(exits)).toEqual([[0], [0]])
  expect(systemInfo().processCount).toBe(1)
  runtime.stop()
})

test('threads are terminated in the middle of traffic, one after the other', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 30; round++) {
    const worker = startThread('traffic')
    await once(worker, 'message')
    if (round % 3 !== 0) await new Promise((resolve) => setTimeout(resolve, round % 7))
    expect(await worker.terminate()).toBe(1)
  }
})

test('a thread that exits in the middle of a slice ends, and nothing else', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const worker = startThread('exit')
    expect(await once(worker, 'exit')).toEqual([7])
  }
})

test('the program ends, threads and all, when the main thread exits in the middle', { timeout: 60_000 }, async () => {
  const program = fileURLToPath(new URL('../programs/exits-with-threads.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdout.resume()
  expect(await once(child, 'close')).toEqual([3, null])
  expect(errors).toBe('')
})
