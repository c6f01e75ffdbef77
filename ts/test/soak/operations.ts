import {
  type Coroutine,
  cancelTimer,
  demonitor,
  ErrorCode,
  ets,
  Exit,
  exit,
  link,
  monitor,
  type Pid,
  register,
  Registry,
  samePid,
  self,
  send,
  sendAfter,
  unlink,
  unregister,
  VigaError,
  whereis,
} from '../../src/index.js'
import { type Charter, type Citizen, type Peer, type Signal, startCitizen } from './citizen.js'
import { PATIENCE } from './patience.js'
import { isPayload, payloadFor } from './payload.js'
import { hashOf } from './random.js'
import { Echo } from './servers.js'
import { Wanderer } from './wanderer.js'

export const NAMES = Array.from({ length: 20 }, (_, i) => `soak-name-${i}`)
export const KEYS = Array.from({ length: 30 }, (_, i) => `key-${i}`)
export const REGISTRY = 'soak'
export const COUNTERS = Array.from({ length: 8 }, (_, i) => `counter-${i}`)
/** Of counters the number counts; otherwise it is the hash of who wrote the row. */
export type Row = readonly [key: string, number: number, writer: string]

/** Longest time of a timer, ms. */
const LONGEST_TIMER = 150
const MOST_CHILDREN = 2
/** The server that a call was handed to may end before it answers: ms. */
const IMPATIENT_WITH_DEBTORS = 500
/** How ids of wanderers begin. */
export const WANDERER = 'wanderer-'

type Operation = (me: Citizen) => void | Coroutine<void>

/** How often each is done, of all together. */
const operations: readonly (readonly [weight: number, operation: Operation])[] = [
  [50, sendOne],
  [4, sendMany],
  [8, monitorOne],
  [4, demonitorOne],
  [0.5, linkOne],
  [0.3, unlinkOne],
  [6, callEcho],
  [12, callWanderer],
  [12, castToWanderer],
  [3, callWandererForLater],
  [0.5, callSlow],
  [0.2, callWithShortTimeout],
  [0.02, callToEnd],
  [0.01, killServer],
  [3, nameOneself],
  [3, takeKey],
  [5, startTimer],
  [2, startTimerForPeer],
  [3, cancelOne],
  [3, useTable],
  [3, count],
  [0.1, beget],
  [0.03, killPeer],
  [0.2, signalPeer],
  [0.03, end],
]

/** A server does none that leave something in its isolate, end it, make it wait for itself, or must be known after its end. */
const notOfServers = new Set<Operation>([count, startTimer, cancelOne, beget, end, callWanderer, callWandererForLater])
const ofServers = operations.filter(([, operation]) => !notOfServers.has(operation))

/** One operation at random. */
export function* act(me: Citizen, among = operations): Coroutine<void> {
  const total = among.reduce((sum, [weight]) => sum + weight, 0)
  let at = me.random.fraction() * total
  const [, operation] = among.find(([weight]) => (at -= weight) < 0) ?? (among[0] as (typeof among)[number])
  const work = operation(me)
  if (work !== undefined) yield* work
}

/** One operation that a server may do too. */
export function actAsServer(me: Citizen): Coroutine<void> {
  return act(me, ofServers)
}

function peerOf({ peers, random }: Citizen): Peer | undefined {
  return peers.length === 0 ? undefined : random.pick(peers)
}

function sendOne(me: Citizen, peer = peerOf(me)): void {
  if (peer === undefined) return
  const [id, pid] = peer
  const n = me.book.nextTo(id)
  send(pid, ['message', me.charter.id, n, payloadFor(me.charter.id, n)])
}

function sendMany(me: Citizen): void {
  const peer = peerOf(me)
  for (let i = 0; i < 20; i++) sendOne(me, peer)
}

function monitorOne(me: Citizen): void {
  const peer = peerOf(me)
  if (peer === undefined) return
  const ref = monitor(peer[1])
  me.book.monitors(ref, peer[1])
  me.refs.push(ref)
}

/** With flush no DOWN may come afterwards; without, none either unless it was there already. */
function demonitorOne(me: Citizen): void {
  const ref = me.refs.shift()
  if (ref === undefined || !me.book.isMonitored(String(ref))) return
  const flush = me.random.oneIn(2)
  const found = demonitor(ref, { flush })
  if (found || flush) me.book.demonitored(String(ref))
}

/** Of two citizens only the one with the smaller id links them, once, so that both know how it stands. */
function linkOne(me: Citizen): void {
  const peer = peerOf(me)
  if (peer === undefined || me.charter.id > peer[0] || me.book.linkOf(peer[1]) !== undefined) return
  me.book.linkIs(peer[1], 'linked')
  link(peer[1])
  send(peer[1], ['linked', self()])
}

