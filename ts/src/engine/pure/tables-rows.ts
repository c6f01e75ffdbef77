import type { Continuation, KeyRange, StoredRow } from '../stores.js'

/** Goes through rows. No row may come or go while it is in use; afterwards `position` tells where to go on. */
export interface RowCursor {
  /** Undefined at the end. */
  next(): StoredRow | undefined
  /** After the row that `next` gave last. */
  position(): Continuation
}

/** The rows of one table by key. Keys and rows that are put in are private already (see tables-key.ts). */
export interface Rows {
  readonly size: number
  get(key: unknown): StoredRow | undefined
  /** Adds a row, or replaces that with the same key. */
  put(key: unknown, row: StoredRow): void
  delete(key: unknown): StoredRow | undefined
  clear(): void
  /** Keys in the order of the table; NO_KEY when there is none. `next` and `previous` take a key that may be missing. */
  first(): unknown
  last(): unknown
  next(key: unknown): unknown
  previous(key: unknown): unknown
  /** `range` and `reverse` need an order, see `ordered`. */
  cursor(range: KeyRange, reverse: boolean, from: Continuation | null): RowCursor
}

export const WHOLE: KeyRange = { from: null, to: null }
