import { ErrorCode, VigaError } from '../../errors.js'
import { read, TermReader } from '../../term/decode.js'
import { readMessagePart } from '../../term/decode-message.js'
import { RECORD_HEAD } from './outgoing.js'

/** Messages from other schedulers: records (see Outgoing) that the core has put into one buffer. */
export class Incoming {
  readonly #reader: TermReader

  constructor(bytes: Uint8Array) {
    this.#reader = new TermReader(bytes, 0, readMessagePart)
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
    const start = offset + RECORD_HEAD
    if (start > view.byteLength) throw noRecord(offset)
    const end = start + view.getUint32(offset, true)
    if (end > view.byteLength) throw noRecord(offset)
    reader.position = start
    reader.end = end
    return read(reader, 0)
  }
}

function noRecord(offset: number): VigaError {
  return new VigaError(ErrorCode.BadArgument, `no record at byte ${offset} of the incoming buffer`)
}
