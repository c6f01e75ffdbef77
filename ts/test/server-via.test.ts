import { expect, test } from 'vitest'
import { Agent, GenServer, genServer, isAlive, reply, Supervisor } from '../src/index.js'
import { Registry, via } from '../src/registry.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

const Room = genServer({
  init: (name: string) => name,
  call: { name: (name) => reply(name, name) },
  cast: { rename: (_old, name: string) => name },
})

test('a server is started, called and stopped by a key of a registry', async () => {
  const rooms = Registry.start<string>({ name: 'rooms' })
  const blue = via(rooms, 'blue')
  const room = await Room.start('the blue room', { name: blue })
  expect(rooms.whereis('blue')).toEqual(room.pid)
  const byKey = Room.at(blue)
  byKey.cast.rename('azure')
  expect(await byKey.call.name()).toBe('azure')
  expect(await GenServer.call(blue, ['name'])).toBe('azure')
  await expect(Room.start('another', { name: blue })).rejects.toMatchObject({ reason: ['already_started', room.pid] })
  await byKey.stop()
  expect(isAlive(room.pid)).toBe(false)
  expect(rooms.whereis('blue')).toBeUndefined()
})

test('a key nobody has is noproc to a call and nothing to a cast', async () => {
  const empty = Registry.start<string>({ name: 'empty' })
  await expect(GenServer.call(via(empty, 'key'), 'x')).rejects.toMatchObject({
    reason: ['noproc', ['GenServer', 'call', [['via', 'empty', 'key'], 'x', 5000]]],
  })
  GenServer.cast(via(empty, 'key'), 'x')
  await expect(GenServer.call(via('no such registry', 'key'), 'x')).rejects.toMatchObject({ code: 'ERR_VIGA_NO_SUCH_REGISTRY' })
  await expect(Room.start('r', { name: via('no such registry', 'key') })).rejects.toMatchObject({
    reason: { error: { code: 'ERR_VIGA_NO_SUCH_REGISTRY' } },
  })
})

test('children named by key are found again after a restart', async () => {
  const rooms = Registry.start<string>({ name: 'rooms' })
  const key = via(rooms, 'visits')
  const tree = await Supervisor.start([Agent.child(() => 1, { name: key }, { id: 'visits' })])
  const visits = Agent.at<number>(key)
  await visits.update((n) => n + 1)
  const { pid } = visits
  await visits.stop('crash').then(undefined, () => undefined)
  await tree.whichChildren()
  expect(visits.pid).not.toEqual(pid)
  expect(await visits.get()).toBe(1)
})
