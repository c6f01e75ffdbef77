import { describe, expect, test } from 'vitest'
import { ets, type EtsTransfer, isEtsTransfer, type Table, type TableId } from '../src/ets.js'
import { type Coroutine, exit, isDown, monitor, type Pid, receive, self, send, spawn, spawnMonitor } from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

const BAD_TABLE = expect.objectContaining({ code: 'ERR_VIGA_BAD_TABLE' })

/** What `attempt` throws when done by a process that is not the owner. */
function byAnother<T>(attempt: () => T): Promise<T> {
  return inProcess(function* (): Coroutine<T> {
    return attempt()
  })
}

describe('access', () => {
  const attempts = (table: Table<[number, number]>) => ({
    reads: [
      () => table.lookup(1),
      () => table.member(1),
      () => table.first(),
      () => table.toList(),
      () => table.lookupElement(1, 1),
      () => table.select((row) => row.element(1).gt(0)),
      () => table.prefix('x'),
    ],
    writes: [
      () => table.insert([1, 1]),
      () => table.insertNew([2, 1]),
      () => table.updateCounter(1, 1),
      () => table.updateElement(1, 1, 5),
      () => table.selectDelete((row) => row.element(1).gt(1000)),
      () => table.take(9),
      () => table.delete(9),
      () => table.rename('another'),
      () => table.deleteAll(),
    ],
    ownersOnly: [() => table.giveAway(self()), () => table.setHeir(undefined)],
  })

  test.each(['public', 'protected', 'private'] as const)('%s', async (access) => {
    const table = ets.new<[number, number]>({ access })
    table.insert([1, 1])
    const { reads, writes, ownersOnly } = attempts(table)
    for (const read of reads) await outcome(access !== 'private', read)
    for (const write of writes) {
      await outcome(access === 'public', write)
      if (!table.member(1)) table.insert([1, 1])
    }
    for (const attempt of ownersOnly) await outcome(false, attempt)
    await byAnother(() => expect(table.info().access).toBe(access))
    await outcome(access === 'public', () => table.drop())
  })

  async function outcome(allowed: boolean, attempt: () => unknown): Promise<void> {
    if (allowed) await byAnother(attempt)
    else await expect(byAnother(attempt)).rejects.toThrow(BAD_TABLE)
  }

  test('names owner and caller when it is denied', async () => {
    const table = ets.new({ access: 'private' })
    await expect(byAnother(() => table.lookup(1))).rejects.toThrow(`belongs to ${String(self())}; <0.`)
  })
})

describe('a table', () => {
  test('is gone with its owner, before the DOWN', async () => {
    let table: Table<[number]> | undefined
    const { pid, ref } = spawnMonitor(function* (): Coroutine<void> {
      table = ets.new<[number]>('temporary', { access: 'public' })
      table.insert([1])
      yield* receive()
    })
    const asked = spawnMonitor(function* (): Coroutine<void> {
      expect(ets.whereis('temporary')?.lookup(1)).toEqual([1])
    })
    await receive((message) => isDown(message, asked.ref))
    send(pid, 'end')
    await receive((message) => isDown(message, ref))
    expect(() => table?.lookup(1)).toThrow(BAD_TABLE)
    expect(ets.whereis('temporary')).toBeUndefined()
  })

  test('is gone with an owner that was killed', async () => {
    const owner = spawn(function* (): Coroutine<void> {
      ets.new('killed', { access: 'public' })
      yield* receive()
    })
    await byAnother(() => expect(ets.whereis('killed')?.info().owner).toEqual(owner))
    const ref = monitor(owner)
    exit(owner, 'kill')
    await receive((message) => isDown(message, ref))
    expect(ets.whereis('killed')).toBeUndefined()
  })

  test('goes to its heir, with a message', async () => {
    const heir = self()
    const pid = spawn(function* (): Coroutine<void> {
      ets.new<[string]>('estate', { heir: { pid: heir, data: { why: ['will'] } } }).insert(['silver'])
    })
    const transfer = await receive(isEtsTransfer)
    expect(transfer).toEqual({
      type: 'ETS-TRANSFER',
      table: ets.whereis('estate')?.id as TableId,
      from: pid,
      data: { why: ['will'] },
    } satisfies EtsTransfer)
    const table = ets.open<[string]>(transfer.table)
    expect(table.info()).toMatchObject({ owner: heir, name: 'estate' })
    table.insert(['gold'])
    expect(table.size).toBe(2)
  })

  test('goes with its owner when the heir is dead, or is the owner', async () => {
    const dead = spawnMonitor(function* (): Coroutine<void> {})
    await receive((message) => isDown(message, dead.ref))
    for (const heirOf of [() => dead.pid, () => self()]) {
      const { ref } = spawnMonitor(function* (): Coroutine<void> {
        ets.new('nobody wants it', { heir: { pid: heirOf() } })
      })
      await receive((message) => isDown(message, ref))
      expect(ets.whereis('nobody wants it')).toBeUndefined()
    }
  })

  test('has another heir, or none, when the owner says so', async () => {
    const heir = self()
    const { ref } = spawnMonitor(function* (): Coroutine<void> {
      const kept = ets.new('kept')
      kept.setHeir(heir, 'yours')
      expect(kept.info().heir).toEqual(heir)
      ets.new('lost', { heir: { pid: heir } }).setHeir(undefined)
    })
    await receive((message) => isDown(message, ref))
    expect(await receive(isEtsTransfer)).toMatchObject({ data: 'yours' })
    expect([ets.whereis('kept')?.info().owner, ets.whereis('lost')]).toEqual([heir, undefined])
  })

  test('is given away, with a message', async () => {
    const owner = self()
    const table = ets.new<[string]>({ access: 'private' })
    table.insert(['gift'])
    const taker = spawn(function* (): Coroutine<void> {
      const transfer = yield* receive(isEtsTransfer)
      send(owner, { found: ets.open<[string]>(transfer.table).toList(), data: transfer.data, from: transfer.from })
      yield* receive()
    })
    table.giveAway(taker, 'with love')
    expect(await receive()).toEqual({ found: [['gift']], data: 'with love', from: owner })
    expect(() => table.lookup('gift')).toThrow(BAD_TABLE)
    expect(table.info().owner).toEqual(taker)
    const ref = monitor(taker)
    send(taker, 'end')
    await receive((message) => isDown(message, ref))
    expect(() => table.info()).toThrow(BAD_TABLE)
  })

  test('is not given to the dead', async () => {
    const { pid, ref } = spawnMonitor(function* (): Coroutine<void> {})
    await receive((message) => isDown(message, ref))
    const table = ets.new()
    expect(() => table.giveAway(pid)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_NO_PROCESS' }))
    expect(table.info().owner).toEqual(self())
  })
})

test('only one of two processes puts a new row in', async () => {
  const table = ets.new<[string, Pid<unknown>]>({ access: 'public' })
  const owner = self()
  for (let n = 0; n < 10; n++)
    spawn(function* (): Coroutine<void> {
      send(owner, table.insertNew(['lock', self()]))
    })
  const outcomes: unknown[] = []
  for (let n = 0; n < 10; n++) outcomes.push(await receive())
  expect(outcomes.filter((outcome) => outcome === true)).toHaveLength(1)
})
