/** Receives with a timeout, one after the other in a slice. */
import { expect, test } from 'vitest'
import { receive, self, send, spawn, systemInfo, TIMEOUT } from '../../src/index.js'
import { freshRuntime, inProcess } from '../fresh-runtime.js'

freshRuntime()

test('a receive that takes the place of one whose time is running has a time of its own', () =>
  inProcess(function* () {
    const me = self<string>()
    for (const longer of [100, 20, 300]) {
      spawn(function* () {
        yield* receive({ timeout: 5 })
        send(me, 'early')
      })
      expect(yield* receive({ timeout: 50 })).toBe('early')
      const began = performance.now()
      expect(yield* receive({ timeout: longer })).toBe(TIMEOUT)
      expect(performance.now() - began).toBeGreaterThanOrEqual(longer - 1)
      expect(systemInfo().timerCount).toBe(0)
    }
  }))

test('so has one of an async body', async () => {
  const me = self<string>()
  spawn(async () => {
    await receive({ timeout: 5 })
    send(me, 'early')
  })
  expect(await receive({ timeout: 50 })).toBe('early')
  expect(await receive({ timeout: 100 })).toBe(TIMEOUT)
  expect(systemInfo().timerCount).toBe(0)
})
