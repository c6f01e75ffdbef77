import { expect, test } from 'vitest'
import {
  Agent,
  type Down,
  exit,
  GenServer,
  isDown,
  monitor,
  type Pid,
  receive,
  self,
  Supervisor,
  whereis,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

async function downOf(pid: Pid, act: () => unknown): Promise<unknown> {
  const ref = monitor(pid)
  act()
  return (await receive((message): message is Down => isDown(message, ref))).reason
}

test('holds state: get, update, getAndUpdate, cast', async () => {
  const visits = await Agent.start(() => 0)
  await visits.update((n) => n + 1)
  visits.cast((n) => n * 10)
  expect(await visits.get()).toBe(10)
  expect(await visits.get((n) => `${n} visits`)).toBe('10 visits')
  expect(await visits.getAndUpdate((n) => [n, n + 5])).toBe(10)
  expect(await visits.get()).toBe(15)
  await visits.stop()
})

test('runs functions in its process, of every kind', async () => {
  const agent = await Agent.start(async () => Promise.resolve({ n: 1 }))
  expect(await agent.get(() => self())).toEqual(agent.pid)
  expect(
    await agent.get(async ({ n }) => {
      await undefined
      return [self(), n]
    }),
  ).toEqual([agent.pid, 1])
  await agent.update(function* ({ n }) {
    const other = yield* Agent.start(() => 41)
    return { n: n + (yield* other.get()) }
  })
  expect(await agent.get()).toEqual({ n: 42 })
  const inGenerator = await inProcess(function* () {
    return yield* agent.get(({ n }) => n)
  })
  expect(inGenerator).toBe(42)
})

test('what leaves it is a copy', async () => {
  const agent = await Agent.start(() => ({ list: [1] }))
  const copy = await agent.get()
  copy.list.push(2)
  expect(await agent.get()).toEqual({ list: [1] })
})

test('a function that throws, exits or returns nonsense ends it', async () => {
  const thrown = await Agent.start(() => 0)
  await expect(
    thrown.get(() => {
      throw new Error('inside')
    }),
  ).rejects.toMatchObject({ reason: [{ error: { message: 'inside' } }, ['GenServer', 'call', [thrown.pid, 'get', 5000]]] })
  const exited = await Agent.start(() => 0)
  expect(await downOf(exited.pid, () => exited.cast(() => exit('asked to')))).toBe('asked to')
  const nonsense = await Agent.start(() => 0)
  await expect(nonsense.getAndUpdate(() => 7 as unknown as readonly [number, number])).rejects.toMatchObject({
    reason: [['bad_return_value', 7], {}],
  })
  const promised = await Agent.start(() => 0)
  await expect(promised.update(() => Promise.resolve(1))).rejects.toMatchObject({
    reason: [{ error: { code: 'ERR_VIGA_WRONG_BODY' } }, {}],
  })
})

test('takes no calls but its own, and no values for functions', async () => {
  const agent = await Agent.start(() => 0)
  expect(() => agent.get(7 as unknown as () => number)).toThrow(/7 is no function of the state.*ERR_VIGA_BAD_ARGUMENT/)
  expect(() => Agent.start(7 as unknown as () => number)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
  await expect(GenServer.call(agent, 'get')).rejects.toMatchObject({ reason: [['bad_call', 'get'], {}] })
})

test('is found by name and supervised', async () => {
  const tree = await Supervisor.start([Agent.child(() => 5, { name: 'five' })])
  const five = Agent.at<number>('five')
  await five.update((n) => n + 1)
  expect(await five.get()).toBe(6)
  expect(await downOf(whereis('five') as Pid, () => exit(five.pid, 'kill'))).toBe('killed')
  await tree.whichChildren()
  expect(await five.get()).toBe(5)
})

test('a call is given up in time', async () => {
  const agent = await Agent.start(() => 0)
  const held = agent.get(
    function* () {
      yield* receive((message) => message === 'never')
    },
    { timeout: 1 },
  )
  await expect(held).rejects.toMatchObject({ reason: ['timeout', ['GenServer', 'call', [agent.pid, 'get', 1]]] })
})
