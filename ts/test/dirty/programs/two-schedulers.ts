import { isMainThread } from 'node:worker_threads'
import { type Coroutine, dirty, exit, type Pid, receive, registered, Runtime, schedulerId, self, send, spawnWith } from '../../../src/index.js'

export function square(n: number): number {
  return n * n
}

export function spin(): never {
  for (;;);
}

export function fail(): never {
  throw new RangeError('too far')
}

export function* ask(parent: Pid<unknown>, n: number): Coroutine {
  const result = yield* dirty.with({ timeout: 60_000 }).io(import.meta, square, n)
  try {
    yield* dirty.io(import.meta, fail)
  } catch (error) {
    send(parent, [schedulerId(), result, String(error)])
  }
}

export function* spinFor(timeout: number): Coroutine {
  yield* dirty.with({ timeout }).io(import.meta, spin)
}

// This module is loaded in the thread of the second scheduler and in those of the pool too.
if (isMainThread) {
  const runtime = Runtime.start({ schedulers: 2, dirtyIo: 1, onCrash: ({ reason }) => crashed.push((reason as unknown[])[0]) })
  const crashed: unknown[] = []
  // Both schedulers ask first of all, and must come to one pool.
  for (const scheduler of [2, 1, 2]) spawnWith({ scheduler }, import.meta, ask, self(), scheduler)
  const answers: unknown[] = []
  while (answers.length < 3) answers.push(await receive())
  const killed = spawnWith({ scheduler: 2 }, import.meta, spinFor, Infinity)
  while ((await dirty.info()).io.busy < 1);
  exit(killed, 'kill')
  while ((await dirty.info()).io.cancelled < 1);
  spawnWith({ scheduler: 2 }, import.meta, spinFor, 200)
  while ((await dirty.info()).io.cancelled < 2);
  await dirty.io(import.meta, square, 1)
  const { io } = await dirty.info()
  while (crashed.length === 0) await new Promise((resolve) => setImmediate(resolve))
  console.log(JSON.stringify({ answers: answers.toSorted(), io, crashed, names: registered().toSorted() }))
  runtime.stop()
}
