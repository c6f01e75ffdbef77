import { describe, expect, test } from 'vitest'
import { type Coroutine, exit, isDown, makeRef, monitor, type Pid, receive, self, send, spawn, spawnMonitor } from '../src/index.js'
import { Registry, via } from '../src/registry.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

/** A process that registers as it is told and lives until it is told to end. */
async function member<K, V>(registry: Registry<K, V>, ...registrations: readonly (readonly [key: K, value: V])[]): Promise<Pid<unknown>> {
  const asker = self()
  const pid = spawn(function* (): Coroutine<void> {
    for (const [key, value] of registrations) registry.register(key, ...([value] as never))
    send(asker, ['registered', self()])
    yield* receive((message) => message === 'end')
  })
  await receive((message) => Array.isArray(message) && message[0] === 'registered')
  return pid
}

async function end(pid: Pid<unknown>): Promise<void> {
  const ref = monitor(pid)
  send(pid, 'end')
  await receive((message) => isDown(message, ref))
}

describe('a registry of unique keys', () => {
  test('finds the process of a key, and its value', async () => {
    const rooms = Registry.start<unknown, unknown>({ name: 'rooms' })
    const blue = await member(rooms, ['blue', { guests: [1] }])
    expect(rooms.whereis('blue')).toEqual(blue)
    expect(rooms.lookup('blue')).toEqual([{ pid: blue, value: { guests: [1] } }])
    expect([rooms.whereis('red'), rooms.lookup('red')]).toEqual([undefined, []])
    expect(rooms.count()).toBe(1)
  })

  test('says which process has the key already', async () => {
    const rooms = Registry.start({ name: 'rooms' })
    const blue = await member(rooms, ['blue', 1])
    expect(rooms.register('blue', 2)).toEqual({ registered: false, pid: blue })
    expect(rooms.register('red', 2)).toEqual({ registered: true })
    expect(rooms.register('red', 3)).toEqual({ registered: false, pid: self() })
    expect(rooms.lookup('red')).toEqual([{ pid: self(), value: 2 }])
  })

  test('takes any term for a key, equal as terms', () => {
    const registry = Registry.start({ name: 'keys' })
    const keys: unknown[] = [1, 1n, 'text', '\udfff', Symbol.for('a'), undefined, null, [1, 'x'], { a: 1, b: 2 }, makeRef(), new Date(3)]
    for (const [index, key] of keys.entries()) expect(registry.register(key, index)).toEqual({ registered: true })
    for (const [index, key] of keys.entries()) expect(registry.values(key)).toEqual([index])
    expect(registry.values({ b: 2, a: 1 })).toEqual([8])
    expect(registry.keys()).toEqual(keys)
    expect(() => registry.register(() => 1, 1)).toThrow(/key: a function without a name.*ERR_VIGA_NOT_A_TERM/)
    expect(() => registry.register('new', () => 1)).toThrow(/value: a function without a name.*ERR_VIGA_NOT_A_TERM/)
    expect(registry.whereis('new')).toBeUndefined()
  })

  test('gives private copies of values', () => {
    const registry = Registry.start<string, { list: number[] }>({ name: 'values' })
    const value = { list: [1] }
    registry.register('key', value)
    value.list.push(2)
    registry.lookup('key')[0]?.value.list.push(3)
    expect(registry.values('key')).toEqual([{ list: [1] }])
  })
})

describe('a registry of duplicate keys', () => {
  test('has any number of entries for a key, in order of registration', async () => {
    const topics = Registry.start<unknown, unknown>({ name: 'topics', keys: 'duplicate' })
    const first = await member(topics, ['news', 1], ['news', 2])
    const second = await member(topics, ['news', 3], ['sport', 4])
    expect(topics.lookup('news')).toEqual([
      { pid: first, value: 1 },
      { pid: first, value: 2 },
      { pid: second, value: 3 },
    ])
    expect(topics.whereis('news')).toEqual(first)
    expect(topics.keys(first)).toEqual(['news', 'news'])
    expect(topics.keys(second)).toEqual(['news', 'sport'])
    expect(topics.values('news', first)).toEqual([1, 2])
    expect(topics.count()).toBe(4)
    await end(first)
    expect(topics.lookup('news')).toEqual([{ pid: second, value: 3 }])
  })

  test('dispatches to all of a key', async () => {
    const topics = Registry.start<unknown, unknown>({ name: 'topics', keys: 'duplicate' })
    const asker = self()
    for (let n = 0; n < 3; n++)
      spawn(function* (): Coroutine<void> {
        topics.register('news', n)
        send(asker, 'ready')
        send(asker, { got: yield* receive(), n })
      })
    for (let n = 0; n < 3; n++) await receive((message) => message === 'ready')
    topics.dispatch('news', (entries) => {
      for (const { pid, value } of entries) send(pid, ['hello', value])
    })
    topics.dispatch('nobody', () => expect.unreachable())
    const replies = [await receive(), await receive(), await receive()]
    expect(replies).toEqual(expect.arrayContaining([0, 1, 2].map((n) => ({ got: ['hello', n], n }))))
  })
})

