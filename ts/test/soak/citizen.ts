import {
  type Coroutine,
  exit,
  giveWay,
  isDown,
  isExit,
  type Pid,
  receive,
  type Ref,
  schedulerId,
  self,
  send,
  spawnWith,
  type TableId,
  TIMEOUT,
  type Timer,
  trapExit,
} from '../../src/index.js'
import { Book, keep, openAccount } from './book.js'
import { act } from './operations.js'
import { Random } from './random.js'

export type Peer = readonly [id: string, pid: Pid<unknown>]

/** What a citizen is told at its start. */
export interface Charter {
  readonly id: string
  readonly seed: number
  readonly director: Pid<unknown>
  readonly schedulers: number
  readonly table: TableId
  /** Names of the servers that it may call, or end. */
  readonly servers: readonly string[]
  /** Longest pause between two operations, ms; 0 for none at all. */
  readonly pause: number
}

/** A citizen as its operations see it. */
export interface Citizen {
  readonly charter: Charter
  readonly book: Book
  readonly random: Random
  readonly peers: Peer[]
  children: number
  lastTimer: number
  readonly timers: [number: number, timer: Timer][]
  /** Of monitors, the oldest first. */
  readonly refs: Ref[]
}

export function startCitizen(place: { readonly scheduler?: number }, charter: Charter): Pid<unknown> {
  return spawnWith(place, import.meta, citizen, charter)
}

/** Messages that are taken in a row before the next operation. */
const MOST_TAKEN = 8

/** Does things at random and keeps account of them, until told to be quiet; then only listens until it is told to end. */
export function* citizen(charter: Charter): Coroutine<void> {
  const random = new Random(charter.seed)
  const traps = !random.oneIn(4)
  trapExit(traps)
  const fail = (text: string): void => send(charter.director, ['failed', text])
  const book = new Book(openAccount(charter.id, self(), schedulerId(), traps), fail)
  keep(book)
  send(charter.director, ['born', charter.id, self(), schedulerId()])
  const me: Citizen = { charter, book, random, peers: [], children: 0, lastTimer: 0, timers: [], refs: [] }
  let quiet = false
  for (let taken = 0; ; taken++) {
    const pause = quiet ? Infinity : charter.pause === 0 || random.oneIn(2) ? 0 : random.below(charter.pause + 1)
    const message = yield* receive<unknown>({ timeout: pause })
    if (message !== TIMEOUT) {
      if (message === 'end') return
      if (message === 'end by exit') exit(['shutdown', 'told to'])
      if (message === 'quiet') {
        quiet = true
        send(charter.director, ['quiet', charter.id])
      } else take(me, message)
    }
    if (quiet || (message !== TIMEOUT && taken < MOST_TAKEN)) continue
    taken = 0
    book.account.operations++
    yield* act(me)
    // A poll of an empty mailbox goes on at once, and nobody else would have a turn.
    if (pause === 0) yield* giveWay()
  }
}

type News =
  | readonly ['message', from: string, n: number, payload: unknown]
  | readonly ['peers', peers: readonly Peer[]]
  | readonly ['linked' | 'unlinked', pid: Pid<unknown>]
  | readonly ['timer', number: number]
  | readonly ['timer of', key: string]

/** What `message` says goes into the book. */
export function take(me: Citizen, message: unknown): void {
  const { book } = me
  if (isDown(message)) return book.down(message)
  if (isExit(message)) {
    const signal = signalTo(me, message.reason, message.from)
    return signal === undefined ? book.exit(message) : book.arrived(...signal, 'exit signal')
  }
  const news = message as News
  switch (news[0]) {
    case 'message':
      return book.arrivedWith(news[1], news[2], news[3])
    case 'peers':
      me.peers.push(...news[1].filter(([id]) => id !== me.charter.id))
      return
    case 'linked':
      return book.linkIs(news[1], 'linked')
    case 'unlinked':
      // The signal came before this message: nothing of the link can come after it.
      return book.linkIs(news[1], 'over')
    case 'timer':
      return book.timerFired(news[1])
    case 'timer of':
      return book.timerOf(news[1])
    default:
      book.check(false, () => `nobody sends ${JSON.stringify(message)}`)
  }
}

/** The reason of an exit signal that a citizen sends: numbered like its messages. */
export type Signal = readonly ['signal', from: string, pid: string, n: number, to: string]

/** Who sent this EXIT to this citizen by `exit`, and its number; undefined for the EXIT of a link, which may pass on such a reason. */
function signalTo(me: Citizen, reason: unknown, sender: Pid): [from: string, n: number] | undefined {
  if (!Array.isArray(reason) || reason[0] !== 'signal') return undefined
  const [, from, pid, n, to] = reason as unknown as Signal
  return to === me.charter.id && pid === String(sender) ? [from, n] : undefined
}
