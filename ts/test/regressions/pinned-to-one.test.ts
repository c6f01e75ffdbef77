/** Processes of other schedulers that start others on scheduler 1, which has its thread. */
import { describe, expect, test } from 'vitest'
import { receive, Runtime, self, spawnWith } from '../../src/index.js'
import { crash, forward } from '../schedulers/modules/everything.js'
import { byYield } from '../schedulers/modules/starters.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = (file: string): { url: string } => ({ url: new URL(`../schedulers/modules/${file}`, import.meta.url).href })

describe.runIf(native)('a process on scheduler 2', () => {
  test('starts functions and servers on scheduler 1 without a thread for it', async () => {
    let threads = 0
    const count = (): number => threads++
    process.on('worker', count)
    let tellCrash: () => void = () => undefined
    const crashed = new Promise<void>((resolve) => (tellCrash = resolve))
    const runtime = Runtime.start({ schedulers: 2, onCrash: tellCrash })
    spawnWith({ scheduler: 2 }, meta('everything.ts'), forward, 1, self())
    expect(await receive()).toMatchObject({ scheduler: 1 })
    spawnWith({ scheduler: 2 }, meta('starters.ts'), byYield as (...args: unknown[]) => unknown, self(), 1)
    expect(await receive()).toMatchObject({ where: { scheduler: 1 } })
    // Comes the way that asks for threads come, and so behind them.
    spawnWith({ scheduler: 2 }, meta('everything.ts'), crash)
    await crashed
    process.off('worker', count)
    await runtime[Symbol.asyncDispose]()
    expect(threads).toBe(1)
  })
})
