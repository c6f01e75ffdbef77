import { setEnvironmentData } from 'node:worker_threads'

const memory = new SharedArrayBuffer(4 * 256)
setEnvironmentData('viga-test-cells', memory)
const cells = new Int32Array(memory)
let used = 0

/** A cell that nobody has opened yet: jobs.ts has functions that open it, and that wait for it. */
export function newCell(): number {
  return used++
}

export function openCell(cell: number): void {
  Atomics.add(cells, cell, 1)
  Atomics.notify(cells, cell)
}

/** How often the cell has been opened. */
export function opened(cell: number): number {
  return Atomics.load(cells, cell)
}

/** Settles when the cell has been opened. */
export async function untilOpen(cell: number): Promise<void> {
  const { async, value } = (Atomics as unknown as AtomicsWithWaitAsync).waitAsync(cells, cell, 0)
  if (!async) return
  // The wait alone does not keep a program alive.
  const alive = setInterval(() => undefined, 1_000)
  await value
  clearInterval(alive)
}

interface AtomicsWithWaitAsync {
  waitAsync(cells: Int32Array, index: number, value: number): { readonly async: boolean; readonly value: Promise<string> | string }
}
