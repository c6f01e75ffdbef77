import { expect, test } from 'vitest'
import {
  DynamicSupervisor,
  genServer,
  GenServer,
  isDown,
  noReply,
  ok,
  type Pid,
  receive,
  reply,
  schedulerId,
  self,
  send,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnWith,
  systemInfo,
} from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'
import { Counter, tell, tellAsync } from './modules/counter.js'

freshRuntime({ schedulers: 2 })

const others = () => systemInfo().schedulers.length

test('the thread that started the runtime is scheduler 1', () => {
  expect(schedulerId()).toBe(1)
})

test('with import.meta a process starts here unless it is told where, and gets copies of its arguments', async () => {
  const given = { list: [1, 2] }
  spawn(import.meta, tell, self(), given)
  spawnLink(import.meta, tellAsync, self(), given)
  const { ref } = spawnMonitor(import.meta, function* (list: number[]) {
    list.push(3)
  }, given.list)
  spawnWith({ scheduler: 1, label: 'pinned' }, import.meta, tell, self(), given)
  for (let n = 0; n < 3; n++) expect(await receive((message) => !isDown(message))).toMatchObject({ scheduler: 1 })
  await receive((message) => isDown(message, ref))
  expect(given.list).toEqual([1, 2])
})

test('without it arguments go by reference, and with it what is no term is refused by its path', async () => {
  const given = { shared: false }
  const { ref } = spawnMonitor((object: typeof given) => {
    object.shared = true
  }, given)
  await receive((message) => isDown(message, ref))
  expect(given.shared).toBe(true)
  expect(() => spawn(import.meta, tell, self(), { callback: () => 1 })).toThrow(/argument 2\.callback: .*ERR_VIGA_NOT_A_TERM/)
})

test('a callback body may follow import.meta too', async () => {
  const me = self()
  const pid = spawn<string>({ message: (text: string) => send(me as Pid<unknown>, text) })
  send(pid, 'plain')
  expect(await receive()).toBe('plain')
})

test.each([0, -1, 1.5, 257, Number.NaN, '2', null])('scheduler %s is refused', async (scheduler) => {
  const options = { scheduler: scheduler as number }
  expect(() => spawnWith(options, import.meta, tell, self())).toThrow(
    /spawnWith: scheduler is .*; whole numbers from 1 to \d+ are allowed.*ERR_VIGA_BAD_ARGUMENT/,
  )
  await expect(Counter.start(0, options)).rejects.toMatchObject({ code: 'ERR_VIGA_BAD_ARGUMENT' })
})

test('a server starts on the scheduler of its starter when it is pinned to that, with copies of its arguments', async () => {
  const Keeper = genServer({ init: (given: { n: number }) => given, call: { kept: (given) => reply(given.n, given) } })
  const given = { n: 1 }
  const here = await Keeper.start(given)
  const pinned = await Keeper.start(given, { scheduler: 1 })
  given.n = 2
  expect(await here.call.kept()).toBe(2)
  expect(await pinned.call.kept()).toBe(1)
  const counter = await Counter.startLink(5, { scheduler: 1, name: 'counter' })
  expect(await counter.call.where()).toMatchObject({ scheduler: 1 })
  const refused = genServer({ init: (callback: () => void) => callback }).start(() => undefined, { scheduler: 1 })
  await expect(refused).rejects.toThrow(/argument 1: .*ERR_VIGA_NOT_A_TERM/)
})

test('what comes before the parts of a server is import.meta or like it', () => {
  expect(() => genServer('here' as never, { init: () => 0 })).toThrow(/genServer: here is given before the parts.*ERR_VIGA_BAD_ARGUMENT/)
})

test('arguments are typed behind import.meta as without it', () => {
  const starts = [
    () => spawn(import.meta, tellAsync, self(), 1),
    () => spawnWith({ scheduler: 2 }, import.meta, tellAsync, self(), 1),
    // @ts-expect-error -- tellAsync wants a pid first
    () => spawn(import.meta, tellAsync, 'no pid', 1),
    // @ts-expect-error -- and nothing after the second
    () => spawnMonitor(import.meta, tellAsync, self(), 1, 2),
  ]
  expect(starts).toHaveLength(4)
})

test('without a module that others know nothing starts elsewhere, and the error says what to add', async () => {
  if (others() === 1) return
  const anonymous = [() => undefined][0] as () => void
  expect(() => spawnWith({ scheduler: 2 }, tell, self())).toThrow(/tell should start on another scheduler.*give import\.meta.*DEFINITION_NOT_FOUND/)
  expect(() => spawnWith({ scheduler: 2 }, import.meta, anonymous)).toThrow(/without a name.*DEFINITION_NOT_FOUND/)
  expect(() => spawnWith({ scheduler: 2 }, { message: () => 0 })).toThrow(/give import\.meta.*DEFINITION_NOT_FOUND/)
  const local = genServer({ init: () => 0 })
  await expect(local.start({ scheduler: 2 })).rejects.toThrow(/genServer\(import\.meta, \.\.\.\) and export it.*DEFINITION_NOT_FOUND/)
  const behaviour = { init: () => ok(0), handleCast: (_: never, n: number) => noReply(n) }
  await expect(GenServer.start(behaviour, [], { scheduler: 2 })).rejects.toMatchObject({ code: 'ERR_VIGA_DEFINITION_NOT_FOUND' })
  await expect(DynamicSupervisor.start({ scheduler: 2 } as never)).rejects.toMatchObject({ code: 'ERR_VIGA_DEFINITION_NOT_FOUND' })
})
