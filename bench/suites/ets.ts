import { performance } from 'node:perf_hooks'
import { ets, type Table } from '../../ts/src/index.js'
import { type Figures, inPlainProcess, type Jobs, randomIntegers, rateSince, shuffled } from './jobs.js'

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

export const jobs: Jobs = {
  insert: (count) => inPlainProcess(() => insert(count)),
  lookup: (count) => inPlainProcess(() => withEachKey(count, lookup)),
  lookup_element: (count) => inPlainProcess(() => withEachKey(count, lookupElement)),
  update_counter: (count) => inPlainProcess(() => withEachKey(count, updateCounter)),
  ordered_insert: (count) => inPlainProcess(() => orderedInsert(count)),
  ordered_range: (count) => inPlainProcess(() => orderedRange(count)),
}
