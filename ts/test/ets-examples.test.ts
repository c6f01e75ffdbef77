/** The examples in the documentation of tables and registries. */
import { expect, test } from 'vitest'
import { ets } from '../src/ets.js'
import { Registry, via } from '../src/registry.js'
import { self } from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

test('ets.create', () => {
  const rooms = ets.create<[name: string, guests: number]>('rooms', { access: 'public' })
  rooms.insert(['blue', 2])
  expect(rooms.lookup('blue')).toEqual(['blue', 2])
  expect(rooms.updateCounter('blue', 3)).toBe(5)
})

test('Table.updateCounter', () => {
  const hits = ets.create<[path: string, count: number]>()
  expect(hits.updateCounter('/', 1, ['/', 0])).toBe(1)
  expect(hits.updateCounter('/', { position: 1, increment: 5, threshold: 3, setTo: 0 })).toBe(0)
  expect(
    hits.updateCounter('/', [
      { position: 1, increment: 2 },
      { position: 1, increment: 2 },
    ]),
  ).toEqual([2, 4])
})

test('Table.select', () => {
  const people = ets.create<[id: number, name: string, age: number]>()
  people.insert([1, 'Ada', 36], [2, 'Bob', 20], [3, 'Cyd', 50])
  expect(people.select((row) => row.element(2).gt(30).and(row.element(1).ne('Ada')))).toEqual([[3, 'Cyd', 50]])
  const page = people.select((row) => row.element(2).gt(30), { give: (row) => row.element(1), limit: 100 })
  expect(page.rows.sort()).toEqual(['Ada', 'Cyd'])
})

test('Registry and via', () => {
  const rooms = Registry.start<string, { guests: number }>({ name: 'rooms' })
  rooms.register('blue', { guests: 2 })
  expect(rooms.whereis('blue')).toEqual(self())
  expect(rooms.lookup('blue')).toEqual([{ pid: self(), value: { guests: 2 } }])
  expect(via(rooms, 'blue').whereis()).toEqual(self())
})
