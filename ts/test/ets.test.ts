import { describe, expect, test } from 'vitest'
import { ets, type Table, type TableOptions } from '../src/ets.js'
import { Binary } from '../src/binary.js'
import { makeRef, self } from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

const kinds = ['set', 'orderedSet'] as const

describe.each(kinds)('a table of kind %s', (kind) => {
  function make<Row extends readonly unknown[] = unknown[]>(options: TableOptions = {}): Table<Row> {
    return ets.new<Row>({ kind, access: 'public', ...options, keyPosition: 0 })
  }


  test('gives rows back by key, private to whoever asks', () => {
    const table = make()
    const guests = [1, 2]
    table.insert(['blue', { guests }])
    guests.push(3)
    const found = table.lookup('blue') as [string, { guests: number[] }]
    expect(found).toEqual(['blue', { guests: [1, 2] }])
    found[1].guests.push(4)
    expect(table.lookup('blue')).toEqual(['blue', { guests: [1, 2] }])
    expect(table.lookup('red')).toBeUndefined()
    expect([table.member('blue'), table.member('red')]).toEqual([true, false])
  })

  test('replaces the row with the same key', () => {
    const table = make()
    table.insert([1, 'a'], [2, 'b'], [1, 'c'])
    expect(table.size).toBe(2)
    expect(table.lookup(1)).toEqual([1, 'c'])
  })

  test('finds keys of every kind, equal as terms', () => {
    const table = make()
    const pid = self()
    const ref = makeRef()
    const keys = (): unknown[] => [
      undefined, null, true, 0, 1.5, -Infinity, NaN, 5n, 2n ** 70n, '', 'é', '\udfff', '\udfff\0x', '日本', Symbol.for('atom'), [1, [2]],
      { a: 1, b: { c: 2, d: 3 } }, new Map<unknown, unknown>([[1, 2], ['x', { y: 1 }]]), new Set([1, 2]), new Date(5),
      new Uint8Array([1, 2]), Binary.from('bin'), pid, ref,
    ]
    for (const [index, key] of keys().entries()) table.insert([key, index])
    expect(table.size).toBe(keys().length)
    for (const [index, key] of keys().entries()) expect(table.lookup(key)).toStrictEqual([key, index])
    expect(table.lookup({ b: { d: 3, c: 2 }, a: 1 })?.[1]).toBe(16)
    expect(table.lookup(new Map<unknown, unknown>([['x', { y: 1 }], [1, 2]]))?.[1]).toBe(17)
    expect(table.lookup(new Set([2, 1]))?.[1]).toBe(18)
    expect(table.lookup(-0)).toStrictEqual([0, 3])
    expect(table.lookup(5)).toBeUndefined()
    expect(table.lookup(1n)).toBeUndefined()
    for (const key of keys()) expect(table.delete(key)).toBe(true)
    expect(table.size).toBe(0)
  })

  test('gives keys in canonical form', () => {
    const table = make()
    table.insert([{ b: -0, a: [-0] }, -0])
    const [key, value] = table.first() === undefined ? [] : (table.toList()[0] as [object, number])
    expect(Object.entries(key as object)).toStrictEqual([['a', [0]], ['b', 0]])
    expect(value).toBe(-0)
  })

  test('insertNew inserts all or none', () => {
    const table = make()
    expect(table.insertNew([1, 'a'], [2, 'b'])).toBe(true)
    expect(table.insertNew([3, 'c'], [2, 'd'])).toBe(false)
    expect(table.size).toBe(2)
  })

  test('lookupElement gives one element, or what to give without the row', () => {
    const table = make()
    table.insert([1, 'a', { deep: [2] }])
    table.insert([2, 0, -1], [3, -(2 ** 31), 2 ** 31], [4, -0, null], [5, undefined, 2n])
    const elements = [2, 3, 4, 5].flatMap((key) => [table.lookupElement(key, 1, 'none'), table.lookupElement(key, 2, 'none')])
    expect(elements).toEqual([0, -1, -(2 ** 31), 2 ** 31, -0, null, undefined, 2n])
    expect(table.lookupElement(1, 2)).toEqual({ deep: [2] })
    expect(table.lookupElement(9, 1)).toBeUndefined()
    expect(table.lookupElement(9, 1, 'none')).toBe('none')
    expect(() => table.lookupElement(1, 3)).toThrow(/position 3 of a row of 3 elements.*ERR_VIGA_BAD_ARGUMENT/)
  })

  test('take and delete remove', () => {
    const table = make()
    table.insert([1, 'a'], [2, 'b'])
    expect(table.take(1)).toEqual([1, 'a'])
    expect(table.take(1)).toBeUndefined()
    expect([table.delete(2), table.delete(2)]).toEqual([true, false])
    table.insert([3, 'c'], [4, 'd'])
    expect(table.deleteAll()).toBe(2)
    expect(table.toList()).toEqual([])
  })

  test('has a key wherever keyPosition says, and refuses rows too short for it', () => {
    const table = ets.new<[string, number, string], 2>({ kind, keyPosition: 2 })
    table.insert(['x', 1, 'key'])
    expect(table.lookup('key')).toEqual(['x', 1, 'key'])
    expect(() => ets.new({ kind, keyPosition: 2 }).insert(['x'])).toThrow(
      /a row of 1 elements has none at the table's key position, 2.*ERR_VIGA_BAD_ARGUMENT/,
    )
  })

  test('refuses rows and keys that are no terms, saying where, and keeps nothing of the rest', () => {
    const table = make()
    expect(() => table.insert([1, 'fine'], [2, { run: () => 1 }])).toThrow(/row\.?\[1\]\.run: .*ERR_VIGA_NOT_A_TERM/)
    expect(() => table.lookup([() => 1])).toThrow(/key\[0\]: .*ERR_VIGA_NOT_A_TERM/)
    expect(() => table.insert('row' as never)).toThrow(/a row is a string; arrays are allowed.*ERR_VIGA_BAD_ARGUMENT/)
    expect(table.size).toBe(0)
  })

  describe('updateCounter', () => {
    test('adds to the element after the key, or to that at a position', () => {
      const table = make()
      table.insert(['hits', 1, 10])
      expect(table.updateCounter('hits', 2)).toBe(3)
      expect(table.updateCounter('hits', -5)).toBe(-2)
      expect(table.updateCounter('hits', { position: 2, increment: 0.5 })).toBe(10.5)
      expect(table.lookup('hits')).toEqual(['hits', -2, 10.5])
    })

    test('keeps to the bounds given', () => {
      const table = make()
      table.insert(['n', 8])
      const up = { position: 1, increment: 1, threshold: 9, setTo: 0 }
      expect([table.updateCounter('n', up), table.updateCounter('n', up), table.updateCounter('n', up)]).toEqual([9, 0, 1])
      expect(table.updateCounter('n', { position: 1, increment: -5, threshold: 0, setTo: 0 })).toBe(0)
    })

    test('applies a list of additions in order, all or none', () => {
      const table = make()
      table.insert(['n', 1, 2, 'text'])
      const add = (position: number, increment: number) => ({ position, increment })
      expect(table.updateCounter('n', [add(1, 1), add(1, 1), add(2, -2)])).toEqual([2, 3, 0])
      expect(table.updateCounter('n', [])).toEqual([])
      expect(() => table.updateCounter('n', [add(1, 1), add(3, 1)])).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
      expect(() => table.updateCounter('n', [add(1, 1), add(4, 1)])).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
      expect(table.lookup('n')).toEqual(['n', 3, 0, 'text'])
    })

    test('puts the default row in where there is none', () => {
      const table = make()
      expect(table.updateCounter('n', 5, ['ignored', 10])).toBe(15)
      expect(table.updateCounter('n', 5, ['ignored', 10])).toBe(20)
      expect(table.toList()).toEqual([['n', 20]])
      expect(() => table.updateCounter('m', 1)).toThrow(/no row with this key.*ERR_VIGA_BAD_ARGUMENT/)
    })

    test('adds bigints to bigints, and mixes nothing', () => {
      const table = make()
      table.insert(['big', 2n ** 64n], ['text', 'x'])
      expect(table.updateCounter('big', 1n)).toBe(2n ** 64n + 1n)
      expect(() => table.updateCounter('big', 1)).toThrow(/must both be numbers, or both bigints.*ERR_VIGA_BAD_ARGUMENT/)
      expect(() => table.updateCounter('text', 1)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
      expect(() => table.updateCounter('big', { position: 0, increment: 1 })).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    })

    test('leaves the range of 32 bits behind', () => {
      const table = make()
      table.insert(['n', 2147483647])
      expect(table.updateCounter('n', 1)).toBe(2147483648)
      expect(table.updateCounter('n', 2 ** 40)).toBe(2147483648 + 2 ** 40)
    })
  })

  test('updateElement replaces elements but not the key', () => {
    const table = make()
    table.insert([1, 'a', 'b'])
    expect(table.updateElement(1, 1, { c: 1 })).toBe(true)
    expect(table.updateElement(1, [[1, 'x'], [2, 'y']])).toBe(true)
    expect(table.lookup(1)).toEqual([1, 'x', 'y'])
    expect(table.updateElement(2, 1, 'x')).toBe(false)
    expect(() => table.updateElement(1, [[1, 'z'], [0, 2]])).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    expect(() => table.updateElement(1, 3, 2)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    expect(table.lookup(1)).toEqual([1, 'x', 'y'])
  })

  test('is gone through whole, by iteration, fold, toList and keys', () => {
    const table = make<[number, number]>()
    for (let n = 0; n < 2500; n++) table.insert([n, n * 2])
    const keys = new Set<number>()
    for (let key = table.first(); key !== undefined; key = table.next(key)) keys.add(key)
    expect(keys.size).toBe(2500)
    let back = 0
    for (let key = table.last(); key !== undefined; key = table.prev(key)) back++
    expect(back).toBe(2500)
    expect(new Set(Array.from(table, ([key]) => key)).size).toBe(2500)
    expect(table.toList()).toHaveLength(2500)
    expect(table.fold(([, value], sum) => sum + value, 0)).toBe(2500 * 2499)
    expect(make().first()).toBeUndefined()
    expect(make().last()).toBeUndefined()
  })

  test('shows a row that stays exactly once, whatever comes and goes during the walk', () => {
    const table = make<[number, string]>()
    for (let n = 0; n < 3000; n++) table.insert([n * 2, 'stays'])
    for (let n = 0; n < 3000; n += 3) table.insert([n * 2, 'goes'])
    const seen = new Map<number, number>()
    let inserted = 0
    for (const [key, fate] of table) {
      if (fate === 'stays') seen.set(key, (seen.get(key) ?? 0) + 1)
      if (inserted < 2000) table.insert([2 * inserted++ + 1, 'new'])
      table.delete((key * 7) % 6000 % 6 === 0 ? (key * 7) % 6000 : -1)
      table.delete(key - (key % 6))
    }
    expect(seen.size).toBe(2000)
    expect(new Set(seen.values())).toEqual(new Set([1]))
  })

  test('holds rows of any size', () => {
    const table = make<[number, unknown]>()
    const terms = ['x'.repeat(300_000), 'é'.repeat(100_000), '日'.repeat(100_000), Array.from({ length: 20_000 }, (_, n) => n)]
    for (const [index, term] of terms.entries()) table.insert([index, term])
    for (const [index, term] of terms.entries()) expect(table.lookup(index)).toEqual([index, term])
    expect(table.toList().map(([key]) => key).sort()).toEqual([0, 1, 2, 3])
    const bytes = new Uint8Array(500_000).fill(7)
    table.insert([4, bytes])
    expect(Buffer.compare(table.lookupElement(4, 1) as Uint8Array, bytes)).toBe(0)
    const longKey = 'k'.repeat(100_000)
    const byText = make<[string, number]>()
    byText.insert([longKey, 1])
    expect([byText.first() === longKey, byText.lookup(longKey)?.[1]]).toEqual([true, 1])
  })

  test('takes rows whose getters use tables', () => {
    const table = make<[number, unknown]>()
    table.insert([1, 'one'])
    const curious = { before: 1, get looked() { return table.lookup(1)?.[1] }, after: 'x'.repeat(100_000) }
    table.insert([2, curious])
    expect(table.lookup(2)).toEqual([2, { before: 1, looked: 'one', after: 'x'.repeat(100_000) }])
    const failing = { before: 1, get looked(): never { table.insert([3, 'three']); throw new Error('shut') } }
    expect(() => table.insert([4, failing])).toThrow(/row: reading it failed.*ERR_VIGA_NOT_A_TERM/)
    expect(table.toList().map(([key]) => key).sort()).toEqual([1, 2, 3])
  })

  test('is empty at once, and as good as new, when many rows are deleted', () => {
    const table = make<[number, string]>()
    const fill = () => {
      for (let n = 0; n < 12_000; n += 3) table.insert([n, 'a'], [n + 1, 'b'], [n + 2, 'c'])
    }
    fill()
    expect(table.deleteAll()).toBe(12_000)
    expect([table.size, table.first(), table.member(5), table.deleteAll()]).toEqual([0, undefined, false, 0])
    fill()
    expect([table.size, table.lookup(11_999)]).toEqual([12_000, [11_999, 'c']])
    table.drop()
    const next = make<[number, string]>()
    next.insert([1, 'x'])
    expect(next.toList()).toEqual([[1, 'x']])
    expect(() => table.size).toThrow(/ERR_VIGA_BAD_TABLE/)
  })

  test('drops once, and throws a coded error from then on', () => {
    const table = make({ name: 'short-lived' })
    table.drop()
    expect(() => table.lookup(1)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_BAD_TABLE' }))
    expect(() => table.info()).toThrow(/no table #Table</)
    expect(() => table.drop()).toThrow(/ERR_VIGA_BAD_TABLE/)
    expect(ets.whereis('short-lived')).toBeUndefined()
  })

  test('is disposable', async () => {
    const table = make()
    table[Symbol.dispose]()
    table[Symbol.dispose]()
    await table[Symbol.asyncDispose]()
    expect(() => table.size).toThrow(/ERR_VIGA_BAD_TABLE/)
  })

  test('tells what it is', () => {
    const table = make({ name: 'facts', access: 'protected' })
    table.insert([1], [2])
    expect(table.info()).toMatchObject({
      id: table.id, name: 'facts', kind, access: 'protected', keyPosition: 0, size: 2, owner: self(), heir: undefined,
    })
  })
})

describe('names', () => {
  test('are unique, and free again when the table goes or is renamed', () => {
    const table = ets.new<[string, number]>('rooms')
    table.insert(['blue', 1])
    expect(ets.whereis<[string, number]>('rooms')?.lookup('blue')).toEqual(['blue', 1])
    expect(() => ets.new('rooms')).toThrow(/a table has the name "rooms" already.*ERR_VIGA_NAME_TAKEN/)
    table.rename('places')
    expect(ets.whereis('rooms')).toBeUndefined()
    expect(ets.whereis('places')?.id).toEqual(table.id)
    const other = ets.new('rooms')
    expect(() => other.rename('places')).toThrow(/ERR_VIGA_NAME_TAKEN/)
    table.rename(undefined)
    other.rename('places')
    expect(table.info().name).toBeUndefined()
  })

  test('tables without one are opened by id', () => {
    const table = ets.new<[number]>()
    table.insert([1])
    expect(ets.open<[number]>(table.id).lookup(1)).toEqual([1])
    expect(ets.all()).toContainEqual(table.id)
    table.drop()
    expect(() => ets.open(table.id)).toThrow(/ERR_VIGA_BAD_TABLE/)
  })
})

test.each([
  [{ kind: 'bag' }, "kind is bag; 'set' and 'orderedSet' are allowed"],
  [{ access: 'secret' }, "access is secret; 'public', 'protected' and 'private' are allowed"],
  [{ keyPosition: -1 }, 'keyPosition is -1; positions of elements, counted from 0 to 65535, are allowed'],
  [{ name: '' }, 'name is ; non-empty strings are allowed'],
  [{ heir: { pid: 3 } }, 'heir.pid is 3; a Pid is allowed'],
])('refuses the option %o', (options, message) => {
  expect(() => ets.new(options as never)).toThrow(message)
  expect(() => ets.new(options as never)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT' }))
})
