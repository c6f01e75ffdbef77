import { expect, test } from 'vitest'
import { type Coroutine, exit, isAlive, type Pid, receive, samePid, spawn, spawnLink, systemInfo } from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'

freshRuntime({ processLimit: 16 })

function* forever(): Coroutine<void> {
  for (;;) yield* receive()
}

test('a full process table is a coded error, and has room again when a process ends', () => {
  const pids = Array.from({ length: 15 }, () => spawn(forever))
  expect(systemInfo()).toMatchObject({ processCount: 16, processLimit: 16 })
  expect(() => spawn(forever)).toThrow(/16.*ERR_VIGA_SYSTEM_LIMIT/)
  expect(() => spawnLink(forever)).toThrow(/ERR_VIGA_SYSTEM_LIMIT/)
  const victim = pids[3] as Pid
  exit(victim, 'kill')
  const next = spawn(forever)
  expect([isAlive(next), isAlive(victim)]).toEqual([true, false])
  expect(samePid(next, victim)).toBe(false)
  expect(() => spawn(forever)).toThrow(/ERR_VIGA_SYSTEM_LIMIT/)
})
