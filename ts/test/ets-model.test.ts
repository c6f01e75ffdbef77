import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ets, type Page, type Table } from '../src/ets.js'
import { compareTerms } from '../src/term/order.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

type Row = [key: unknown, n: number]

/** What a table is: rows sorted by key, searched from the start. */
class Model {
  rows: Row[] = []

  find(key: unknown): Row | undefined {
    return this.rows.find((row) => compareTerms(row[0], key) === 0)
  }

  put(row: Row): void {
    this.remove(row[0])
    this.rows.push(row)
    this.rows.sort((a, b) => compareTerms(a[0], b[0]))
  }

  remove(key: unknown): Row | undefined {
    const row = this.find(key)
    this.rows = this.rows.filter((each) => each !== row)
    return row
  }
}

type Step = (table: Table<Row>, model: Model, ordered: boolean) => void

const anyKey = fc.oneof(
  fc.integer({ min: 0, max: 400 }),
  fc.constantFrom<unknown>(null, undefined, true, Symbol.for('a'), 5n, 2.5, 'a', 'ab', 'é', '日', [1], [1, 2], ['a', 1], { a: 1 }, { b: 1, a: 2 }),
)

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.tuple(anyKey, fc.nat()), { minLength: 1, maxLength: 60 }).map<Step>((rows) => (table, model) => {
      table.insert(...rows)
      for (const row of rows) model.put(row)
    }),
  },
  fc.tuple(anyKey, fc.nat()).map<Step>((row) => (table, model) => {
    const isNew = model.find(row[0]) === undefined
    expect(table.insertNew(row)).toBe(isNew)
    if (isNew) model.put(row)
  }),
  anyKey.map<Step>((key) => (table, model) => {
    expect(table.lookup(key)).toEqual(model.find(key))
    expect(table.member(key)).toBe(model.find(key) !== undefined)
  }),
  {
    weight: 3,
    arbitrary: fc.array(anyKey, { maxLength: 40 }).map<Step>((keys) => (table, model) => {
      for (const key of keys) expect(table.take(key)).toEqual(model.remove(key))
    }),
  },
  fc.tuple(anyKey, fc.integer()).map<Step>(([key, by]) => (table, model) => {
    const old = model.find(key)
    expect(table.updateCounter(key, by, [key, 7])).toBe((old?.[1] ?? 7) + by)
    model.put([key, (old?.[1] ?? 7) + by])
  }),
  fc.nat(400).map<Step>((limit) => (table, model) => {
    const doomed = model.rows.filter((row) => compareTerms(row[0], limit) < 0)
    expect(table.selectCount((row) => row.element(0).lt(limit))).toBe(doomed.length)
    if (limit % 4 !== 0) return
    expect(table.selectDelete((row) => row.element(0).lt(limit))).toBe(doomed.length)
    for (const row of doomed) model.remove(row[0])
  }),
  fc.tuple(anyKey, anyKey, fc.boolean(), fc.integer({ min: 1, max: 50 })).map<Step>(([from, before, reverse, limit]) => (table, model, ordered) => {
    if (!ordered) return
    const expected = model.rows.filter((row) => compareTerms(row[0], from) >= 0 && compareTerms(row[0], before) < 0)
    if (reverse) expected.reverse()
    const found: Row[] = []
    let page: Page<Row> | undefined = table.range({ from, before, reverse, limit })
    for (; page !== undefined; page = page.next()) found.push(...page.rows)
    expect(found).toEqual(expected)
  }),
  anyKey.map<Step>((key) => (table, model, ordered) => {
    if (!ordered) return
    expect(table.first()).toEqual(model.rows[0]?.[0])
    expect(table.last()).toEqual(model.rows.at(-1)?.[0])
    expect(table.next(key)).toEqual(model.rows.find((row) => compareTerms(row[0], key) > 0)?.[0])
    expect(table.prev(key)).toEqual(model.rows.findLast((row) => compareTerms(row[0], key) < 0)?.[0])
  }),
)

describe.each(['set', 'orderedSet'] as const)('a table of kind %s', (kind) => {
  test('does what a sorted list would, whatever the order of operations', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        using table = ets.new<Row>({ kind })
        const model = new Model()
        for (const step of steps) {
          step(table, model, kind === 'orderedSet')
          expect(table.size).toBe(model.rows.length)
        }
        const rows = kind === 'set' ? table.toList().sort((a, b) => compareTerms(a[0], b[0])) : table.toList()
        expect(rows).toEqual(model.rows)
      }),
    )
  })

  test('holds many rows, put in and taken out in any order', () => {
    using table = ets.new<[number, number]>({ kind })
    const count = 20_011
    for (let n = 0; n < count; n++) table.insert([(n * 7919) % count, n])
    expect(table.size).toBe(count)
    for (let n = 0; n < count; n += 1009) expect(table.lookup((n * 7919) % count)).toEqual([(n * 7919) % count, n])
    for (let n = 0; n < count; n++) if (n % 10 !== 0) expect(table.delete((n * 31) % count)).toBe(true)
    expect(table.toList()).toHaveLength(table.size)
    for (let n = 0; n < count; n += 10) table.delete((n * 31) % count)
    expect([table.size, table.first()]).toEqual([0, undefined])
  })
})
