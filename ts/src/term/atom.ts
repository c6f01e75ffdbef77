/**
 * Atoms and their names in UTF-8, both ways. V8 looks registered symbols up in a slow table, so those seen are kept here: at
 * most 4,096 at a time.
 */
import { readShortLatin1 } from './read-string.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const MOST_KEPT = 4096

const encodings = new Map<symbol, Uint8Array>()
const atoms = new Map<string, symbol>()

/** The name of `atom` in UTF-8; undefined for a symbol that is none, or whose name is not representable (see the format). */
export function encodedAtom(atom: symbol): Uint8Array | undefined {
  return encodings.get(atom) ?? encodeNew(atom)
}

function encodeNew(atom: symbol): Uint8Array | undefined {
  const name = Symbol.keyFor(atom)
  if (name === undefined) return undefined
  const encoding = encoder.encode(name)
  if (encoding.length > 0xffff || decoder.decode(encoding) !== name) return undefined
  if (encodings.size >= MOST_KEPT) encodings.clear()
  encodings.set(atom, encoding)
  return encoding
}

/** The atom with the name in `bytes`, `length` of them from `start` on. */
export function readAtomNamed(bytes: Uint8Array, start: number, length: number): symbol {
  const name = isAscii(bytes, start, length) ? readShortLatin1(bytes, start, length) : decodeName(bytes, start, length)
  const known = atoms.get(name)
  if (known !== undefined) return known
  const atom = Symbol.for(name)
  if (atoms.size >= MOST_KEPT) atoms.clear()
  atoms.set(name, atom)
  return atom
}

function decodeName(bytes: Uint8Array, start: number, length: number): string {
  return decoder.decode(bytes.subarray(start, start + length))
}

function isAscii(bytes: Uint8Array, start: number, length: number): boolean {
  for (let at = start; at < start + length; at++) if ((bytes[at] as number) > 127) return false
  return true
}
