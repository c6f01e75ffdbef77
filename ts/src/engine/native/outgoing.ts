import type { Binary, BinaryMemory } from '../../binary.js'
import { ErrorCode, VigaError } from '../../errors.js'
import { copyReason } from '../../term/copy.js'
import { contentOf, writeMessage } from '../../term/encode-message.js'
import { NOT_A_TERM, refusal } from '../../term/refusal.js'
import type { RecordShapes } from '../../term/record-shapes.js'
import type { Shared } from '../../term/shared.js'
import type { SharedBinaries } from '../../term/shared-binaries.js'
import { type Carrier, TermWriter } from '../../term/writer.js'

/** Marks a handle as the place of a record instead of a value of this isolate: records begin at multiples of 8 bytes. */
export const FRAGMENT = 1 << 30

/** Bytes of a record before its binaries: the length of the term and the number of binaries. */
export const RECORD_HEAD = 8

/** Bytes of a binary that are copied with the message rather than shared. */
const LONGEST_INLINE = 64

/** Size of the buffer unless a record needs more. */
const USUAL_SIZE = 256 * 1024
/** A buffer beyond this is given up again once its records have crossed. */
const LARGEST_KEPT = 4 * 1024 * 1024
/** Most bytes of a buffer, and so of a message: 2 GiB. */
const LARGEST = 2 ** 31 - 8

export interface OutgoingPort {
  /** Crosses, so that the core copies the records that commands refer to, and calls `reset`. */
  readonly flush: () => void
  /** Tells the core where the buffer is now. */
  readonly attach: (bytes: Uint8Array) => void
}

/**
 * Messages on their way to other schedulers: records in one buffer, from which the core copies them at the next crossing.
 *
 * A handle that `put` gives must be in a command before the next `put`, which may have to flush.
 */
export class Outgoing implements Carrier {
  readonly shapes: RecordShapes | null
  readonly #writer: TermWriter
  readonly #port: OutgoingPort
  /** True while a record is being written. */
  #writing = false
  /** Several records are to cross together: none of them ahead of the others. */
  #together = false
  /** What a flush within a record threw: no fault of the message. */
  #flushFailure: { readonly thrown: unknown } | null = null
  /** Null where binaries travel in line, whatever their length. */
  readonly #binaries: SharedBinaries | null
  /** The binaries of the record being written. */
  #listed: BinaryMemory[] = []
  /** Those of the records that have not crossed: nobody else need have them until the core counts them. */
  #waiting: BinaryMemory[] = []

