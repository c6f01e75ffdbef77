const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** Where the bytes of binaries are when they are not in V8's heap. */
export interface ForeignBytes {
  /** The bytes of a memory that has none here. */
  load(memory: BinaryMemory): Uint8Array
}

/** Bytes under a binary and its slices, for the codec alone. Nothing ever changes them. */
export class BinaryMemory {
  readonly length: number
  /** Null while they are elsewhere only. */
  bytes: Uint8Array | null
  /** Its number among the memories that isolates share; 0 for one of this isolate alone. */
  id = 0
  /** Knows the bytes that are not here. */
  elsewhere: ForeignBytes | null = null
  /** The binary of all the bytes, for who meets the memory again and again. */
  whole: Binary | null = null

  constructor(length: number, bytes: Uint8Array | null) {
    this.length = length
    this.bytes = bytes
  }

  load(): Uint8Array {
    return (this.bytes ??= (this.elsewhere as ForeignBytes).load(this))
  }
}

/** The bytes of a binary, for the codec alone: whoever has them must not write to them, nor hand them on. */
export let bytesOfBinary: (binary: Binary) => Uint8Array
/** A binary over `bytes` without a copy, for the codec alone: nobody else may hold the memory. */
export let binaryOver: (bytes: Uint8Array) => Binary
/** `length` bytes of a memory from `offset` on, for the codec alone. */
export let binaryIn: (memory: BinaryMemory, offset: number, length: number) => Binary
/** The memory of a binary, for the codec alone. */
export let memoryOfBinary: (binary: Binary) => BinaryMemory
/** Where in its memory a binary begins, for the codec alone. */
export let offsetOfBinary: (binary: Binary) => number
/** Lets a binary be all of a memory that has the same bytes, for the codec alone. */
export let moveBinary: (binary: Binary, memory: BinaryMemory) => void

/**
 * Immutable bytes. Unlike a `Uint8Array`, which is copied with every message, a `Binary` passes between the processes of an
 * isolate by reference, whatever its size, and between isolates when it is longer than 64 bytes; nothing can change it.
 *
 * @example
 * const greeting = Binary.from('hello')
 * greeting.length                 // 5
 * greeting.slice(1, 3).toString() // 'el'
 */
export class Binary {
  #memory: BinaryMemory
  #offset: number
  readonly #length: number

  static {
    bytesOfBinary = (binary) => binary.#bytes()
    binaryOver = (bytes) => new Binary(new BinaryMemory(bytes.length, bytes), 0, bytes.length)
    binaryIn = (memory, offset, length) => new Binary(memory, offset, length)
    memoryOfBinary = (binary) => binary.#memory
    offsetOfBinary = (binary) => binary.#offset
    moveBinary = (binary, memory) => {
      binary.#memory = memory
      binary.#offset = 0
    }
  }

  private constructor(memory: BinaryMemory, offset: number, length: number) {
    this.#memory = memory
    this.#offset = offset
    this.#length = length
  }

  /** A binary of these bytes (copied), or of the UTF-8 of this string. O(length). */
  static from(source: Uint8Array | string): Binary {
    return binaryOver(typeof source === 'string' ? encoder.encode(source) : new Uint8Array(source))
  }

  /** Number of bytes. */
  get length(): number {
    return this.#length
  }

  /** The byte at `index`, counted from the end when negative; undefined outside. O(1). */
  at(index: number): number | undefined {
    const whole = Math.trunc(index) || 0
    const from = whole < 0 ? whole + this.#length : whole
    return from < 0 || from >= this.#length ? undefined : this.#memory.load()[this.#offset + from]
  }

  /** Bytes `start` to before `end` (as in `Array.prototype.slice`), sharing the memory. O(1). */
  slice(start?: number, end?: number): Binary {
    const from = placeIn(this.#length, start, 0)
    const to = placeIn(this.#length, end, this.#length)
    return new Binary(this.#memory, this.#offset + from, Math.max(to - from, 0))
  }

  /** A copy that may be changed. O(length). */
  toUint8Array(): Uint8Array {
    return new Uint8Array(this.#bytes())
  }

  /** The bytes read as UTF-8; what is none becomes U+FFFD. */
  toString(): string {
    return decoder.decode(this.#bytes())
  }

  /** True when both hold the same bytes. O(length). */
  equals(other: Binary): boolean {
    if (this.#length !== other.#length) return false
    if (this.#memory === other.#memory && this.#offset === other.#offset) return true
    const mine = this.#bytes()
    const theirs = other.#bytes()
    for (let index = 0; index < mine.length; index++) if (mine[index] !== theirs[index]) return false
    return true
  }

  /** The bytes, one after the other. */
  *[Symbol.iterator](): IterableIterator<number> {
    const bytes = this.#bytes()
    for (let index = 0; index < bytes.length; index++) yield bytes[index] as number
  }

  #bytes(): Uint8Array {
    const bytes = this.#memory.load()
    return this.#length === bytes.length ? bytes : bytes.subarray(this.#offset, this.#offset + this.#length)
  }

  toJSON(): { type: 'Binary'; data: number[] } {
    return { type: 'Binary', data: [...this] }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const shown = Array.from(this.#bytes().subarray(0, 20), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return `#Binary<${this.length} bytes${shown === '' ? '' : `: ${shown}`}${this.length > 20 ? ' ...' : ''}>`
  }
}

/** A position as `Array.prototype.slice` takes it: from the end when negative, and never outside. */
function placeIn(length: number, position: number | undefined, otherwise: number): number {
  if (position === undefined) return otherwise
  const whole = Math.trunc(position) || 0
  return whole < 0 ? Math.max(whole + length, 0) : Math.min(whole, length)
}
