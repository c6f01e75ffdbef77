/** Keys of tables and registries on the pure engine. */
import { Binary } from '../../binary.js'
import { Pid } from '../../pid.js'
import { Ref } from '../../ref.js'
import { decodeTerm } from '../../term/decode.js'
import { encodeKey } from '../../term/encode.js'
import { TermWriter } from '../../term/writer.js'

const writer = new TermWriter()

/** Begins the strings that stand for keys which are no primitives; strings of the user's beginning with it are escaped. */
const ESCAPE = '\udfff'

/** A private copy of `key` as it comes out of a table again: in canonical form, so -0 is 0 and objects are sorted. */
export function privateKey(key: unknown): unknown {
  switch (typeof key) {
    case 'number':
      return key + 0
    case 'string':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return key
    default:
      if (key === null || key instanceof Pid || key instanceof Ref || key instanceof Binary) return key
      return decodeTerm(canonicalBytes(key))
  }
}

/**
 * What stands for `key` in a JavaScript Map: equal terms give the same, others do not. Primitives stand for themselves; the
 * rest is told apart by its canonical bytes.
 */
export function mapKey(key: unknown): unknown {
  switch (typeof key) {
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return key
    case 'string':
      return key.startsWith(ESCAPE) ? ESCAPE + key : key
    default:
      return key === null ? null : ESCAPE + String.fromCharCode(0) + latin1(canonicalBytes(key))
  }
}

/** Valid until the next call. */
function canonicalBytes(key: unknown): Uint8Array {
  writer.position = 0
  encodeKey(writer, key)
  return writer.bytes.subarray(0, writer.position)
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  return text
}