describe.each(['unique', 'duplicate'] as const)('a registry of %s keys', (keys) => {
  test('has lost the entries of a process before anybody sees it end', async () => {
    const registry = Registry.start<string, number>({ name: 'mortal', keys })
    for (const ending of ['return', 'throw', 'kill'] as const) {
      const asker = self()
      const { pid, ref } = spawnMonitor(function* (): Coroutine<void> {
        registry.register('key', 1)
        send(asker, 'registered')
        if (ending === 'throw') throw new Error('on purpose')
        if (ending === 'kill') yield* receive(() => false)
      })
      await receive((message) => message === 'registered')
      if (ending === 'kill') exit(pid, 'kill')
      await receive((message) => isDown(message, ref))
      expect([registry.lookup('key'), registry.whereis('key'), registry.count(), registry.keys(pid)]).toEqual([[], undefined, 0, []])
    }
  })

  test('unregisters what the process itself has', async () => {
    const registry = Registry.start<unknown, unknown>({ name: 'mine', keys })
    const other = await member(registry, ['theirs', 1])
    registry.register('mine', 1)
    registry.register('other', 1)
    expect([registry.unregister('mine'), registry.unregister('mine'), registry.unregister('theirs')]).toEqual([1, 0, 0])
    expect(registry.keys()).toEqual(['other'])
    expect(registry.whereis('theirs')).toEqual(other)
    expect(registry.register('mine', 2)).toEqual({ registered: true })
  })

  test('updates the value of the process itself', async () => {
    const registry = Registry.start<unknown, number>({ name: 'counts', keys })
    await member(registry, ['theirs', 1])
    registry.register('mine', 1)
    expect(registry.updateValue('mine', (n) => n + 1)).toBe(2)
    expect(registry.values('mine')).toEqual([2])
    expect(registry.updateValue('theirs', (n) => n + 1)).toBeUndefined()
    expect(registry.lookup('theirs')[0]?.value).toBe(1)
  })

  test('selects entries', async () => {
    const registry = Registry.start<unknown, unknown>({ name: 'all', keys })
    const other = await member(registry, ['a', 1], [['b', 2], { n: 3 }])
    registry.register('c', 4)
    expect(registry.select()).toHaveLength(3)
    expect(registry.select((entry) => entry.pid.index === other.index).map((entry) => entry.value)).toEqual(
      expect.arrayContaining([1, { n: 3 }]),
    )
    expect(registry.select((entry) => entry.value === 4)).toEqual([{ key: 'c', pid: self(), value: 4 }])
  })

  test('holds many entries', async () => {
    const registry = Registry.start<number, number>({ name: 'many', keys })
    const { ref } = spawnMonitor(function* (): Coroutine<void> {
      for (let n = 0; n < 5000; n++) registry.register(n, -n)
      expect([registry.count(), registry.keys().length, registry.select().length]).toEqual([5000, 5000, 5000])
      expect(registry.lookup(4321)).toEqual([{ pid: self(), value: -4321 }])
    })
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ reason: 'normal' })
    expect([registry.count(), registry.select()]).toEqual([0, []])
  })
})

test('a registry is found by its name, which is unique, until it is stopped', () => {
  const rooms = Registry.start<string, number>({ name: 'rooms' })
  rooms.register('blue', 1)
  expect(Registry.open('rooms').whereis('blue')).toEqual(self())
  expect(() => Registry.start({ name: 'rooms' })).toThrow(/a registry has the name "rooms" already.*ERR_VIGA_NAME_TAKEN/)
  rooms.stop()
  for (const use of [
    () => rooms.register('red', 1), () => rooms.lookup('blue'), () => rooms.whereis('blue'), () => rooms.keys(), () => rooms.count(),
    () => rooms.select(), () => rooms.unregister('blue'), () => rooms.values('blue'), () => rooms.stop(), () => Registry.open('rooms'),
  ])
    expect(use).toThrow(/there is no registry "rooms".*ERR_VIGA_NO_SUCH_REGISTRY/)
  const again = Registry.start({ name: 'rooms' })
  expect(again.whereis('blue')).toBeUndefined()
  again[Symbol.dispose]()
  again[Symbol.dispose]()
})

test.each([
  [{ name: '' }, 'name is ; non-empty strings are allowed'],
  [{ name: 'x', keys: 'some' }, "keys is some; 'unique' and 'duplicate' are allowed"],
])('refuses the options %o', (options, message) => {
  expect(() => Registry.start(options as never)).toThrow(message)
  expect(() => Registry.start(options as never)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT' }))
})

test('a via name means whoever has the key at the moment', async () => {
  const rooms = Registry.start<unknown, unknown>({ name: 'rooms' })
  const name = via(rooms, 'blue')
  expect(name.whereis()).toBeUndefined()
  const blue = await member(rooms, ['blue', 1])
  expect([name.whereis(), via('rooms', 'blue').whereis()]).toEqual([blue, blue])
  await end(blue)
  expect(name.whereis()).toBeUndefined()
  expect(String(name)).toBe('via(rooms, "blue")')
})

test('of processes that race for a key, one gets it and the others learn who', async () => {
  const registry = Registry.start<string, undefined>({ name: 'race' })
  const outcomes = await inProcess(function* (): Coroutine<unknown[]> {
    const referee = self()
    for (let n = 0; n < 5; n++)
      spawn(function* (): Coroutine<void> {
        send(referee, { by: self(), outcome: registry.register('prize') })
        yield* receive()
      })
    const all: unknown[] = []
    for (let n = 0; n < 5; n++) all.push(yield* receive())
    return all
  })
  const winner = registry.whereis('prize')
  for (const { by, outcome } of outcomes as { by: Pid; outcome: unknown }[])
    expect(outcome).toEqual(by.index === winner?.index ? { registered: true } : { registered: false, pid: winner })
})
