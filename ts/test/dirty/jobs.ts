/** What the tests have the dirty pools do. Loaded in their threads, where it must start nothing. */
import { getEnvironmentData, parentPort, threadId } from 'node:worker_threads'
import { Binary, self } from '../../src/index.js'

/** Memory shared with the test, see cells.ts; the number of a cell is a thing to wait for. */
const cells = (): Int32Array => new Int32Array(getEnvironmentData('viga-test-cells') as SharedArrayBuffer)

/** Opens a cell: whoever waits for it goes on. */
export function open(cell: number): void {
  Atomics.add(cells(), cell, 1)
  Atomics.notify(cells(), cell)
}

/** Blocks the thread until the cell has been opened. */
export function waitFor(cell: number): number {
  Atomics.wait(cells(), cell, 0)
  return cell
}

/** Opens one cell, then waits for another: two of them at once only come to an end side by side. */
export function meet(mine: number, other: number): number {
  open(mine)
  return waitFor(other)
}

export const notAFunction = 'text'

export function spin(started: number): never {
  open(started)
  for (;;);
}

/** Opens a cell and waits for ever, with the thread free. */
export function linger(started: number): Promise<never> {
  open(started)
  setInterval(() => undefined, 1_000)
  return new Promise(() => undefined)
}

export function give<T>(value: T): T {
  return value
}

export async function giveLater<T>(value: T): Promise<T> {
  await new Promise((resolve) => setImmediate(resolve))
  return value
}

export const square = (n: number): number => n * n

export function where(): number {
  return threadId
}

export function fail(message: string): never {
  throw new RangeError(message, { cause: Symbol.for('why') })
}

export function throwValue(value: unknown): never {
  throw value
}

export function throwHostile(): never {
  throw Object.assign(new Error('hostile'), { socket: () => undefined })
}

export function giveFunction(): unknown {
  return { deep: [() => undefined] }
}

export function leave(code: number): void {
  process.exit(code)
}

export function leaveBehind(): Promise<never> {
  setImmediate(() => {
    throw new TypeError('left behind')
  })
  return new Promise(() => undefined)
}

/** Comes to its end, and then throws. */
export function throwAfterwards(): void {
  setTimeout(() => {
    throw new TypeError('left behind')
  }, 1)
}

export function useUpMemory(): number {
  const kept: unknown[] = []
  for (;;) kept.push(new Array(10_000).fill(kept.length))
}

export function useRuntime(): unknown {
  return self()
}

export function postToParent(): string {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of worker_threads has no origin
  for (const noise of [{ task: 1, kind: 'bytes' }, 'noise', null]) parentPort?.postMessage(noise)
  return 'still here'
}

const kept = new Uint8Array([1, 2, 3])

/** The same bytes each time, which the module keeps. */
export function keptBytes(): Uint8Array {
  return kept
}

export function makeBinary(): Binary {
  return Binary.from('made there')
}

export function kindOf(value: unknown): string {
  return value instanceof Binary ? 'Binary' : Object.prototype.toString.call(value)
}
