import { expect, test } from 'vitest'
import { type Coroutine, ets, exit, isDown, monitor, type Pid, receive, self, send, spawn } from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'

freshRuntime()

test('a table whose owner and heir both die is gone, name and all, before the DOWN', async () => {
  const root = self<string>()
  function* sleeper(): Coroutine {
    yield* receive()
  }
  for (let round = 0; round < 20; round++) {
    const heir = spawn(sleeper)
    const owner: Pid = spawn(function* () {
      ets.create('estate', { heir: { pid: heir, data: 1 } })
      send(root, 'made')
      yield* receive()
    })
    expect(await receive()).toBe('made')
    const ends = [monitor(heir), monitor(owner)]
    // In either order: whoever is last must not keep it.
    for (const pid of round % 2 === 0 ? [heir, owner] : [owner, heir]) exit(pid, 'kill')
    for (const ref of ends) await receive((message) => isDown(message, ref))
    expect(ets.whereis('estate')).toBeUndefined()
    expect(ets.all()).toEqual([])
  }
})