  /** Without `shared` all binaries travel in line and all records bring their names. */
  constructor(port: OutgoingPort, shared: Shared | null = null, size = USUAL_SIZE) {
    this.#binaries = shared === null ? null : shared.binaries
    this.shapes = shared === null ? null : shared.shapes
    this.#writer = new TermWriter(new Uint8Array(size), this)
    this.#port = port
    port.attach(this.#writer.bytes)
  }

  get bytes(): Uint8Array {
    return this.#writer.bytes
  }

  /** Where the next record will begin. */
  get position(): number {
    return this.#writing ? this.#writer.start : this.#writer.position
  }

  /**
   * Writes `value` as a record and gives its handle. `name` begins the path of a refusal. O(size).
   *
   * @throws ERR_VIGA_NOT_A_TERM as copyTerm does.
   */
  put(value: unknown, name = 'message'): number {
    if (this.#writing) return this.#putWithin(value, name)
    const writer = this.#writer
    this.#writing = true
    writer.start = writer.position
    try {
      writer.reserve(RECORD_HEAD)
      writer.position += RECORD_HEAD
      writeMessage(writer, value)
      return this.#finish(writer)
    } catch (thrown) {
      writer.position = writer.start
      if (this.#listed.length !== 0) this.#listed = []
      throw this.#failure(value, name, thrown)
    } finally {
      this.#writing = false
    }
  }

  /** The same for an exit reason, of which what is no term becomes a description, as copyReason has it. */
  putReason(reason: unknown): number {
    try {
      return this.put(reason, 'reason')
    } catch (error) {
      if (!(error instanceof VigaError)) throw error
      return this.put(copyReason(reason), 'reason')
    }
  }

  /** Has `write` put several records that cross together, at the next crossing and not before. */
  together<T>(write: (put: (value: unknown) => number) => T): T {
    this.#together = true
    try {
      return write((value) => this.put(value))
    } finally {
      this.#together = false
    }
  }

  /** The core has copied all records that are whole; their memory is used again. */
  reset(): void {
    const writer = this.#writer
    if (this.#waiting.length !== 0) this.#waiting = []
    if (this.#writing) {
      writer.bytes.copyWithin(0, writer.start, writer.position)
      writer.position -= writer.start
      writer.start = 0
      return
    }
    writer.position = 0
    if (writer.bytes.length > LARGEST_KEPT) this.#useBuffer(new Uint8Array(USUAL_SIZE))
  }

  /** For the writer: a flush, and if that is not enough a larger buffer. */
  makeRoom(count: number): void {
    const writer = this.#writer
    if (writer.start > 0 && !this.#together) this.#flush()
    const needed = writer.position + count
    if (needed <= writer.bytes.length) return
    if (needed > LARGEST)
      throw new VigaError(ErrorCode.BadArgument, `a message of more than ${LARGEST} bytes; at most that many are allowed`)
    this.#enlarge(Math.min(Math.max(needed, writer.bytes.length * 2), LARGEST))
  }

  /** For the writer: the place of `binary` in the record's list, or -1 when it is to be written in line. */
  enlist(binary: Binary): number {
    if (this.#binaries === null || binary.length <= LONGEST_INLINE) return -1
    const memory = this.#binaries.share(binary)
    if (memory === null) return -1
    const known = this.#listed.lastIndexOf(memory)
    return known === -1 ? this.#listed.push(memory) - 1 : known
  }

  #finish(writer: TermWriter): number {
    if (this.#listed.length !== 0) return this.#finishWithBinaries(writer)
    const { start, position, view } = writer
    view.setUint32(start, position - start - RECORD_HEAD, true)
    view.setUint32(start + 4, 0, true)
    writer.position = (position + 7) & ~7
    return FRAGMENT | (start / 8)
  }

  /** The list stands before the term, and its length is known only now. */
  #finishWithBinaries(writer: TermWriter): number {
    const listed = this.#listed
    const listBytes = 8 * listed.length
    writer.reserve(listBytes)
    const { start, position, view } = writer
    let at = start + RECORD_HEAD
    view.setUint32(start, position - at, true)
    view.setUint32(start + 4, listed.length, true)
    writer.bytes.copyWithin(at + listBytes, at, position)
    for (const memory of listed) {
      view.setUint32(at, memory.id % 0x1_0000_0000, true)
      view.setUint32(at + 4, memory.id / 0x1_0000_0000, true)
      at += 8
      if (this.#waiting[this.#waiting.length - 1] !== memory) this.#waiting.push(memory)
    }
    this.#listed = []
    writer.position = (position + listBytes + 7) & ~7
    return FRAGMENT | (start / 8)
  }

  #flush(): void {
    try {
      this.#port.flush()
    } catch (thrown) {
      this.#flushFailure = { thrown }
      throw NOT_A_TERM
    }
  }

  #failure(value: unknown, name: string, thrown: unknown): unknown {
    const flushFailure = this.#flushFailure
    this.#flushFailure = null
    return flushFailure === null ? refusal(contentOf(value), name, thrown) : flushFailure.thrown
  }

  #enlarge(size: number): void {
    const larger = new Uint8Array((size + 7) & ~7)
    larger.set(this.#writer.bytes.subarray(0, this.#writer.position))
    this.#useBuffer(larger)
  }

  #useBuffer(bytes: Uint8Array): void {
    this.#writer.moveTo(bytes)
    this.#port.attach(bytes)
  }

  /** A put by code that ran while a message was read (a getter that sends): its record goes ahead of the one begun. */
  #putWithin(value: unknown, name: string): number {
    const writer = this.#writer
    const begun = writer.written(writer.start)
    const listed = this.#listed
    this.#listed = []
    writer.position = writer.start
    this.#writing = false
    try {
      return this.put(value, name)
    } finally {
      this.#writing = true
      this.#listed = listed
      writer.start = writer.position
      const needed = writer.start + begun.length
      if (needed > writer.bytes.length) this.#enlarge(needed)
      writer.append(begun)
    }
  }
}
