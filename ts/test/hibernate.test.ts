import { expect, test } from 'vitest'
import { hibernate, processInfo, receive, self, send, settled, spawn, TIMEOUT } from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

test('a generator body sleeps until a message comes, which it finds in its mailbox', async () => {
  const root = self()
  const sleeper = spawn(function* () {
    send(root, 'going to sleep')
    yield* hibernate()
    send(root, ['woken by', yield* receive({ timeout: 0 })])
  })
  expect(await receive()).toBe('going to sleep')
  await expect.poll(() => processInfo(sleeper)?.status).toBe('waiting')
  send(sleeper, 'hello')
  expect(await receive()).toEqual(['woken by', 'hello'])
})

test('an async body does', async () => {
  const root = self()
  const sleeper = spawn(async () => {
    send(root, 'going to sleep')
    await hibernate()
    send(root, ['woken by', await receive(), (await receive({ timeout: 0 })) === TIMEOUT])
  })
  expect(await receive()).toBe('going to sleep')
  send(sleeper, 'hello')
  expect(await receive()).toEqual(['woken by', 'hello', true])
})

test('it is done at once when messages wait, put aside or not, and keeps their order', async () => {
  const seen = await inProcess(function* () {
    send(self(), 1)
    yield* hibernate()
    send(self(), 2)
    const second = yield* receive((message) => message === 2)
    yield* hibernate()
    return [second, yield* receive()]
  })
  expect(seen).toEqual([2, 1])
  const root = self()
  spawn(async () => {
    send(self(), 1)
    await hibernate()
    send(self(), 2)
    await hibernate()
    send(root, [await receive(), await receive()])
  })
  expect(await receive()).toEqual([1, 2])
})

test('not while a receive of the process is pending', async () => {
  const pending = receive()
  const first = pending.then((message) => message)
  await expect(hibernate()).rejects.toMatchObject({ code: 'ERR_VIGA_RECEIVE_PENDING' })
  send(self(), 'end')
  expect(await first).toBe('end')
})

test('settled waits for a promise in a generator body, and leaves messages where they are', async () => {
  const seen = await inProcess(function* () {
    send(self(), 'waiting')
    const value = yield* settled(new Promise((resolve) => setImmediate(resolve, 'settled')))
    let thrown: unknown
    try {
      yield* settled(Promise.reject(new Error('rejected')))
    } catch (error) {
      thrown = (error as Error).message
    }
    return [value, thrown, yield* receive()]
  })
  expect(seen).toEqual(['settled', 'rejected', 'waiting'])
  expect(await settled(Promise.resolve(1))).toBe(1)
})
