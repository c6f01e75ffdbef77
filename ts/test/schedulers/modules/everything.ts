/** What runs on other schedulers in the tests. */
import { exit, genServer, ignore, type Pid, receive, reply, schedulerId, self, send, spawnWith, stop, trapExit } from '../../../src/index.js'

/** Sends back what it gets, with the scheduler's number. */
export function* echo(): Generator {
  for (;;) {
    const { from, value } = (yield* receive()) as { from: Pid<unknown>; value: unknown }
    send(from, { scheduler: schedulerId(), value })
  }
}

/** Ends with the reason it is sent. */
export function* ender(): Generator {
  exit(yield* receive())
}

/** Tells `to` of every message and exit signal. */
export function* listener(to: Pid<unknown>): Generator {
  trapExit(true)
  send(to, ['listening', self()])
  for (;;) send(to, yield* receive())
}

/** Starts a process on `scheduler` that tells `to` where it runs. */
export function* forward(scheduler: number, to: Pid<unknown>): Generator {
  spawnWith({ scheduler }, import.meta, here, to)
  yield* receive()
}

export async function here(to: Pid<unknown>): Promise<void> {
  send(to, { scheduler: schedulerId(), pid: self() })
  await receive()
}

/** Ends the thread it runs on. */
export function quit(code: number): void {
  process.exit(code)
}

export function* throwOutside(): Generator {
  setImmediate(() => {
    throw new RangeError('outside any process')
  })
  yield* receive()
}

/** In small pieces: V8 notices between two of them that it is to give up, as it does not always within a large one. */
export function useAllMemory(): void {
  const kept: unknown[] = []
  for (;;) kept.push({ place: kept.length, parts: [kept.length] })
}

export function spin(): void {
  for (;;);
}

export function crash(): void {
  throw Object.assign(new Error('a crash far away'), { by: self() })
}

/** A server whose start goes as it is told. */
export const Moody = genServer(import.meta, {
  init: async (mood: 'well' | 'stop' | 'throw' | 'ignore' | 'never') => {
    switch (mood) {
      case 'well':
        return 0
      case 'stop':
        return stop('in no mood')
      case 'ignore':
        return ignore()
      case 'throw':
        throw new Error('bad mood')
      case 'never':
        await receive()
        return 0
    }
  },
  call: { where: (n) => reply({ scheduler: schedulerId(), pid: self() }, n) },
})
