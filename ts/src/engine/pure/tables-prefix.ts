/** Walks over the keys that begin with a prefix. */
import { compareTerms } from '../../term/order.js'
import type { Continuation, KeyRange, StoredRow } from '../stores.js'
import type { RowCursor, Rows } from './tables-rows.js'

/** Strings beginning with a string, Uint8Arrays with bytes, arrays with the elements of an array. */
export function beginsWith(key: unknown, prefix: unknown): boolean {
  if (typeof prefix === 'string') return typeof key === 'string' && key.startsWith(prefix)
  if (prefix instanceof Uint8Array)
    return key instanceof Uint8Array && key.length >= prefix.length && prefix.every((byte, at) => byte === key[at])
  if (!Array.isArray(prefix) || !Array.isArray(key) || key.length < prefix.length) return false
  return prefix.every((element, at) => compareTerms(element, key[at]) === 0)
}

/** The rows of an ordered table whose keys begin with `prefix`, ascending. O(log n) for each length of array among the keys. */
export function prefixCursor(rows: Rows, keyPosition: number, prefix: unknown, from: Continuation | null): RowCursor {
  const start: KeyRange = { from: { key: prefix, exclusive: false }, to: null }
  return new PrefixCursor(rows, keyPosition, prefix, rows.cursor(start, false, from))
}

class PrefixCursor implements RowCursor {
  readonly #rows: Rows
  readonly #keyPosition: number
  readonly #prefix: unknown
  #cursor: RowCursor

  constructor(rows: Rows, keyPosition: number, prefix: unknown, cursor: RowCursor) {
    this.#rows = rows
    this.#keyPosition = keyPosition
    this.#prefix = prefix
    this.#cursor = cursor
  }

  next(): StoredRow | undefined {
    for (;;) {
      const row = this.#cursor.next()
      if (row === undefined) return undefined
      const key = row[this.#keyPosition]
      if (beginsWith(key, this.#prefix)) return row
      const further = this.#furtherOn(key)
      if (further === undefined) return undefined
      this.#cursor = this.#rows.cursor({ from: { key: further, exclusive: false }, to: null }, false, null)
    }
  }

  /**
   * Shorter arrays stand before longer ones, so those with the prefix stand together for each length only. Met with a `key`
   * that has not the prefix, this is where the next that may have it can stand at the earliest.
   */
  #furtherOn(key: unknown): unknown {
    const prefix = this.#prefix
    if (!Array.isArray(prefix) || !Array.isArray(key)) return undefined
    const earliest = padded(prefix, key.length)
    return compareTerms(earliest, key) > 0 ? earliest : padded(prefix, key.length + 1)
  }

  position(): Continuation {
    return this.#cursor.position()
  }
}

/** The first array of `length` elements beginning with `prefix`: minus infinity stands before every other term. */
function padded(prefix: readonly unknown[], length: number): unknown[] {
  return [...prefix, ...new Array<unknown>(length - prefix.length).fill(-Infinity)]
}
