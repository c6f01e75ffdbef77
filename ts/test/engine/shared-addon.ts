import type { SharedAddon } from '../../src/term/shared.js'

/** What the core does for isolates, within this one: memories with their counts, and shapes. */
export class SharedAddonHere implements SharedAddon {
  readonly memories = new Map<number, { readonly bytes: Uint8Array; count: number }>()
  readonly shapes: string[] = []
  /** Calls that told of a memory, as an account of what crossing costs. */
  calls = 0
  #lastId = 0

  shareBinary(bytes: Uint8Array): number {
    this.calls++
    this.memories.set(++this.#lastId * 2 ** 32, { bytes: new Uint8Array(bytes), count: 1 })
    return this.#lastId * 2 ** 32
  }

  holdBinary(id: number): number {
    this.calls++
    const memory = this.memories.get(id)
    if (memory === undefined) return -1
    memory.count++
    return memory.bytes.length
  }

  releaseBinary(id: number): void {
    const memory = this.memories.get(id)
    if (memory !== undefined && --memory.count === 0) this.memories.delete(id)
  }

  binaryMemory(id: number): ArrayBuffer {
    this.calls++
    const memory = this.memories.get(id)
    if (memory === undefined) throw new Error(`no memory ${id}`)
    return memory.bytes.buffer as ArrayBuffer
  }

  binaryTotals(): [count: number, bytes: number] {
    return [this.memories.size, [...this.memories.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)]
  }

  defineShape(keys: string): number {
    const known = this.shapes.indexOf(keys)
    return known === -1 ? this.shapes.push(keys) : known + 1
  }

  shapeKeys(number: string): string {
    return this.shapes[Number(number) - 1] ?? ''
  }
}
