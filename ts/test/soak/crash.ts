import { EventEmitter } from 'node:events'
import { type Coroutine, type Pid, receive, spawnWith } from '../../src/index.js'

export const crashes = ['exit', 'memory', 'emitter', 'timer', 'promise'] as const
export type Crash = (typeof crashes)[number]

/** Takes down the thread of `scheduler`; gives the process that does it. */
export function startCrash(scheduler: number, kind: Crash): Pid<unknown> {
  return spawnWith({ scheduler }, import.meta, crashBy, kind)
}

/** Takes down the thread that it runs in, as programs and their libraries do. */
export function* crashBy(kind: Crash): Coroutine<void> {
  if (kind === 'exit') process.exit(3)
  else if (kind === 'memory') fillMemory()
  else if (kind === 'emitter') setImmediate(() => new EventEmitter().emit('error', new Error('an emitter whose errors nobody hears')))
  else if (kind === 'timer') setTimeout(() => fail('a timer of a library'), 1)
  else void rejectUnheard()
  yield* receive()
}

function fillMemory(): void {
  const held: unknown[] = []
  // Large pieces: small ones keep the collector busy for seconds before it gives up.
  for (;;) held.push(new Array(100_000).fill(held.length))
}

function fail(what: string): never {
  throw new Error(what)
}

/** Outside any process, so that no process ends of it instead. */
async function rejectUnheard(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1))
  fail('a rejection that nobody hears')
}
