/** What runs on a scheduler that is about to end, and beside it. */
import { ets, genServer, isDown, isExit, link, monitor, noReply, type Pid, receive, Registry, register, self, send, trapExit } from '../../../src/index.js'

/** Owns one of everything, says so to `to`, and waits. */
export function* owner(to: Pid<unknown>, round: number): Generator {
  register(`owner ${round}`, self())
  Registry.open('keys').register(['owned', round])
  const inherited = ets.create('inherited', { access: 'public', heir: { pid: to, data: round } })
  inherited.insert([round, 'of the dead'])
  ets.create('owned', { access: 'public' }).insert([round])
  send(to, ['owns', self()])
  yield* receive()
}

/** Says that it was asked, and never answers. */
export const Silent = genServer(import.meta, {
  init: () => 0,
  call: {
    ask: (n: number, asker: Pid<unknown>, _text: string) => {
      send(asker, ['asked'])
      return noReply(n)
    },
  },
})

/** Linked with `other` and watching it twice; when told to, tells `to` of all the ends it has heard of. */
export function* witness(to: Pid<unknown>, other: Pid<unknown>): Generator {
  trapExit(true)
  link(other)
  monitor(other)
  monitor(other)
  send(to, ['watches', self()])
  const heard: unknown[] = []
  for (;;) {
    const message = yield* receive()
    if (message === 'tell') return send(to, ['heard', heard])
    if (isExit(message)) heard.push(['exit', message.reason])
    else if (isDown(message)) heard.push(['down', message.reason])
  }
}

/** Ends its thread from a callback that belongs to no process. */
export function* throwsInCallback(): Generator {
  queueMicrotask(() => {
    throw new Error('in the callback of a library')
  })
  yield* receive()
}

export function exits(): void {
  process.exit(9)
}

export function usesAllMemory(): void {
  let kept: unknown = null
  for (;;) kept = { kept }
}
