/* oxlint-disable unicorn/require-post-message-target-origin -- threads have no origin */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { Binary } from '../../src/binary.js'
import { type Addon, loadAddon } from '../../src/engine/native/addon.js'
import { Incoming } from '../../src/engine/native/incoming.js'
import { Outgoing } from '../../src/engine/native/outgoing.js'
import { Shared } from '../../src/term/shared.js'

const program = new URL('./binary-thread.ts', import.meta.url)
const MEGABYTE = 1 << 20

/** This isolate's side: what it shares, and a buffer to write records to. */
function side(addon: Addon): { readonly shared: Shared; readonly record: (value: unknown) => Uint8Array } {
  const shared = new Shared(addon)
  const outgoing = new Outgoing({ flush: () => outgoing.reset(), attach: () => undefined }, shared)
  const record = (value: unknown): Uint8Array => {
    outgoing.reset()
    outgoing.put(value)
    return outgoing.bytes.slice(0, outgoing.position)
  }
  return { shared, record }
}

async function startThread(): Promise<Worker> {
  const boot = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(program.href)}) })`
  const worker = new Worker(boot, { eval: true })
  await once(worker, 'message')
  return worker
}

async function ask(worker: Worker, question: unknown): Promise<unknown> {
  const answer = once(worker, 'message') as Promise<[unknown]>
  worker.postMessage(question)
  return (await answer)[0]
}

function count(addon: Addon): number {
  return addon.binaryTotals()[0]
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is left when the garbage of earlier tests is gone. */
async function settled(addon: Addon): Promise<number> {
  for (let round = 0; round < 5; round++) {
    collectGarbage()
    await turn()
  }
  return count(addon)
}

/** Collects garbage until so many shared binaries are left: finalizers run when V8 likes. */
async function collectedTo(addon: Addon, expected: number): Promise<void> {
  for (let round = 0; round < 200 && count(addon) > expected; round++) {
    collectGarbage()
    await turn()
  }
  expect(count(addon)).toBe(expected)
}

// What it is about is the core's: the pure engine has one isolate, and binaries pass by reference there.
const native = process.env['VIGA_ENGINE'] !== 'pure'
describe.runIf(native)('binaries that isolates share', { timeout: 60_000 }, () => {
  it('are read by another isolate without a copy, and are one object there', async () => {
    const addon = loadAddon()
    const before = count(addon)
    const { record } = side(addon)
    const worker = await startThread()
    const binary = Binary.from(new Uint8Array(MEGABYTE).fill(65))
    const bytes = record(binary)
    expect(bytes.length).toBe(32)
    expect(await ask(worker, bytes)).toEqual([MEGABYTE, 65, 'AAA'])
    expect(await ask(worker, record(binary))).toEqual([MEGABYTE, 65, 'AAA'])
    expect(await ask(worker, 'compare')).toEqual([true, true])
    expect(count(addon)).toBe(before + 1)
    await worker.terminate()
    expect(count(addon)).toBe(before + 1)
    expect(binary.at(0)).toBe(65)
  })

  it('live as long as any isolate has them, and no longer', async () => {
    const addon = loadAddon()
    const before = await settled(addon)
    const { record } = side(addon)
    const worker = await startThread()
    for (let number = 0; number < 10; number++)
      await ask(worker, record(Binary.from(new Uint8Array(1000).fill(48 + number))))
    record('nothing of them is waiting any more')
    expect(count(addon)).toBe(before + 10)
    const answer = (await ask(worker, 'answer')) as Uint8Array
    expect(count(addon)).toBe(before + 11)
    const { answer: received } = new Incoming(answer, side(addon).shared).read(0) as { answer: Binary }
    await worker.terminate()
    await collectedTo(addon, before + 1)
    expect(String(received)).toBe('a'.repeat(100_000))
  })

  it('go with an isolate that is ended while it reads them', async () => {
    const addon = loadAddon()
    const before = await settled(addon)
    const { record } = side(addon)
    const binary = Binary.from(new Uint8Array(MEGABYTE))
    for (let round = 0; round < 5; round++) {
      const worker = await startThread()
      for (let message = 0; message < 20; message++) worker.postMessage(record([binary, Binary.from(new Uint8Array(500))]))
      await once(worker, 'message')
      await worker.terminate()
    }
    record('nothing of them is waiting any more')
    await collectedTo(addon, before + 1)
    expect(binary.length).toBe(MEGABYTE)
  })

  it('are given back when nothing refers to them, though their bytes were looked at', async () => {
    const addon = loadAddon()
    const before = await settled(addon)
    const { record } = side(addon)
    const sendAndLook = (number: number): number | undefined => {
      const binary = Binary.from(new Uint8Array(10_000).fill(number))
      record(binary)
      return binary.at(5000)
    }
    for (let number = 0; number < 100; number++) expect(sendAndLook(number)).toBe(number)
    record('nothing of them is waiting any more')
    expect(count(addon)).toBeGreaterThan(before)
    await collectedTo(addon, before)
  })

  it('cost nothing but a few words for each message', () => {
    const { shared, record } = side(loadAddon())
    const incoming = new Incoming(new Uint8Array(0), shared)
    const binary = Binary.from(new Uint8Array(MEGABYTE))
    const bytes = record(binary)
    incoming.attach(bytes)
    let same = 0
    for (let message = 0; message < 100_000; message++) if (incoming.read(0) === binary) same++
    expect(same).toBe(100_000)
    expect(shared.binaries.size).toBe(1)
  })

  it('that nobody has are refused', () => {
    const addon = loadAddon()
    expect(addon.holdBinary(12_345)).toBe(-1)
    addon.releaseBinary(12_345)
    for (const id of [0, -1, NaN, 2 ** 53]) expect(() => addon.binaryMemory(id)).toThrow(/no binary/)
    expect(() => addon.shareBinary([] as unknown as Uint8Array)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT' }))
  })
})

describe.runIf(native)('shapes of records', () => {
  it('are the same in all isolates', { timeout: 60_000 }, async () => {
    const { record } = side(loadAddon())
    const worker = await startThread()
    const value = { name: 'Ada', 'odd \ud800 name': 1, nested: { x: 1, y: 2 } }
    for (let n = 0; n < 12; n++) expect(await ask(worker, record(value))).toStrictEqual(value)
    const named = record({ [`name ${Math.random()}`]: 'Ada' }).length
    expect(record(value).length).toBeLessThan(named + 40)
    await worker.terminate()
  })
})
