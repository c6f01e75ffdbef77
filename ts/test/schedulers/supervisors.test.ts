/** Supervisors and agents that live on another scheduler than who asks them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Pid, receive, Runtime, self, spawn, spawnWith } from '../../src/index.js'
import { keep, type Kept, use, useFor } from './modules/supervisors.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = { url: new URL('./modules/supervisors.ts', import.meta.url).href }

describe.runIf(native)('asked from another scheduler', () => {
  let runtime: Runtime
  beforeAll(() => {
    runtime = Runtime.start({ schedulers: 3, onCrash: () => undefined })
  })
  afterAll(async () => await runtime[Symbol.asyncDispose]())

  function check(results: Record<string, unknown>, scheduler: number): void {
    expect(results).toMatchObject({
      tree: {
        counts: { specs: 2, active: 2, workers: 2, supervisors: 0 },
        answers: [1, 7],
        scheduler,
        again: ['ERR_VIGA_START_FAILED', expect.stringMatching(/already_started/)],
        running: ['ERR_VIGA_CHILD_STATE', expect.stringMatching(/two is running/)],
        isAnother: true,
        missing: ['ERR_VIGA_NO_SUCH_CHILD', expect.stringMatching(/two/)],
        left: ['one'],
      },
      member: [{ specs: 2, active: 2 }, true, 0],
      ownFunction: ['ERR_VIGA_BAD_CHILD_SPEC', expect.stringMatching(/start function of child own is not known: give it Definition\.child/)],
      notATerm: ['ERR_VIGA_NOT_A_TERM', expect.stringMatching(/argument 1: .*function/)],
      hidden: ['ERR_VIGA_START_FAILED', expect.stringMatching(/server definition #1 is not exported by .*supervisors\.ts/)],
      task: ['ERR_VIGA_BAD_CHILD_SPEC', expect.stringMatching(/runs on another scheduler/)],
      agentGet: ['ERR_VIGA_NOT_A_TERM', expect.stringMatching(/stays on its scheduler.*genServer\(import\.meta/)],
      agentCast: ['ERR_VIGA_NOT_A_TERM', expect.stringMatching(/stays on its scheduler/)],
      noTasks: [],
    })
  }

  test('supervisors do what they are asked, and agents say why they do not', async () => {
    spawnWith({ scheduler: 2 }, meta, keep as (...args: unknown[]) => unknown, self())
    const kept = await receive<Kept>()
    expect(kept.scheduler).toBe(2)
    check(await use(kept), 2)
    spawnWith({ scheduler: 3 }, meta, useFor as (...args: unknown[]) => unknown, self(), kept)
    const results = await receive<Record<string, unknown>>()
    expect(results['scheduler']).toBe(3)
    check(results, 2)
  })

  test('so do those on the first one', async () => {
    spawn(keep, self() as Pid<unknown>)
    const kept = await receive<Kept>()
    expect(kept.scheduler).toBe(1)
    spawnWith({ scheduler: 2 }, meta, useFor as (...args: unknown[]) => unknown, self(), kept)
    check(await receive<Record<string, unknown>>(), 1)
  })
})
