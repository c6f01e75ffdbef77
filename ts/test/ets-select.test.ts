import { describe, expect, test } from 'vitest'
import { ets, type Field, type Page, type Table } from '../src/ets.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

type Person = [name: string, age: number, home: { city: string; zip?: number } | undefined]

function people(kind: 'set' | 'orderedSet'): Table<Person> {
  const table = ets.new<Person>({ kind })
  table.insert(
    ['Ada', 36, { city: 'London' }],
    ['Bob', 20, { city: 'Paris', zip: 75001 }],
    ['Cyd', 50, undefined],
    ['Dee', 36, { city: 'Paris' }],
  )
  return table
}

const names = (rows: readonly (readonly unknown[])[]) => rows.map((row) => row[0] as string).sort()

describe.each(['set', 'orderedSet'] as const)('select on a table of kind %s', (kind) => {
  test('compares elements with constants and with each other', () => {
    const table = people(kind)
    expect(names(table.select((row) => row.element(1).gt(36)))).toEqual(['Cyd'])
    expect(names(table.select((row) => row.element(1).ge(36)))).toEqual(['Ada', 'Cyd', 'Dee'])
    expect(names(table.select((row) => row.element(1).lt(36)))).toEqual(['Bob'])
    expect(names(table.select((row) => row.element(1).le(36)))).toEqual(['Ada', 'Bob', 'Dee'])
    expect(names(table.select((row) => row.element(1).ne(36)))).toEqual(['Bob', 'Cyd'])
    expect(names(table.select((row) => row.element(2).eq({ zip: 75001, city: 'Paris' })))).toEqual(['Bob'])
    const pairs = ets.new<[number, number, number]>({ kind })
    pairs.insert([1, 5, 5], [2, 5, 6])
    expect(pairs.select((row) => row.element(1).eq(row.element(2)))).toEqual([[1, 5, 5]])
  })

  test('looks into objects and arrays; what is not there is undefined', () => {
    const table = people(kind)
    expect(names(table.select((row) => row.element(2).property('city').eq('Paris')))).toEqual(['Bob', 'Dee'])
    expect(names(table.select((row) => row.element(2).is('undefined')))).toEqual(['Cyd'])
    const nested = ets.new<[number, number[]]>({ kind })
    nested.insert([1, [10, 20]], [2, []])
    expect(nested.select((row) => row.element(1).element(1).eq(20))).toEqual([[1, [10, 20]]])
  })

  test('combines conditions', () => {
    const table = people(kind)
    expect(names(table.select((row) => row.element(1).eq(36).and(row.element(2).property('city').eq('Paris'))))).toEqual(['Dee'])
    expect(names(table.select((row) => row.element(0).eq('Ada').or(row.element(1).gt(40))))).toEqual(['Ada', 'Cyd'])
    expect(names(table.select((row) => row.element(1).eq(36).not()))).toEqual(['Bob', 'Cyd'])
  })

  test('asks for kinds of terms', () => {
    const table = ets.new<[number, unknown]>({ kind })
    const terms: unknown[] = [1, 1n, 'x', Symbol.for('a'), undefined, null, true, new Uint8Array(1), [], {}, new Map(), new Set(), new Date(), new Error('e')]
    const types = ['number', 'bigint', 'string', 'atom', 'undefined', 'null', 'boolean', 'Uint8Array', 'array', 'object', 'Map', 'Set', 'Date', 'Error'] as const
    for (const [index, term] of terms.entries()) table.insert([index, term])
    for (const [index, type] of types.entries())
      expect(table.select((row) => row.element(1).is(type)).map((row) => row[0])).toEqual([index])
  })

  test('finds one row by a condition on its key', () => {
    const table = people(kind)
    expect(table.select((row) => row.element(0).eq('Bob').and(row.element(1).lt(10)))).toEqual([])
    expect(names(table.select((row) => row.element(0).eq('Bob').and(row.element(1).gt(10))))).toEqual(['Bob'])
    expect(names(table.select((row) => row.element(0).gt('Ada').and(row.element(0).lt('Dee'))))).toEqual(['Bob', 'Cyd'])
    expect(names(table.select((row) => row.element(0).eq('Ada').and(row.element(0).eq('Bob'))))).toEqual([])
  })

  test('gives elements instead of rows', () => {
    const table = people(kind)
    expect(table.select((row) => row.element(1).eq(20), { give: (row) => row.element(0) })).toEqual(['Bob'])
    expect(
      table.select((row) => row.element(0).eq('Ada'), { give: (row) => [row.element(1), row.element(2).property('zip')] }),
    ).toEqual([[36, undefined]])
  })

  test('gives pages, and no row twice', () => {
    const table = ets.new<[number, number]>({ kind })
    for (let n = 0; n < 1000; n++) table.insert([n, n % 3])
    const found: number[] = []
    const sizes: number[] = []
    const isThird = (row: Field<[number, number]>) => row.element(1).eq(0)
    let page: Page<number> | undefined = table.select(isThird, { limit: 100, give: (row) => row.element(0) })
    for (; page !== undefined; page = page.next()) {
      sizes.push(page.rows.length)
      found.push(...page.rows)
      table.delete(page.rows[0] as number)
      table.insert([100_000 + sizes.length, 1])
    }
    expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 334 }, (_, n) => n * 3))
    expect(sizes).toEqual([100, 100, 100, 34])
    expect(() => table.select((row) => row.element(1).eq(0), { limit: 0 })).toThrow(/limit is 0; integers from 1 on.*ERR_VIGA_BAD_ARGUMENT/)
  })

  test('goes through more rows than one call of the engine visits', () => {
    const table = ets.new<[number, number]>({ kind })
    for (let n = 0; n < 25_000; n++) table.insert([n, n % 5])
    expect(table.select((row) => row.element(0).eq(24_999))).toEqual([[24_999, 4]])
    expect(table.select((row) => row.element(1).gt(4))).toEqual([])
    expect(table.selectCount((row) => row.element(1).eq(2))).toBe(5000)
    expect(table.selectDelete((row) => row.element(1).ne(2))).toBe(20_000)
    expect(table.size).toBe(5000)
    expect(table.toList()).toHaveLength(5000)
  })

  test('refuses what is no condition', () => {
    expect(() => people(kind).select((() => true) as never)).toThrow(/a condition is a boolean.*ERR_VIGA_BAD_ARGUMENT/)
    expect(() => people(kind).updateCounter('Ada', null as never)).toThrow(/an update is null.*ERR_VIGA_BAD_ARGUMENT/)
  })

  test('refuses constants that are no terms', () => {
    expect(() => people(kind).select((row) => row.element(1).eq((() => 1) as never))).toThrow(/ERR_VIGA_NOT_A_TERM/)
  })

  test('finds keys by prefix', () => {
    const table = ets.new<[unknown]>({ kind })
    const keys: unknown[] = [
      'user:1', 'user:2', 'user', 'use', 'vser', ['user', 1], ['user', 1, 'x'], ['user'], ['user', 2], ['use', 1], [], 5,
      ['user', [1], 2, 3, 4], new Uint8Array([1, 2]), new Uint8Array([1, 2, 3]), new Uint8Array([2]), ['aaaa', 1, 2, 3, 4, 5], ['zzzz', 1, 2, 3, 4],
    ]
    for (const key of keys) table.insert([key])
    const found = (prefix: unknown) => new Set(table.prefix(prefix).map((row) => JSON.stringify(row[0])))
    expect(found('user')).toEqual(new Set(['"user:1"', '"user:2"', '"user"']))
    expect(found(['user'])).toEqual(new Set(['["user",1]', '["user",1,"x"]', '["user"]', '["user",2]', '["user",[1],2,3,4]']))
    expect(found(['user', 1])).toEqual(new Set(['["user",1]', '["user",1,"x"]']))
    expect(table.prefix(new Uint8Array([1]))).toHaveLength(2)
    expect(table.prefix([])).toHaveLength(9)
    expect(table.prefix(['nobody'])).toEqual([])
    expect(table.prefix('nobody')).toEqual([])
    expect(() => table.prefix(5)).toThrow(/prefix\(\) of 5; a string, an array or a Uint8Array is allowed.*ERR_VIGA_BAD_ARGUMENT/)
    const page = table.prefix(['user'], { limit: 2 })
    const rest = page.next()
    expect([page.rows.length, rest?.rows.length, rest?.next()?.rows.length]).toEqual([2, 2, 1])
  })
})

