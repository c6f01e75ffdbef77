import type { Binary } from '../binary.js'
import type { RecordShapes } from './record-shapes.js'

/** What a writer asks of whoever carries its bytes elsewhere. */
export interface Carrier {
  /** Null where all records bring their names. */
  readonly shapes: RecordShapes | null
  /** Makes room for `count` more bytes; may move what has been written from `start` on, and `start` with it. */
  makeRoom(count: number): void
  /** The place of `binary` in the list of those that travel with the record, which it joins; -1 for one to be written in line. */
  enlist(binary: Binary): number
}

/** Bytes that grow as they are written. One writer serves an isolate: `position` goes back to 0 for each use. */
export class TermWriter {
  bytes: Uint8Array
  view: DataView
  /** Where the next byte goes. */
  position = 0
  /** Where the record being written begins. */
  start = 0
  /** Null when the bytes stay and simply grow. */
  readonly carrier: Carrier | null

  constructor(bytes: Uint8Array = new Uint8Array(4096), carrier: Carrier | null = null) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.carrier = carrier
  }

  /** Makes sure that `count` more bytes fit. Amortised O(1). */
  reserve(count: number): void {
    if (this.position + count > this.bytes.length) this.makeRoom(count)
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

  /** Goes on in `bytes`, which hold what has been written so far. */
  moveTo(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Goes on in a larger copy. */
  grow(count: number): void {
    const bytes = new Uint8Array(Math.max(this.position + count, this.bytes.length * 2))
    bytes.set(this.bytes.subarray(0, this.position))
    this.moveTo(bytes)
  }

  private makeRoom(count: number): void {
    if (this.carrier === null) this.grow(count)
    else this.carrier.makeRoom(count)
  }
}
