/** Everything that processes and servers promise, gone through in a process of another scheduler, and of the first one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Down,
  ets,
  exit,
  isDown,
  isEtsTransfer,
  monitor,
  type Pid,
  processes,
  processInfo,
  receive,
  registered,
  Runtime,
  self,
  send,
  spawnWith,
  systemInfo,
} from '../../src/index.js'
import { bequeath, goThrough, inherit, scenarios, spin } from './modules/behaviours.js'
import { echo } from './modules/everything.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = (file: string): { url: string } => ({ url: new URL(`./modules/${file}`, import.meta.url).href })
const everywhere = native ? [2, 1] : [1]

type Body = (...args: unknown[]) => unknown

const has = (word: string) => (message: unknown) => Array.isArray(message) && message[0] === word

let runtime: Runtime
beforeAll(() => {
  runtime = Runtime.start({ schedulers: native ? 2 : 1, onCrash: () => undefined })
})
afterAll(async () => await runtime[Symbol.asyncDispose]())

const on = (scheduler: number, file: string, body: unknown, ...args: unknown[]): Pid<unknown> =>
  spawnWith({ scheduler }, meta(file), body as Body, ...args)

describe.each(everywhere)('a process of scheduler %i', (scheduler) => {
  const other = native ? 3 - scheduler : 1

  test.each(Object.keys(scenarios))('%s', async (name) => {
    const far = on(other, 'everything.ts', echo)
    const pid = on(scheduler, 'behaviours.ts', goThrough, self(), far, name)
    const ref = monitor(pid)
    const end = await receive((message) => has('over')(message) || isDown(message, ref))
    expect(end).toEqual(['over', scheduler, null])
    await receive((message) => isDown(message, ref))
    exit(far, 'kill')
  })

  test.each(['give', 'leave'])('gets tables that others %s it', async (how) => {
    const heir = on(scheduler, 'behaviours.ts', inherit, self())
    await receive(has('heir'))
    const giver = on(other, 'behaviours.ts', bequeath, heir, how)
    const [, at, from, data, row] = await receive<unknown[]>(has('inherited'))
    expect([at, from, data, row]).toEqual([scheduler, giver, [how === 'give' ? 'given' : 'left', other], ['silver', 1]])
    exit(heir, 'kill')
  })

  test.each(['give', 'leave'])('can %s tables to code outside any process', async (how) => {
    const giver = on(scheduler, 'behaviours.ts', bequeath, self(), how)
    expect(await receive(has('from'))).toEqual(['from', giver])
    const message = await receive(isEtsTransfer)
    expect(message).toMatchObject({ from: giver, data: [how === 'give' ? 'given' : 'left', scheduler] })
    const table = ets.open<[string, number]>((message as { table: { index: number; generation: number } }).table)
    expect(table.info()).toMatchObject({ owner: self(), size: 1 })
    table.insert(['gold', 2])
    table.drop()
  })
})

describe.runIf(native)('a process that runs on another scheduler', () => {
  test('is told of while it is stuck in its slice', async () => {
    const table = ets.new('stuck', { access: 'public' })
    const pid = on(2, 'behaviours.ts', spin, self(), 'stuck')
    while (!table.member('spins')) await receive({ timeout: 1 })
    send(pid, 'one')
    send(pid, 'two')
    const ref = monitor(pid)
    const info = processInfo(pid)
    const { processCount, schedulers, nameCount } = systemInfo()
    const [all, names] = [processes(), registered()]
    table.insert(['stop'])
    expect(info).toMatchObject({ pid, parent: self(), names: ['stuck'], trapExit: false, links: [] })
    // Its scheduler knows which of the few it has taken up it is at.
    expect(['running', 'runnable']).toContain(info?.status)
    expect(all).toContainEqual(pid)
    expect(names).toContain('stuck')
    expect([processCount, nameCount, schedulers.length]).toEqual([all.length, names.length, 2])
    // 'noproc' when it had ended before its scheduler heard of the monitor, as in Erlang.
    expect(['normal', 'noproc']).toContain((await receive<Down>((message) => isDown(message, ref))).reason)
    expect(processInfo(pid)).toBeUndefined()
    expect(registered()).not.toContain('stuck')
    table.drop()
  })
})
