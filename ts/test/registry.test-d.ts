/** Types of registries, checked by tsc: keys and values have the types given at the start. */
import type { Pid } from '../src/pid.js'
import { Registry, type Registration, via } from '../src/registry.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<Expected>() {
  return <Actual>(_value: Actual, _same: Equal<Expected, Actual>): void => undefined
}

export function keysAndValues(): void {
  const rooms = Registry.start<string, { guests: number }>({ name: 'rooms', keys: 'duplicate' })
  expectType<Registration>()(rooms.register('blue', { guests: 1 }), true)
  // @ts-expect-error -- keys are strings
  rooms.register(1, { guests: 1 })
  // @ts-expect-error -- values have guests
  rooms.register('blue', {})
  // @ts-expect-error -- a value is needed
  rooms.register('blue')
  expectType<{ readonly pid: Pid<unknown>; readonly value: { guests: number } }[]>()(rooms.lookup('blue'), true)
  expectType<string[]>()(rooms.keys(), true)
  expectType<{ guests: number }[]>()(rooms.values('blue'), true)
  rooms.updateValue('blue', ({ guests }) => ({ guests: guests + 1 }))
  // @ts-expect-error -- values have guests
  rooms.updateValue('blue', () => ({ gusts: 1 }))
  rooms.dispatch('blue', (entries) => expectType<number>()(entries.map(({ value }) => value.guests)[0] ?? 0, true))
  rooms.select((entry) => entry.key.startsWith('b') && entry.value.guests > 1)
  via(rooms, 'blue')
  // @ts-expect-error -- keys are strings
  via(rooms, 1)
  // @ts-expect-error -- there are two kinds of keys
  Registry.start({ name: 'x', keys: 'many' })

  const names = Registry.start<string, undefined>({ name: 'names' })
  names.register('plain')
}
