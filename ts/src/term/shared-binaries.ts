import {
  type Binary,
  binaryIn,
  BinaryMemory,
  bytesOfBinary,
  type ForeignBytes,
  memoryOfBinary,
  moveBinary,
} from '../binary.js'

/** What the core does for shared binaries, see crates/node/src/binaries.rs. */
export interface BinaryAddon {
  /** Copies the bytes to memory that all isolates may read, held by this one; gives its id. */
  shareBinary(bytes: Uint8Array): number
  /** Holds a memory; gives its length, or -1 when it is gone. */
  holdBinary(id: number): number
  /** Gives back what `shareBinary` or `holdBinary` has taken. */
  releaseBinary(id: number): void
  /** The bytes, not copied. */
  binaryMemory(id: number): ArrayBuffer
  /** How many shared binaries there are in all isolates together, and their bytes. */
  binaryTotals(): [count: number, bytes: number]
}

/** Lengths and offsets are written as 32-bit numbers. */
const LONGEST = 0xffff_ffff

/**
 * The memories of binaries that this isolate shares with others: one object for each while anything here has a use for it. The core
 * counts the isolate once for each object, and not at all for messages that name it again.
 */
export class SharedBinaries implements ForeignBytes {
  readonly #addon: BinaryAddon
  readonly #known = new Map<number, WeakRef<BinaryMemory>>()
  readonly #ends: FinalizationRegistry<number>

  constructor(addon: BinaryAddon) {
    this.#addon = addon
    this.#ends = new FinalizationRegistry((id) => this.#ended(id))
  }

  /** Memories that the isolate holds. */
  get size(): number {
    return this.#known.size
  }

  /** The memory of a binary, shared from now on; null for one that is too long. O(length) the first time, then O(1). */
  share(binary: Binary): BinaryMemory | null {
    const memory = memoryOfBinary(binary)
    return memory.id === 0 ? this.#shareFirst(binary, memory) : memory
  }

  /** The binary that a message names; undefined when there is no such binary. O(1). */
  find(id: number, offset: number, length: number): Binary | undefined {
    const memory = this.#known.get(id)?.deref() ?? this.#hold(id)
    if (memory === undefined || offset + length > memory.length) return undefined
    if (length !== memory.length) return binaryIn(memory, offset, length)
    return (memory.whole ??= binaryIn(memory, 0, length))
  }

  load(memory: BinaryMemory): Uint8Array {
    return new Uint8Array(this.#addon.binaryMemory(memory.id))
  }

  /** A small part of a large memory gets one of its own, so that not all of it need cross. */
  #shareFirst(binary: Binary, memory: BinaryMemory): BinaryMemory | null {
    if (memory.length > LONGEST) return null
    if (binary.length < memory.length / 2) {
      const own = this.#remember(this.#addon.shareBinary(bytesOfBinary(binary)), binary.length)
      moveBinary(binary, own)
      return own
    }
    memory.id = this.#addon.shareBinary(memory.load())
    // Two copies would be one too many; whoever reads it looks at the shared one.
    memory.elsewhere = this
    memory.bytes = null
    if (binary.length === memory.length) memory.whole = binary
    this.#register(memory)
    return memory
  }

  #hold(id: number): BinaryMemory | undefined {
    const length = this.#addon.holdBinary(id)
    return length === -1 ? undefined : this.#remember(id, length)
  }

  #remember(id: number, length: number): BinaryMemory {
    const memory = new BinaryMemory(length, null)
    memory.id = id
    memory.elsewhere = this
    this.#register(memory)
    return memory
  }

  #register(memory: BinaryMemory): void {
    this.#known.set(memory.id, new WeakRef(memory))
    this.#ends.register(memory, memory.id)
  }

  /** The object for `id` is gone; there may be another by now. */
  #ended(id: number): void {
    if (this.#known.get(id)?.deref() === undefined) this.#known.delete(id)
    this.#addon.releaseBinary(id)
  }
}
