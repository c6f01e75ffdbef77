/** AsyncLocalStorage: what code of a process enters is that process's alone, and stays with it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Agent,
  type Coroutine,
  GenServer,
  isDown,
  monitor,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  self,
  send,
  sendAfter,
  settled,
  spawn,
  TIMEOUT,
} from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

const storage = new AsyncLocalStorage<string>()
const other = new AsyncLocalStorage<number>()
const stores = (): [string | undefined, number | undefined] => [storage.getStore(), other.getStore()]

/** What observers have seen, by the name they gave. */
let seen: Record<string, unknown[]> = {}
const note = (who: string): void => {
  ;(seen[who] ??= []).push(storage.getStore())
}
beforeEach(() => {
  seen = {}
})

/** Notes its store for each message, and answers. */
function* observer(who: string, to: Pid<string>): Coroutine<void> {
  for (;;) {
    note(who)
    yield* receive()
    note(who)
    send(to, who)
  }
}

async function asyncObserver(who: string, to: Pid<string>): Promise<void> {
  for (;;) {
    note(who)
    await receive()
    note(who)
    send(to, who)
  }
}

const callbackObserver = (who: string, to: Pid<string>) => ({
  message: (): undefined => {
    note(who)
    send(to, who)
  },
})

function observers(): Pid<never>[] {
  const me = self<string>()
  return [spawn(observer, 'generator', me), spawn(asyncObserver, 'async', me), spawn(callbackObserver('callback', me))] as Pid<never>[]
}

async function ask(pids: readonly Pid<never>[]): Promise<void> {
  for (const pid of pids) send(pid, 'look' as never)
  for (const _ of pids) await receive()
}

function expectNothingSeen(): void {
  expect(Object.keys(seen).sort()).toEqual(['async', 'callback', 'generator'])
  for (const who of Object.keys(seen)) expect([who, new Set(seen[who])]).toEqual([who, new Set([undefined])])
}

describe('a store is not seen by others', () => {
  test('when code outside any process is in it that spawns, sends and starts timers', async () => {
    await storage.run('outside', async () => {
      const pids = observers()
      await ask(pids)
      for (const pid of pids) sendAfter(1, pid, 'look' as never)
      for (const _ of pids) await receive()
      expect(storage.getStore()).toBe('outside')
    })
    expectNothingSeen()
  })

  test('when a generator body has entered it', async () => {
    const before = observers()
    const me = self<string>()
    const entering = spawn(function* () {
      yield* receive()
      storage.enterWith('generator')
      spawn(observer, 'generator', me)
      for (const pid of before) send(pid, 'look' as never)
      yield* receive()
    })
    send(entering, 'go' as never)
    for (const _ of before) await receive()
    await ask(before)
    expect(storage.getStore()).toBeUndefined()
    expectNothingSeen()
  })

  test('when an async body has entered it, before or after an await', async () => {
    const before = observers()
    const entering = spawn(async () => {
      storage.enterWith('early')
      for (const pid of before) send(pid, 'look' as never)
      await receive()
      storage.enterWith('late')
      for (const pid of before) send(pid, 'look' as never)
      await receive()
    })
    for (const _ of before) await receive()
    send(entering, 'go' as never)
    for (const _ of before) await receive()
    await ask(before)
    expect(storage.getStore()).toBeUndefined()
    expectNothingSeen()
  })

  test('when a callback, a server or an agent has entered it', async () => {
    const before = observers()
    const spread = (): void => {
      for (const pid of before) send(pid, 'look' as never)
    }
    const enter = (): undefined => {
      storage.enterWith('entered')
      spread()
    }
    send(spawn({ message: enter }) as Pid<string>, 'go')
    for (const _ of before) await receive()
    const server = await GenServer.start({ init: () => ok(0), handleCast: (_request, n) => (enter(), noReply(n)) }, [])
    GenServer.cast(server, 'go')
    for (const _ of before) await receive()
    const agent = await Agent.start(() => 0)
    await agent.update((n) => (enter(), n))
    for (const _ of before) await receive()
    await ask(before)
    expect(storage.getStore()).toBeUndefined()
    expectNothingSeen()
  })

  test('when the process that has entered it ends, by itself or by an error', async () => {
    const before = observers()
    for (const end of [() => undefined, () => { throw new Error('broken') }]) {
      const pid = spawn(function* () {
        yield* receive()
        storage.enterWith('gone')
        for (const watching of before) send(watching, 'look' as never)
        end()
      })
      const ref = monitor(pid)
      send(pid, 'go' as never)
      await receive((message) => isDown(message, ref))
      for (const _ of before) await receive()
    }
    await ask(before)
    expect(storage.getStore()).toBeUndefined()
    expectNothingSeen()
  })

  test('when it was entered inside another one that ends by itself', async () => {
    const before = observers()
    spawn(function* () {
      storage.run('around', () => {
        storage.enterWith('inside')
        other.enterWith(1)
      })
      for (const pid of before) send(pid, 'look' as never)
      yield* receive()
    })
    for (const _ of before) await receive()
    expect(stores()).toEqual([undefined, undefined])
    expectNothingSeen()
  })
})