function unlinkOne(me: Citizen): void {
  const peer = me.peers.find(([id, pid]) => me.charter.id < id && me.book.linkOf(pid) === 'linked')
  if (peer === undefined) return
  unlink(peer[1])
  me.book.linkIs(peer[1], 'unlinked')
  send(peer[1], ['unlinked', self()])
}

/** What a call may fail with when its server ends. */
function isEndOfServer(reason: unknown): boolean {
  return (
    reason === 'noproc' ||
    reason === 'killed' ||
    reason === 'scheduler_down' ||
    reason === 'shutdown' ||
    reason === 'normal' ||
    (Array.isArray(reason) && reason[0] === 'shutdown')
  )
}

/** The reason for which a call failed; throws what is no such failure. */
function whyFailed(error: unknown): unknown {
  if (error instanceof Exit && Array.isArray(error.reason)) return error.reason[0]
  throw error
}

function server(me: Citizen, timeout = PATIENCE) {
  return Echo.at(me.random.pick(me.charter.servers), { timeout })
}

function* callEcho(me: Citizen): Coroutine<void> {
  const { book, random } = me
  const n = random.below(1_000_000)
  try {
    const [answer, payload] = yield* server(me).call.echo(n, payloadFor(me.charter.id, n))
    book.check(answer === n + 1 && isPayload(payload, me.charter.id, n), () => `call ${n} was answered with ${answer}`)
  } catch (error) {
    const reason = whyFailed(error)
    book.check(isEndOfServer(reason), () => `a call failed with ${JSON.stringify(reason)}`)
  }
}

function wandererOf({ peers, random }: Citizen): Peer | undefined {
  const wanderers = peers.filter(([id]) => id.startsWith(WANDERER))
  return wanderers.length === 0 ? undefined : random.pick(wanderers)
}

/** Calls, casts and messages to one wanderer are numbered together: it sees whether one overtook another. */
function* callWanderer(me: Citizen): Coroutine<void> {
  const { book } = me
  const [id, pid] = wandererOf(me) ?? []
  if (id === undefined || pid === undefined) return
  const n = book.nextTo(id)
  const payload = payloadFor(me.charter.id, n)
  try {
    const [answer, back] = yield* Wanderer.at(pid as Pid, { timeout: PATIENCE }).call.note(me.charter.id, n, payload)
    book.check(answer === n + 1 && isPayload(back, me.charter.id, n), () => `call ${n} of ${id} was answered with ${answer}`)
  } catch (error) {
    const reason = whyFailed(error)
    book.check(isEndOfServer(reason), () => `a call of ${id} ${String(pid)} failed with ${JSON.stringify(reason)}`)
  }
}

function castToWanderer(me: Citizen): void {
  const [id, pid] = wandererOf(me) ?? []
  if (id === undefined || pid === undefined) return
  const n = me.book.nextTo(id)
  Wanderer.at(pid as Pid).cast.note(me.charter.id, n, payloadFor(me.charter.id, n))
}

/** Who owes the answer may have ended. */
function* callWandererForLater(me: Citizen): Coroutine<void> {
  const pid = wandererOf(me)?.[1]
  if (pid === undefined) return
  const n = me.random.below(1_000_000)
  try {
    const answer = yield* Wanderer.at(pid as Pid, { timeout: IMPATIENT_WITH_DEBTORS }).call.later(n)
    me.book.check(answer === n + 1, () => `the call ${n} was answered later with ${answer}`)
  } catch (error) {
    const reason = whyFailed(error)
    me.book.check(reason === 'timeout' || isEndOfServer(reason), () => `a call that is answered later failed with ${JSON.stringify(reason)}`)
  }
}

function* callSlow(me: Citizen): Coroutine<void> {
  const n = me.random.below(1_000_000)
  try {
    const answer = yield* server(me).call.slow(n, me.random.below(10))
    me.book.check(answer === n + 1, () => `slow call ${n} was answered with ${answer}`)
  } catch (error) {
    const reason = whyFailed(error)
    me.book.check(isEndOfServer(reason), () => `a slow call failed with ${JSON.stringify(reason)}`)
  }
}

/** The reply comes too late, if at all; in the mailbox it would be news that nobody sends. */
function* callWithShortTimeout(me: Citizen): Coroutine<void> {
  try {
    yield* server(me, 1).call.slow(0, 5)
  } catch (error) {
    const reason = whyFailed(error)
    me.book.check(reason === 'timeout' || isEndOfServer(reason), () => `an impatient call failed with ${JSON.stringify(reason)}`)
  }
}

