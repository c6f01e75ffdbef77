import { expect, test } from 'vitest'
import {
  type Coroutine,
  type From,
  exit,
  GenServer,
  isAlive,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  self,
  send,
  type ServerBehaviour,
  spawn,
  Supervisor,
  systemInfo,
  TIMEOUT,
  trapExit,
} from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'
import { endOf, exitOf } from '../server-observation.js'

const reports = freshRuntime()

test('replies given twice, late, to the dead and by strangers reach nobody else', async () => {
  const callers: From[] = []
  const keeping: ServerBehaviour<number, [], string> = {
    init: () => ok(0),
    handleCall: (request, from, n) => {
      callers.push(from)
      return request === 'answer' ? reply('first', n) : noReply(n)
    },
  }
  const server = await GenServer.start(keeping, [])
  expect(await GenServer.call(server, 'answer')).toBe('first')
  expect(await exitOf(GenServer.call(server, 'wait', { timeout: 1 }))).toMatchObject(['timeout', {}])
  const dead = spawn(function* () {
    yield* GenServer.call(server, 'wait')
  })
  while (callers.length < 3) await new Promise((resolve) => setImmediate(resolve))
  await endOf(dead, () => exit(dead, 'kill'))
  spawn(() => {
    for (const from of callers) GenServer.reply(from, 'late')
  })
  for (const from of callers) for (let n = 0; n < 3; n++) GenServer.reply(from, 'late')
  expect(await GenServer.call(server, 'answer')).toBe('first')
  expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
  expect(systemInfo()).toMatchObject({ monitorCount: 0, timerCount: 0, messageCount: 0 })
})

test('a handler that settles long after its server was killed changes nothing, in the same place of the table either', async () => {
  const settle: ((value: unknown) => void)[] = []
  const stuck: ServerBehaviour<number, [], string> = {
    init: () => ok(0),
    handleCall: async (_request, _from, n) => {
      await new Promise((resolve) => settle.push(resolve))
      return reply('too late', n + 1)
    },
  }
  const server = await GenServer.start(stuck, [])
  const called = exitOf(GenServer.call(server, 'x'))
  while (settle.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await endOf(server, () => exit(server, 'kill'))
  expect(await called).toMatchObject(['killed', {}])
  const others: Pid[] = []
  for (let n = 0; n < 200; n++) others.push(spawn(function* (): Coroutine { yield* receive() }))
  for (const done of settle) done(1)
  await new Promise((resolve) => setImmediate(resolve))
  expect(others.every((pid) => isAlive(pid))).toBe(true)
  expect(reports).toEqual([])
})

test.each([
  ['throws', () => { throw new Error('in terminate') }],
  ['exits', () => exit('in terminate')],
  ['kills itself', () => exit(self(), 'kill')],
  ['rejects', async () => { throw new Error('in terminate') }],
  ['gives nonsense', () => 42],
  ['never returns', function* (): Coroutine { for (;;) yield* receive() }],
  ['never settles', async () => { await new Promise(() => undefined) }],
])('a child whose terminate %s is stopped all the same, and so are the others', async (_what, terminate) => {
  const root = self()
  const child = (id: string, own: object, shutdown: number | 'brutal_kill' = 20): Parameters<typeof Supervisor.start>[0][number] => ({
    id,
    shutdown,
    start: () => GenServer.startLink({ init: () => ok(trap()), ...own }, []),
  })
  const telling = { terminate: () => send(root, 'told') }
  const tree = await Supervisor.start([child('first', telling), child('bad', { terminate }), child('worse', { terminate }, 'brutal_kill'), child('last', telling)])
  await tree.stop()
  expect([await receive(), await receive()]).toEqual(['told', 'told'])
  expect(systemInfo()).toMatchObject({ processCount: 1, linkCount: 0, timerCount: 0 })
})

function trap(): number {
  trapExit(true)
  return 0
}

test('an AbortSignal that comes after the end does nothing', async () => {
  const root = self()
  const abort = new AbortController()
  const { signal } = abort
  const server = await GenServer.start({ init: () => ok(0), handleCall: () => reply('done', 0) }, [], { signal })
  expect(await GenServer.call(server, 1, { signal })).toBe('done')
  send(self(), 'here')
  expect(await receive({ signal })).toBe('here')
  const yielding = spawn(function* () {
    yield* GenServer.call(server, 1, { signal })
    send(self(), 'here')
    yield* receive({ signal })
    send(root, 'through')
    yield* receive()
  }) as Pid<string>
  expect(await receive()).toBe('through')
  abort.abort()
  expect([isAlive(server), isAlive(yielding)]).toEqual([true, true])
  expect((await endOf(yielding, () => send(yielding, 'end'))).reason).toBe('normal')
  await expect(GenServer.call(server, 1, { signal }).then()).rejects.toMatchObject({ code: 'ERR_VIGA_ABORTED' })
})