describe('a store is not lost', () => {
  const replier = () => GenServer.start({ init: () => ok(0), handleCall: (_request, _from, n) => reply(storage.getStore(), n) }, [])

  test('by a generator body that receives, calls, waits and meets others', async () => {
    const server = await replier()
    const me = self<unknown>()
    const body = function* (name: string): Coroutine<void> {
      const found: unknown[] = []
      storage.enterWith(name)
      other.enterWith(name.length)
      for (let n = 0; n < 3; n++) {
        yield* receive()
        found.push(stores())
        found.push(yield* GenServer.call(server, 'see'))
        found.push(stores())
        yield* receive(() => false, { timeout: 1 })
        found.push(stores())
        yield* settled(delay(1))
        found.push(stores())
        if (n === 1) storage.enterWith(`${name}!`)
      }
      send(me, found)
    }
    const pids = ['a', 'bb'].map((name) => spawn<string, [string]>(body, name))
    for (let n = 0; n < 3; n++) for (const pid of pids) send(pid, 'go')
    const own = (name: string, letters: number): unknown[] => [[name, letters], undefined, [name, letters], [name, letters], [name, letters]]
    const found = [await receive(), await receive()]
    for (const name of ['a', 'bb']) {
      const length = name.length
      expect(found).toContainEqual([...own(name, length), ...own(name, length), ...own(`${name}!`, length)])
    }
  })

  test('by an async body that receives, calls and waits, in run or entered', async () => {
    const server = await replier()
    const me = self<unknown>()
    const stretch = async (): Promise<unknown[]> => {
      const found: unknown[] = []
      for (let n = 0; n < 2; n++) {
        await receive()
        found.push(storage.getStore())
        found.push(await GenServer.call(server, 'see'))
        found.push(storage.getStore())
        await receive((message) => message === 'never', { timeout: 1 })
        found.push(storage.getStore())
        await delay(1)
        found.push(storage.getStore())
      }
      return found
    }
    const running = ['a', 'b'].map((name) =>
      spawn<string>(async () => {
        send(me, await storage.run(name, stretch))
      }),
    )
    const entered = ['c', 'd'].map((name) =>
      spawn<string>(async () => {
        storage.enterWith(name)
        send(me, await stretch())
      }),
    )
    const pids = [...running, ...entered]
    for (let n = 0; n < 2; n++) for (const pid of pids) send(pid, 'go')
    const found: unknown[] = []
    for (const _ of pids) found.push(await receive())
    const own = (name: string): unknown[] => [name, undefined, name, name, name, name, undefined, name, name, name]
    for (const name of ['a', 'b', 'c', 'd']) expect(found).toContainEqual(own(name))
  })

  test('by callbacks between messages', async () => {
    const me = self<unknown>()
    const body = (name: string) => ({
      init: () => storage.enterWith(name),
      message: (): void => send(me, [name, storage.getStore()]),
    })
    const pids = ['a', 'b'].map((name) => spawn<string, void>(body(name)))
    for (let round = 0; round < 2; round++) {
      for (const pid of pids) send(pid, 'go')
      expect([await receive(), await receive()].sort()).toEqual([['a', 'a'], ['b', 'b']])
    }
  })

  test('by servers: plain, generator and async handlers, timeouts and continuations', async () => {
    const server = await replier()
    const me = self<unknown>()
    const behaviour = (name: string) => ({
      init: () => {
        storage.enterWith(name)
        return ok(0, { continue: 'further' })
      },
      handleContinue: (_what: unknown, n: number) => {
        send(me, [name, 'continue', storage.getStore()])
        return noReply(n)
      },
      handleCast: async (_request: unknown, n: number) => {
        const found = [storage.getStore()]
        await storage.run(`${name} in run`, async () => {
          await GenServer.call(server, 'see')
          await delay(1)
          found.push(storage.getStore())
        })
        found.push(storage.getStore())
        send(me, [name, 'cast', ...found])
        return noReply(n, 1)
      },
      handleInfo: function* (message: unknown, n: number) {
        const found = [storage.getStore()]
        yield* GenServer.call(server, 'see')
        found.push(storage.getStore())
        send(me, [name, message === TIMEOUT ? 'timeout' : 'info', ...found])
        return noReply(n)
      },
    })
    for (const name of ['a', 'b']) {
      const pid = await GenServer.start(behaviour(name), [])
      expect(await receive()).toEqual([name, 'continue', name])
      GenServer.cast(pid, 1)
      expect(await receive()).toEqual([name, 'cast', name, `${name} in run`, name])
      expect(await receive()).toEqual([name, 'timeout', name, name])
      send(pid, 'hello')
      expect(await receive()).toEqual([name, 'info', name, name])
    }
    expect(storage.getStore()).toBeUndefined()
  })

  test('by code outside any process', async () => {
    const server = await replier()
    const pid = spawn(observer, 'generator', self<string>())
    const flow = (name: string) =>
      storage.run(name, async () => {
        expect(await GenServer.call(server, 'see')).toBeUndefined()
        expect(storage.getStore()).toBe(name)
      })
    await Promise.all(['a', 'b', 'c'].map(flow))
    await storage.run('d', async () => {
      send(pid, 'look' as never)
      await receive()
      expect(storage.getStore()).toBe('d')
    })
    expect(storage.getStore()).toBeUndefined()
  })
})
