/** Bytes that grow as they are written. One writer serves an isolate: `position` goes back to 0 for each use. */
export class TermWriter {
  bytes: Uint8Array
  view: DataView
  /** Where the next byte goes. */
  position = 0

  constructor(bytes: Uint8Array = new Uint8Array(4096)) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Makes sure that `count` more bytes fit. Amortised O(1). */
  reserve(count: number): void {
    if (this.position + count > this.bytes.length) this.#grow(this.position + count)
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.position++] = value
  }

  uint32(value: number): void {
    this.reserve(4)
    this.view.setUint32(this.position, value, true)
    this.position += 4
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.position)
    this.position += bytes.length
  }

  /** A copy of what has been written from `start` on. */
  written(start = 0): Uint8Array {
    return this.bytes.slice(start, this.position)
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    bytes.set(this.bytes.subarray(0, this.position))
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}
