/** Strings out of bytes: the part of decoding where most of the time goes. */

/**
 * Short strings read lately, found by a hash of their bytes: tags, names and the like come again and again, and one that
 * exists already costs no memory. Each new one replaces the one in its place.
 */
const recent: string[] = new Array<string>(1024).fill('')
/** Likewise for names of properties, as V8 has them in its table of names: any other string is looked up there at each use. */
const recentKeys: string[] = new Array<string>(1024).fill('')
const LONGEST_KEPT = 16
const LONGEST_KEY_KEPT = 32

/** The string of `length` (below 256) units in `bytes` from `start` on. O(length). */
export function readShortLatin1(bytes: Uint8Array, start: number, length: number): string {
  if (length > LONGEST_KEPT) return readLatin1(bytes, start, length)
  const place = placeOf(bytes, start, length)
  const kept = recent[place] as string
  if (kept.length === length && isIn(kept, bytes, start)) return kept
  return (recent[place] = make(bytes, start, length))
}

/** The same for the name of a property. */
export function readKey(bytes: Uint8Array, start: number, length: number): string {
  if (length > LONGEST_KEY_KEPT) return readLatin1(bytes, start, length)
  const place = placeOf(bytes, start, length)
  const kept = recentKeys[place] as string
  if (kept.length === length && isIn(kept, bytes, start)) return kept
  return (recentKeys[place] = Object.keys({ [make(bytes, start, length)]: 0 })[0] as string)
}

function placeOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = length
  for (let at = start; at < start + length; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0
  return (hash ^ (hash >>> 10)) & 1023
}

function make(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode.apply(null, bytes.subarray(start, start + length) as unknown as number[])
}

function isIn(text: string, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}

/** Arguments that one call of String.fromCharCode surely takes. */
const CHUNK = 4096

type BulkRead = (this: Uint8Array, start: number, end: number) => string
const bulk = (typeof Buffer === 'undefined' ? {} : Buffer.prototype) as { latin1Slice?: BulkRead; ucs2Slice?: BulkRead }
const { latin1Slice, ucs2Slice } = bulk

/** The string of `length` units, one a byte, from `start` on. O(length). */
export function readLatin1(bytes: Uint8Array, start: number, length: number): string {
  if (latin1Slice !== undefined) return latin1Slice.call(bytes, start, start + length)
  let text = ''
  for (let at = start; at < start + length; at += CHUNK)
    text += String.fromCharCode(...bytes.subarray(at, Math.min(at + CHUNK, start + length)))
  return text
}

/** The string of `length` UTF-16 units from `start` on, lone surrogates and all. O(length). */
export function readUtf16(bytes: Uint8Array, view: DataView, start: number, length: number): string {
  if (ucs2Slice !== undefined) return ucs2Slice.call(bytes, start, start + 2 * length)
  let text = ''
  for (let done = 0; done < length; done += CHUNK) {
    const units = new Uint16Array(Math.min(CHUNK, length - done))
    for (let index = 0; index < units.length; index++) units[index] = view.getUint16(start + 2 * (done + index), true)
    text += String.fromCharCode(...units)
  }
  return text
}