function* callToEnd(me: Citizen): Coroutine<void> {
  try {
    const answer = yield* server(me).call.die(me.charter.id)
    me.book.check(false, () => `a server that stops has answered ${String(answer)}`)
  } catch (error) {
    const reason = whyFailed(error)
    me.book.check(isEndOfServer(reason), () => `a call of a server that stops failed with ${JSON.stringify(reason)}`)
  }
}

function killServer(me: Citizen): void {
  const pid = whereis(me.random.pick(me.charter.servers))
  if (pid !== undefined) exit(pid, 'kill')
}

function nameOneself(me: Citizen): void {
  const { book } = me
  const name = me.random.pick(NAMES)
  if (book.names.has(name)) {
    unregister(name)
    book.names.delete(name)
    return
  }
  try {
    register(name, self())
  } catch (error) {
    if (error instanceof VigaError && error.code === ErrorCode.NameTaken) return
    throw error
  }
  book.names.add(name)
  const holder = whereis(name)
  book.check(holder !== undefined && samePid(holder, self()), () => `the name ${name} is mine, yet it means ${String(holder)}`)
}

function takeKey(me: Citizen): void {
  const { book } = me
  const key = me.random.pick(KEYS)
  const registry = Registry.open<string, string>(REGISTRY)
  if (book.keys.has(key)) {
    book.check(registry.unregister(key) === 1, () => `the key ${key} was mine, yet nothing was unregistered`)
    book.keys.delete(key)
    return
  }
  if (!registry.register(key, me.charter.id).registered) return
  book.keys.add(key)
  const holder = registry.whereis(key)
  book.check(holder !== undefined && samePid(holder, self()), () => `the key ${key} is mine, yet it means ${String(holder)}`)
}

function startTimer(me: Citizen): void {
  const number = ++me.lastTimer
  me.book.timerStarted(number)
  me.timers.push([number, sendAfter(me.random.below(LONGEST_TIMER), self(), ['timer', number])])
}

function startTimerForPeer(me: Citizen): void {
  const peer = peerOf(me)
  if (peer === undefined) return
  const key = `${me.charter.id}/${++me.lastTimer}`
  me.book.timerFor(peer[0], key)
  sendAfter(me.random.below(LONGEST_TIMER), peer[1], ['timer of', key])
}

/** A timer that could be cancelled does not fire; one that could not has fired. */
function cancelOne(me: Citizen): void {
  const [number, timer] = me.timers.pop() ?? []
  if (number !== undefined && timer !== undefined && cancelTimer(timer) !== false) me.book.timerCancelled(number)
}

function useTable(me: Citizen): void {
  const { book, random, charter } = me
  const table = ets.open<Row>(charter.table)
  const key = `row-${random.below(50)}`
  if (random.oneIn(2)) {
    table.insert([key, hashOf(charter.id), charter.id])
    return
  }
  const row = table.lookup(key)
  book.check(row === undefined || row[1] === hashOf(row[2]), () => `row ${JSON.stringify(row)} is of two writers`)
}

function count({ book, random, charter }: Citizen): void {
  book.account.increments++
  ets.open<Row>(charter.table).updateCounter(random.pick(COUNTERS), { position: 1, increment: 1 })
}

/** The child starts here, or on any scheduler. The director hears of it from both. */
function beget(me: Citizen): void {
  if (me.children >= MOST_CHILDREN || me.charter.id.split('.').length > 3) return
  const id = `${me.charter.id}.${++me.children}`
  const charter: Charter = { ...me.charter, id, seed: me.random.seed() }
  const place: { readonly scheduler?: number } = me.random.oneIn(3) ? {} : { scheduler: 1 + me.random.below(charter.schedulers) }
  const pid = startCitizen(place, charter)
  send(charter.director, ['spawned', id, pid, place.scheduler ?? me.book.scheduler])
  send(pid, ['peers', [...me.peers.slice(-10), [me.charter.id, self()]]])
  me.peers.push([id, pid])
}

function killPeer(me: Citizen): void {
  const peer = peerOf(me)
  if (peer !== undefined) exit(peer[1], 'kill')
}

function signalPeer(me: Citizen): void {
  const peer = peerOf(me)
  if (peer === undefined) return
  const signal: Signal = ['signal', me.charter.id, me.book.pid, me.book.nextTo(peer[0]), peer[0]]
  exit(peer[1], signal)
}

function end(me: Citizen): void {
  exit(['shutdown', me.charter.id])
}
