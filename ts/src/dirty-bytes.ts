import { encodeTerm } from './term/encode.js'
import { TermWriter } from './term/writer.js'

/** A buffer that has grown beyond this is handed over itself, instead of a copy of what is in it. */
const LARGEST_KEPT = 256 * 1024

let writer = new TermWriter()

/**
 * `value` in the term format, in a buffer that nobody else has and that may be transferred; there may be more in the buffer, behind the bytes.
 *
 * @throws ERR_VIGA_NOT_A_TERM with a path that begins with `name`.
 */
export function encodedForTransfer(value: unknown, name: string): Uint8Array {
  const used = writer
  used.position = 0
  encodeTerm(used, value, name)
  if (used.bytes.length <= LARGEST_KEPT) return used.written()
  writer = new TermWriter()
  return used.bytes.subarray(0, used.position)
}
