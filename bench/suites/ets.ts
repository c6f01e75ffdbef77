import { performance } from 'node:perf_hooks'
import { type Coroutine, ets, type Pid, receive, self, send, spawnWith, type Table, type TableId } from '../../ts/src/index.js'
import { type Figures, inPlainProcess, inProcess, type Jobs, randomIntegers, rateSince, shuffled } from './jobs.js'

type Row = [key: number, word: string, count: number]
type Rows = Table<Row, 0>

const RANGE = 100
const ORDERED_ROWS = 100_000

function setOf(keys: readonly number[]): Rows {
  const table = ets.create<Row>()
  for (const key of keys) table.insert([key, 'hello', 1])
  return table
}

function insert(count: number): Figures {
  const keys = randomIntegers(count)
  const table = ets.create<Row>()
  const start = performance.now()
  for (const key of keys) table.insert([key, 'hello', 1])
  const figures = rateSince(start, count)
  table.drop()
  return figures
}

/** Does `work` with each key of a set of `count` rows, in an order that has nothing to do with that of insertion. */
function withEachKey(count: number, work: (table: Rows, keys: readonly number[]) => void): Figures {
  const keys = randomIntegers(count)
  const table = setOf(keys)
  const order = shuffled(keys)
  const start = performance.now()
  work(table, order)
  const figures = rateSince(start, count)
  table.drop()
  return figures
}

function lookup(table: Rows, keys: readonly number[]): void {
  for (const key of keys) if (table.lookup(key) === undefined) throw new Error(`no row ${key}`)
}

function lookupElement(table: Rows, keys: readonly number[]): void {
  for (const key of keys) if (table.lookupElement(key, 2) !== 1) throw new Error(`wrong element of row ${key}`)
}

function updateCounter(table: Rows, keys: readonly number[]): void {
  for (const key of keys) table.updateCounter(key, { position: 2, increment: 1 })
}

function orderedInsert(count: number): Figures {
  const table = ets.create<Row>({ kind: 'orderedSet' })
  const start = performance.now()
  for (let key = 1; key <= count; key++) table.insert([key, 'hello', 1])
  const figures = rateSince(start, count)
  table.drop()
  return figures
}

function orderedRange(count: number): Figures {
  const table = ets.create<Row>({ kind: 'orderedSet' })
  for (let key = 1; key <= ORDERED_ROWS; key++) table.insert([key, 'hello', 1])
  const froms = randomIntegers(count).map((random) => 1 + (random % (ORDERED_ROWS - RANGE)))
  const start = performance.now()
  for (const from of froms) {
    const { length } = table.range({ from, limit: RANGE }).rows
    if (length !== RANGE) throw new Error(`${length} rows from ${from} on`)
  }
  const figures = rateSince(start, count)
  table.drop()
  return figures
}

function insertEach(table: Rows, keys: readonly number[]): void {
  for (const key of keys) table.insert([key, 'hello', 1])
}

const works = { insert: insertEach, lookup, updateCounter } as const

/** Keys of one half are odd, those of the other even. */
function halfOfKeys(count: number, half: number): number[] {
  return randomIntegers(count, half).map((key) => 2 * (key >>> 1) + half - 1)
}

/** Does the work with its half of the keys, when told to go. */
export function* worker(parent: Pid<string>, id: TableId, work: keyof typeof works, count: number, half: number): Coroutine<void> {
  const table = ets.open<Row>(id)
  const keys = shuffled(halfOfKeys(count, half))
  send(parent, 'ready')
  yield* receive()
  works[work](table, keys)
  send(parent, 'done')
}

/** Operations a second of two processes on two schedulers, each of which does the work with half of the keys. */
function* byTwo(count: number, work: keyof typeof works): Coroutine<Figures> {
  const table = ets.create<Row>({ access: 'public' })
  const each = count >> 1
  if (work !== 'insert') for (const half of [1, 2]) insertEach(table, halfOfKeys(each, half))
  const workers = [1, 2].map((scheduler) =>
    spawnWith({ scheduler }, import.meta, worker, self<string>(), table.id, work, each, scheduler),
  )
  for (const _ of workers) yield* receive()
  const start = performance.now()
  for (const pid of workers.reverse()) send(pid, 'go')
  for (const _ of workers) yield* receive()
  const figures = rateSince(start, 2 * each)
  table.drop()
  return figures
}

export const jobs: Jobs = {
  insert: (count) => inPlainProcess(() => insert(count)),
  lookup: (count) => inPlainProcess(() => withEachKey(count, lookup)),
  lookup_element: (count) => inPlainProcess(() => withEachKey(count, lookupElement)),
  update_counter: (count) => inPlainProcess(() => withEachKey(count, updateCounter)),
  ordered_insert: (count) => inPlainProcess(() => orderedInsert(count)),
  ordered_range: (count) => inPlainProcess(() => orderedRange(count)),
  insert_two: (count) => inProcess(() => byTwo(count, 'insert')),
  lookup_two: (count) => inProcess(() => byTwo(count, 'lookup')),
  update_counter_two: (count) => inProcess(() => byTwo(count, 'updateCounter')),
}
