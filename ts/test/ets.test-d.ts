/** Types of tables, checked by tsc: keys, elements and selections have the types that the row says. */
import { ets, type Table } from '../src/ets.js'
import type { Pid } from '../src/pid.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Equal<Expected, Actual>): void => undefined
}

type Person = [name: string, age: number, home: { city: string; zip?: number } | undefined]

export function keysAndRows(pid: Pid): void {
  const people = ets.new<Person>('people', { access: 'public' })
  expectType<Table<Person, 0>>()(people, true)
  people.insert(['Ada', 36, undefined])
  // @ts-expect-error -- an age is a number
  people.insert(['Ada', '36', undefined])
  // @ts-expect-error -- a row has three elements
  people.insert(['Ada', 36])
  expectType<Person | undefined>()(people.lookup('Ada'), true)
  // @ts-expect-error -- names are strings
  people.lookup(36)
  expectType<number | undefined>()(people.lookupElement('Ada', 1), true)
  expectType<number | 'none'>()(people.lookupElement('Ada', 1, 'none' as const), true)
  expectType<string | undefined>()(people.first(), true)
  expectType<Person[]>()(people.toList(), true)
  for (const person of people) expectType<Person>()(person, true)
  expectType<string>()(people.fold((row, text) => text + row[0], ''), true)
  people.updateElement('Ada', 1, 37)
  // @ts-expect-error -- an age is a number
  people.updateElement('Ada', 1, 'old')
  expectType<number>()(people.updateCounter('Ada', 1), true)
  expectType<number[]>()(people.updateCounter('Ada', [{ position: 1, increment: 1 }]), true)
  expectType<bigint>()(people.updateCounter('Ada', 1n), true)
  // @ts-expect-error -- threshold and setTo are numbers
  people.updateCounter('Ada', { position: 1, increment: 1, threshold: 'x', setTo: 0 })
  people.giveAway(pid)

  const byAge = ets.new<Person, 1>({ keyPosition: 1, kind: 'orderedSet' })
  expectType<Person | undefined>()(byAge.lookup(36), true)
  expectType<number | undefined>()(byAge.next(36), true)
  // @ts-expect-error -- the key is the age
  byAge.lookup('Ada')
  // @ts-expect-error -- keys of ranges, too
  byAge.range({ from: 'Ada' })
  expectType<Person[]>()(byAge.range({ from: 1, before: 5 }), true)
  expectType<Person[]>()(byAge.range({ from: 1, limit: 5 }).rows, true)
}

export function selections(): void {
  const people = ets.new<Person>()
  expectType<Person[]>()(people.select((row) => row.element(1).gt(30).and(row.element(0).ne('Ada'))), true)
  expectType<string[]>()(people.select((row) => row.element(1).gt(30), { give: (row) => row.element(0) }), true)
  expectType<Person[] | undefined>()(people.select((row) => row.element(1).gt(30), { limit: 5 }).next()?.rows, true)
  expectType<string | undefined>()(
    people.select((row) => row.element(2).property('city').eq('Paris'), { give: (row) => row.element(2).property('city') })[0],
    true,
  )
  expectType<[string, number][]>()(
    people.select((row) => row.element(1).gt(30), { give: (row) => [row.element(0), row.element(1)] }),
    true,
  )
  // @ts-expect-error -- an age is a number
  people.select((row) => row.element(1).gt('30'))
  // @ts-expect-error -- there is no fourth element
  people.select((row) => row.element(3).gt(1))
  // @ts-expect-error -- homes have no colour
  people.select((row) => row.element(2).property('colour').eq('red'))
  // @ts-expect-error -- strings have no properties here
  people.select((row) => row.element(0).property('length').eq(3))
  // @ts-expect-error -- no such kind of term
  people.select((row) => row.element(0).is('text'))

  const loose = ets.new()
  loose.insert([1, 'anything'], [{}])
  expectType<unknown[] | undefined>()(loose.lookup({}), true)
  expectType<unknown[][]>()(loose.select((row) => row.element(7).property('any').eq(1)), true)
}
