import type { Binary } from '../../binary.js'
import { ErrorCode, VigaError } from '../../errors.js'
import { malformed, type MessageParts, read, TermReader } from '../../term/decode.js'
import { readRequest } from '../../term/decode-message.js'
import type { RecordShapes } from '../../term/record-shapes.js'
import type { Shared } from '../../term/shared.js'
import type { SharedBinaries } from '../../term/shared-binaries.js'
import { Tag } from '../../term/tag.js'
import { RECORD_HEAD } from './outgoing.js'

/**
 * Messages from other schedulers: records (see Outgoing) that the core has put into one buffer. It must keep the binaries of a record
 * counted until the first crossing after the record has been read.
 */
export class Incoming implements MessageParts {
  readonly #reader: TermReader
  readonly #shapes: RecordShapes | null
  readonly #binaries: SharedBinaries | null
  /** The list of binaries of the record being read: where it begins, and its length. */
  #list = 0
  #listed = 0

  constructor(bytes: Uint8Array, shared: Shared | null = null) {
    this.#reader = new TermReader(bytes, 0, this)
    this.#binaries = shared === null ? null : shared.binaries
    this.#shapes = shared === null ? null : shared.shapes
  }

  get bytes(): Uint8Array {
    return this.#reader.bytes
  }

  /** The core writes to these bytes from now on. */
  attach(bytes: Uint8Array): void {
    this.#reader.moveTo(bytes)
  }

  /**
   * The message whose record begins at `offset`. O(size).
   *
   * @throws ERR_VIGA_BAD_ARGUMENT when the bytes there are no record.
   */
  read(offset: number): unknown {
    const reader = this.#reader
    const { view } = reader
    const list = offset + RECORD_HEAD
    if (list > view.byteLength) throw noRecord(offset)
    this.#list = list
    this.#listed = view.getUint32(offset + 4, true)
    const start = list + 8 * this.#listed
    const end = start + view.getUint32(offset, true)
    if (end > view.byteLength) throw noRecord(offset)
    reader.position = start
    reader.end = end
    return read(reader, 0)
  }

  /** For the reader: what only messages hold. */
  readPart(reader: TermReader, at: number, depth: number): unknown {
    return reader.bytes[at] === Tag.SharedBinary ? this.#readBinary(reader, at) : readRequest(reader, at, depth)
  }

  /** For the reader: a record whose names are known by a number. */
  readShaped(reader: TermReader, depth: number): object {
    const at = reader.position
    const make = this.#shapes === null ? undefined : this.#shapes.maker(reader.uint32())
    if (make === undefined) throw malformed(reader, at)
    return make(reader, depth)
  }

  #readBinary(reader: TermReader, at: number): Binary {
    const place = reader.uint32()
    const offset = reader.uint32()
    const length = reader.uint32()
    if (place >= this.#listed || this.#binaries === null) throw malformed(reader, at)
    const { view } = reader
    const entry = this.#list + 8 * place
    const id = view.getUint32(entry, true) + view.getUint32(entry + 4, true) * 0x1_0000_0000
    const binary = this.#binaries.find(id, offset, length)
    if (binary === undefined) throw malformed(reader, at)
    return binary
  }
}

function noRecord(offset: number): VigaError {
  return new VigaError(ErrorCode.BadArgument, `no record at byte ${offset} of the incoming buffer`)
}
