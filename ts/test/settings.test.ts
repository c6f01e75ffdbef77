import { availableParallelism } from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Runtime, type SchedulerOptions } from '../src/index.js'
import { settle } from '../src/settings.js'

const cores = Math.min(availableParallelism(), 256)

describe('settings', () => {
  test('are the defaults when nothing is given', () => {
    expect(settle({}, {})).toEqual({
      schedulers: cores,
      online: cores,
      startAtOnce: false,
      dirtyCpu: cores,
      dirtyIo: 10,
      threadPool: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4),
      sizesThreadPool: false,
      processLimit: 262_144,
      busyWait: 'medium',
      wakeupThreshold: 'medium',
      compactLoad: true,
      tracing: false,
      workerResourceLimits: {},
    })
  })

  test('are frozen', () => {
    expect(Object.isFrozen(settle({}, {}))).toBe(true)
    expect(Object.isFrozen(settle({ workerResourceLimits: { stackSizeMb: 4 } }, {}).workerResourceLimits)).toBe(true)
  })

  test('come from flags, those of viga above those of Erlang', () => {
    expect(settle({}, { ERL_FLAGS: '+S 8:8 +P 1000 -sname x', VIGA_FLAGS: '+S 4:2 +SDio 3' })).toMatchObject({
      schedulers: 4,
      online: 2,
      startAtOnce: true,
      dirtyIo: 3,
      processLimit: 1000,
    })
  })

  test('come from options above flags', () => {
    const all: SchedulerOptions = {
      schedulers: 3,
      dirtyCpu: 2,
      dirtyIo: 5,
      threadPool: 6,
      processLimit: 500,
      busyWait: 'none',
      wakeupThreshold: 'high',
      compactLoad: false,
      tracing: true,
      workerResourceLimits: { maxOldGenerationSizeMb: 512 },
    }
    const flags = '+S 8:2 +SDcpu 9 +SDio 9 +A 9 +P 900 +sbwt long +swt low +scl true'
    expect(settle(all, { VIGA_FLAGS: flags })).toEqual({ ...all, online: 3, startAtOnce: true, sizesThreadPool: true })
    expect(settle({ schedulers: { total: 6, online: 1 } }, { VIGA_FLAGS: flags })).toMatchObject({ schedulers: 6, online: 1 })
    expect(settle({ schedulers: { total: 6 } }, { VIGA_FLAGS: flags })).toMatchObject({ schedulers: 6, online: 6 })
  })

  test.each<[unknown, string]>([
    [{ schedulers: 0 }, 'schedulers is 0; whole numbers from 1 to 256 are allowed'],
    [{ schedulers: 257 }, 'schedulers is 257'],
    [{ schedulers: '4' }, 'schedulers is '],
    [{ schedulers: null }, 'schedulers is null'],
    [{ schedulers: {} }, 'schedulers.total is undefined'],
    [{ schedulers: { total: 2, online: 3 } }, 'schedulers.online is 3; whole numbers from 1 to 2'],
    [{ dirtyCpu: 0 }, 'dirtyCpu is 0'],
    [{ dirtyIo: 1.5 }, 'dirtyIo is 1.5'],
    [{ threadPool: 2000 }, 'threadPool is 2000'],
    [{ processLimit: 15 }, 'processLimit is 15'],
    [{ busyWait: 'forever' }, 'busyWait is '],
    [{ wakeupThreshold: 3 }, 'wakeupThreshold is 3; very_low, low, medium, high, very_high are allowed'],
    [{ compactLoad: 1 }, 'compactLoad is 1; true and false'],
    [{ workerResourceLimits: 4 }, 'workerResourceLimits is 4'],
    [{ workerResourceLimits: { heap: 4 } }, 'a name in workerResourceLimits is '],
    [{ workerResourceLimits: { stackSizeMb: -1 } }, 'workerResourceLimits.stackSizeMb is -1'],
  ])('refuse %j', (options, message) => {
    expect(() => settle(options as SchedulerOptions, {})).toThrow(
      expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT', message: expect.stringContaining(`Runtime.start: ${message}`) as string }),
    )
  })
})

describe('Runtime.start', () => {
  let running: Runtime | undefined
  afterEach(() => {
    running?.stop()
    running = undefined
    vi.unstubAllEnvs()
  })

  test('reads the flags of the environment, and tells what is in force', () => {
    vi.stubEnv('VIGA_FLAGS', '+P 1000 +sbwt none')
    running = Runtime.start({ dirtyIo: 2 })
    expect(running.settings).toMatchObject({ processLimit: 1000, busyWait: 'none', dirtyIo: 2 })
    if (running.engine === 'pure') expect(running.settings).toMatchObject({ schedulers: 1, online: 1 })
  })

  test('starts nothing when a flag is bad', () => {
    vi.stubEnv('VIGA_FLAGS', '+S none')
    expect(() => Runtime.start()).toThrow(/\+S is "none".*ERR_VIGA_BAD_FLAG/)
    expect(Runtime.current).toBeUndefined()
    vi.unstubAllEnvs()
    running = Runtime.start()
    expect(running.engine).toMatch(/native|pure/)
  })
})
