const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** The memory of a binary, for the codec alone: whoever has it must not write to it, nor hand it on. */
export let bytesOfBinary: (binary: Binary) => Uint8Array
/** A binary over `bytes` without a copy, for the codec alone: nobody else may hold the memory. */
export let binaryOver: (bytes: Uint8Array) => Binary

/**
 * Immutable bytes. Unlike a `Uint8Array`, which is copied with every message, a `Binary` passes between the processes of an
 * isolate by reference, whatever its size; nothing can change it.
 *
 * @example
 * const greeting = Binary.from('hello')
 * greeting.length                 // 5
 * greeting.slice(1, 3).toString() // 'el'
 */
export class Binary {
  readonly #bytes: Uint8Array

  static {
    bytesOfBinary = (binary) => binary.#bytes
    binaryOver = (bytes) => new Binary(bytes)
  }

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** A binary of these bytes (copied), or of the UTF-8 of this string. O(length). */
  static from(source: Uint8Array | string): Binary {
    return new Binary(typeof source === 'string' ? encoder.encode(source) : new Uint8Array(source))
  }

  /** Number of bytes. */
  get length(): number {
    return this.#bytes.length
  }

  /** The byte at `index`, counted from the end when negative; undefined outside. O(1). */
  at(index: number): number | undefined {
    return this.#bytes.at(index)
  }

  /** Bytes `start` to before `end` (as in `Array.prototype.slice`), sharing the memory. O(1). */
  slice(start?: number, end?: number): Binary {
    return new Binary(this.#bytes.subarray(start, end))
  }

  /** A copy that may be changed. O(length). */
  toUint8Array(): Uint8Array {
    return new Uint8Array(this.#bytes)
  }

  /** The bytes read as UTF-8; what is none becomes U+FFFD. */
  toString(): string {
    return decoder.decode(this.#bytes)
  }

  /** True when both hold the same bytes. O(length). */
  equals(other: Binary): boolean {
    const mine = this.#bytes
    const theirs = other.#bytes
    if (mine.length !== theirs.length) return false
    for (let index = 0; index < mine.length; index++) if (mine[index] !== theirs[index]) return false
    return true
  }

  /** The bytes, one after the other. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let index = 0; index < this.#bytes.length; index++) yield this.#bytes[index] as number
  }

  toJSON(): { type: 'Binary'; data: number[] } {
    return { type: 'Binary', data: [...this] }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const shown = Array.from(this.#bytes.subarray(0, 20), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    return `#Binary<${this.length} bytes${shown === '' ? '' : `: ${shown}`}${this.length > 20 ? ' ...' : ''}>`
  }
}
