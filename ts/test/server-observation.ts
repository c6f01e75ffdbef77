/** A server to be observed, and how it and operations on it end. */
import {
  type Down,
  Exit,
  isDown,
  monitor,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  self,
  send,
  type ServerBehaviour,
  StartError,
  stop,
} from '../src/index.js'

/** The reason of the Exit that `operation` fails with. */
export async function exitOf(operation: PromiseLike<unknown>): Promise<unknown> {
  try {
    await operation
  } catch (error) {
    if (error instanceof Exit) return error.reason
    throw error
  }
  throw new Error('it did not fail')
}

export async function startErrorOf(operation: PromiseLike<unknown>): Promise<StartError> {
  try {
    await operation
  } catch (error) {
    if (error instanceof StartError) return error
    throw error
  }
  throw new Error('it did not fail')
}

/** The DOWN of `pid`, whose monitor is set before `act`. */
export async function endOf(pid: Pid, act: () => unknown = () => undefined): Promise<Down> {
  const ref = monitor(pid)
  const acted = act()
  const down = await receive((message): message is Down => isDown(message, ref))
  await acted
  return down
}

export type Request = 'pop' | 'crash' | 'who' | { echo: unknown } | { stop: unknown } | 'stop with a reply'

/** A stack that tells `observer` what happens to it. */
export function stackFor(observer: Pid<unknown>): ServerBehaviour<number[], [number[]], Request, number, string> {
  return {
    init: (first) => ok(first),
    handleCall: (request, _from, items) => {
      if (request === 'pop') return reply(items.at(-1), items.slice(0, -1))
      if (request === 'crash') throw new Error('crashed as asked')
      if (request === 'who') return reply(self(), items)
      if (request === 'stop with a reply') return stop('normal', 'last words', items)
      return 'stop' in request ? stop(request.stop, items) : reply(request.echo, items)
    },
    handleCast: (item, items) => noReply([...items, item]),
    handleInfo: (message, items) => {
      send(observer, { info: message })
      return noReply(items)
    },
    terminate: (reason, items) => send(observer, { terminated: reason, items }),
  }
}