describe('an orderedSet', () => {
  test('keeps the order of terms, from both ends', () => {
    const table = ets.new<[unknown]>({ kind: 'orderedSet' })
    table.insert(['b'], [[1]], [10], [9n], [Symbol.for('x')], [null], ['a'], [{}], [9])
    const ordered = [9, 9n, 10, null, Symbol.for('x'), [1], {}, 'a', 'b']
    expect(table.toList().map(([key]) => key)).toEqual(ordered)
    expect([table.first(), table.last()]).toEqual([9, 'b'])
    expect([table.next(9), table.next(9.5), table.prev('b'), table.prev('aa'), table.next('b'), table.prev(9)]).toEqual([
      9n, 10, 'a', 'a', undefined, undefined,
    ])
  })

  test('gives ranges of keys', () => {
    const table = ets.new<[number]>({ kind: 'orderedSet' })
    for (let n = 0; n < 500; n++) table.insert([n * 2])
    const keys = (rows: [number][]) => rows.map(([key]) => key)
    expect(keys(table.range({ from: 10, to: 16 }))).toEqual([10, 12, 14, 16])
    expect(keys(table.range({ after: 10, before: 16 }))).toEqual([12, 14])
    expect(keys(table.range({ from: 9, to: 13 }))).toEqual([10, 12])
    expect(keys(table.range({ from: 992 }))).toEqual([992, 994, 996, 998])
    expect(keys(table.range({ before: 4 }))).toEqual([0, 2])
    expect(keys(table.range({ from: 10, to: 16, reverse: true }))).toEqual([16, 14, 12, 10])
    expect(keys(table.range({ after: 10, before: 16, reverse: true }))).toEqual([14, 12])
    expect(keys(table.range())).toHaveLength(500)
    expect(table.range({ from: 16, to: 10 })).toEqual([])
    expect(() => table.range({ from: 1, after: 1 })).toThrow(/from and after are both given.*ERR_VIGA_BAD_ARGUMENT/)
  })

  test('gives pages of ranges, up and down', () => {
    const table = ets.new<[number]>({ kind: 'orderedSet' })
    for (let n = 0; n < 10; n++) table.insert([n])
    for (const reverse of [false, true]) {
      const page = table.range({ from: 2, to: 8, reverse, limit: 3 })
      const second = page.next()
      const all = [page, second, second?.next()].map((each) => each?.rows.flat())
      expect(all).toEqual(reverse ? [[8, 7, 6], [5, 4, 3], [2]] : [[2, 3, 4], [5, 6, 7], [8]])
      expect(second?.next()?.next()).toBeUndefined()
    }
  })

  test('selects from the end, and within the range that a condition on the key leaves', () => {
    const table = ets.new<[number, string]>({ kind: 'orderedSet' })
    for (let n = 0; n < 200; n++) table.insert([n, n % 2 === 0 ? 'even' : 'odd'])
    const page = table.select((row) => row.element(1).eq('even').and(row.element(0).le(100)), { reverse: true, limit: 2 })
    expect(page.rows.map(([key]) => key)).toEqual([100, 98])
    expect(page.next()?.rows.map(([key]) => key)).toEqual([96, 94])
  })
})

test('a set has no ranges and no direction', () => {
  const table = ets.new<[number]>()
  expect(() => table.range({ from: 1 })).toThrow(/is a set, which has no order.*ERR_VIGA_BAD_ARGUMENT/)
  expect(() => table.select((row) => row.element(0).gt(1), { reverse: true })).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
  expect(() => table.next(5)).toThrow(/next\(\) from a key that is not in the table.*ERR_VIGA_BAD_ARGUMENT/)
})
