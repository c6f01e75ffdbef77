import {
  type Coroutine,
  ets,
  exit,
  type From,
  from,
  GenServer,
  genServer,
  type Ref,
  reply,
  replyLater,
  schedulerId,
  self,
  send,
  type TableId,
  trapExit,
} from '../../src/index.js'
import { type Account, Book, openAccount } from './book.js'
import { type Charter, type Citizen, type Peer, take } from './citizen.js'
import { actAsServer } from './operations.js'
import { Random } from './random.js'
import { Echo } from './servers.js'

/** Peers that it knows at most: all of it is copied when it moves. */
const MOST_PEERS = 30

/** A citizen whose book and everything else is the state of a server, so that it may go to other schedulers. */
interface Wandering {
  readonly charter: Charter
  readonly account: Account
  readonly peers: Peer[]
  readonly refs: Ref[]
  /** Callers who are answered later, with what. */
  readonly owed: [caller: From<number>, n: number][]
  /** A table that it alone may touch, and how often it has. */
  readonly table: TableId
  touched: number
  seed: number
  lastTimer: number
  quiet: boolean
}

function bookOf({ account, charter }: Wandering): Book {
  return new Book(account, (text) => send(charter.director, ['failed', `${text} (now on scheduler ${schedulerId()})`]))
}

function citizenOf(state: Wandering): Citizen {
  const { charter, peers, refs, lastTimer } = state
  return { charter, book: bookOf(state), random: new Random(state.seed), peers, refs, lastTimer, children: 0, timers: [] }
}

/** Puts down what has come, and now and then does something itself. */
function* live(state: Wandering, hear: (me: Citizen) => void): Coroutine<void> {
  const me = citizenOf(state)
  hear(me)
  state.peers.splice(0, state.peers.length - MOST_PEERS)
  touchTable(state, me.book)
  if (!state.quiet && me.random.oneIn(4)) {
    state.account.operations++
    yield* actAsServer(me)
  }
  state.seed = me.random.rest
  state.lastTimer = me.lastTimer
}

function touchTable(state: Wandering, book: Book): void {
  const table = ets.open<[key: string, touched: number]>(state.table)
  const touched = table.lookup('touched')?.[1]
  book.check(touched === state.touched, () => `its table was touched ${touched} times, not ${state.touched}`)
  table.insert(['touched', ++state.touched])
}

function payDebts(state: Wandering): void {
  for (const [caller, n] of state.owed.splice(0))
    if (n % 2 === 0) GenServer.reply(caller, n + 1)
    else Echo.at(state.charter.servers[n % state.charter.servers.length] as string).cast.answer(caller, n + 1)
}

/** A citizen that is a server and goes where there is less to do, with its book. */
export const Wanderer = genServer(import.meta, {
  init(charter: Charter): Wandering {
    trapExit(true)
    const table = ets.create<[key: string, touched: number]>({ access: 'private' })
    table.insert(['touched', 0])
    return {
      charter,
      account: openAccount(charter.id, self(), schedulerId(), true),
      peers: [],
      refs: [],
      owed: [],
      table: table.id,
      touched: 0,
      seed: charter.seed,
      lastTimer: 0,
      quiet: false,
    }
  },
  call: {
    *note(state, caller: string, n: number, payload: unknown) {
      yield* live(state, ({ book }) => book.arrivedWith(caller, n, payload))
      return reply([n + 1, payload] as const, state)
    },
    /** Is answered a message later, by itself or somebody else. */
    later(state, n: number) {
      const caller = from<number>()
      state.owed.push([caller, n])
      send(self(), 'pay debts')
      return replyLater(caller, state)
    },
    where: (state) => reply(schedulerId(), state),
    page: (state) => reply(bookOf(state).page(), state),
  },
  cast: {
    *note(state, caller: string, n: number, payload: unknown) {
      yield* live(state, ({ book }) => book.arrivedWith(caller, n, payload))
      return state
    },
  },
  *info(state, message: unknown) {
    if (message === 'end') exit('normal')
    if (message === 'end by exit') exit(['shutdown', 'told to'])
    if (message === 'pay debts') payDebts(state)
    else if (message === 'quiet') {
      state.quiet = true
      send(state.charter.director, ['quiet', state.charter.id])
    } else yield* live(state, (me) => take(me, message))
    return state
  },
})
