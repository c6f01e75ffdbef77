/** Types of definitions, checked by tsc: requests and replies are inferred, nothing is declared twice. */
import {
  type From,
  type HandleOf,
  from,
  GenServer,
  genServer,
  noReply,
  ok,
  type Operation,
  type Pid,
  reply,
  replyLater,
  type ServerBehaviour,
  stop,
  TIMEOUT,
} from '../src/index.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Equal<Expected, Actual>): void => undefined
}

export const Counter = genServer(import.meta, {
  init: (start: number) => start,
  call: {
    get: (n) => reply(n, n),
    add: (n, by: number) => reply(n + by, n + by),
    name: (n) => reply('counter', n),
    slow: async (n, by: number) => reply(String(n + by), n),
    careful: function* (n: number, other: Pid<unknown>) {
      const theirs = yield* GenServer.call<number>(other, ['get'])
      return reply(theirs + n, n)
    },
    later: (n) => replyLater(from<boolean>(), n),
    sometimes: (n) => (n > 0 ? reply(n, n) : stop('empty', 'none' as const, n)),
    never: (n) => noReply(n),
  },
  cast: { reset: () => 0, set: (_n, to: number) => to, end: (n) => stop('normal', n) },
  info: (n, message) => (message === TIMEOUT ? 0 : n),
})

const Other = genServer({ init: () => 0, call: { ping: (n) => reply('pong', n) } })

function pinged(counter: HandleOf<typeof Counter>): Operation<number> {
  return counter.call.get()
}

async function calls(): Promise<void> {
  const counter = await Counter.start(0, { name: 'counter' })
  expectType<Operation<number>>()(counter.call.get(), true)
  expectType<Operation<number>>()(counter.call.add(5), true)
  expectType<Operation<string>>()(counter.call.name(), true)
  expectType<Operation<string>>()(counter.call.slow(1), true)
  expectType<Operation<number>>()(counter.call.careful(counter.pid), true)
  expectType<Operation<boolean>>()(counter.call.later(), true)
  expectType<Operation<number | 'none'>>()(counter.call.sometimes(), true)
  expectType<Operation<unknown>>()(counter.call.never(), true)
  expectType<void>()(counter.cast.set(3), true)
  expectType<Operation<number>>()(counter.with({ timeout: 10 }).call.get(), true)
  expectType<Operation<number>>()(Counter.at('counter').call.get(), true)
  expectType<Operation<number>>()(pinged(counter), true)
  // @ts-expect-error -- a handle of another definition
  pinged(await Other.start())
  // @ts-expect-error -- no such request
  counter.call.ad(5)
  // @ts-expect-error -- an argument of the wrong type
  counter.call.add('5')
  // @ts-expect-error -- an argument is missing
  counter.call.add()
  // @ts-expect-error -- no such cast
  counter.cast.rest()
  // @ts-expect-error -- the start value is a number
  Counter.start('0')
  // @ts-expect-error -- the start value is missing
  Counter.child()
  // @ts-expect-error -- no such option
  Counter.start(0, { nmae: 'counter' })
  // @ts-expect-error -- no such restart
  Counter.child(0, { restart: 'always' })
}

genServer({
  init: () => ({ items: [] as string[] }),
  // @ts-expect-error -- the state would be of another type
  call: { push: (_state, item: string) => reply('ok', { items: item }) },
})

genServer({
  init: () => 0,
  // @ts-expect-error -- a call handler returns a result, not a state
  call: { get: (n) => n },
})

genServer({
  init: () => 0,
  // @ts-expect-error -- a cast handler returns the state
  cast: { set: () => 'zero' },
})

const stack: ServerBehaviour<number[], [number[]], 'pop', { push: number }> = {
  init: (first) => ok(first),
  handleCall: (request, caller, items) => {
    expectType<'pop'>()(request, true)
    expectType<From>()(caller, true)
    return reply(items.at(-1), items.slice(0, -1))
  },
  handleCast: ({ push }, items) => noReply([...items, push]),
}
// @ts-expect-error -- init takes an array
void GenServer.start(stack, ['one'])
void GenServer.start(stack, [[1]])

export { calls }
