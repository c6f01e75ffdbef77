import { expect, test } from 'vitest'
import { DynamicSupervisor, genServer, StartError } from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime({ processLimit: 16 })

test('a full process table fails starts, not supervisors', async () => {
  const Quiet = genServer({ init: () => 0 })
  const flock = await DynamicSupervisor.start()
  let error: unknown
  let started = 0
  while (error === undefined) {
    try {
      await flock.startChild(Quiet.child())
      started++
    } catch (thrown) {
      error = thrown
    }
  }
  expect(started).toBeGreaterThan(10)
  expect(error).toBeInstanceOf(StartError)
  expect((error as StartError).reason).toMatchObject({ error: { code: 'ERR_VIGA_SYSTEM_LIMIT' } })
  await expect(Quiet.start()).rejects.toMatchObject({ code: 'ERR_VIGA_SYSTEM_LIMIT' })
  expect(await flock.countChildren()).toMatchObject({ active: started })
  await flock.stop()
  await (await Quiet.start()).stop()
})
