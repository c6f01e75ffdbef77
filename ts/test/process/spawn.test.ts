import { expect, test } from 'vitest'
import { exit, type Pid, receive, self, send, spawn, spawnMonitor, type Down } from '../../src/index.js'

test('a process answers from its mailbox', async () => {
  const echo = spawn(function* () {
    for (;;) {
      const { from, text } = yield* receive<{ from: Pid<string>; text: string }>()
      send(from, text.toUpperCase())
    }
  })
  send(echo, { from: self(), text: 'hello' })
  expect(await receive()).toBe('HELLO')
})

test('an async body answers too', async () => {
  const echo = spawn(async () => {
    for (;;) {
      const { from, text } = await receive<{ from: Pid<string>; text: string }>()
      send(from, text.toUpperCase())
    }
  })
  send(echo, { from: self(), text: 'a' })
  send(echo, { from: self(), text: 'b' })
  expect(await receive()).toBe('A')
  expect(await receive()).toBe('B')
})

test('the exit reason of a process is in the DOWN', async () => {
  const { pid, ref } = spawnMonitor(function* () {
    yield* receive()
    exit(['enough', 1])
  })
  send(pid, 'go')
  const down = await receive<Down>()
  expect(down).toEqual({ type: 'DOWN', ref, pid, reason: ['enough', 1] })
})
