/** Walks over tables, in parts. */
import type { Chunk, Continuation } from './engine/stores.js'
import { ErrorCode, VigaError } from './errors.js'
import { activeEngine } from './runtime-state.js'

/** One part of a walk, from `continuation` on. */
export type TableWalk = (limit: number, continuation: Continuation | null) => Chunk

/** Most results that one call of an engine is asked for. */
const PART = 1000

/** A part of a walk, and the parts after it. */
export class Page<T> {
  readonly rows: T[]
  readonly #walk: TableWalk
  readonly #limit: number
  readonly #continuation: Continuation | null

  private constructor(rows: T[], walk: TableWalk, limit: number, continuation: Continuation | null) {
    this.rows = rows
    this.#walk = walk
    this.#limit = limit
    this.#continuation = continuation
  }

  static first<T>(walk: TableWalk, limit: number): Page<T> | never {
    if (!Number.isInteger(limit) || limit < 1)
      throw new VigaError(ErrorCode.BadArgument, `limit is ${String(limit)}; integers from 1 on are allowed`)
    return Page.#from<T>(walk, limit, null)
  }

  /** The next `limit` results, fewer at the end; undefined when there are none left. */
  next(): Page<T> | undefined {
    if (this.#continuation === null) return undefined
    const page = Page.#from<T>(this.#walk, this.#limit, this.#continuation)
    return page.rows.length === 0 ? undefined : page
  }

  static #from<T>(walk: TableWalk, limit: number, from: Continuation | null): Page<T> {
    const rows: T[] = []
    const continuation = gather(walk, limit, from, rows)
    return new Page(rows, walk, limit, continuation)
  }
}

/** All results of a walk. */
export function walkAll<T>(walk: TableWalk): T[] {
  const results: T[] = []
  gather(walk, Infinity, null, results)
  return results
}

/** Goes on until there are `limit` results or no more rows. */
function gather(walk: TableWalk, limit: number, from: Continuation | null, into: unknown[]): Continuation | null {
  let continuation = from
  do {
    const chunk = walk(Math.min(PART, limit - into.length), continuation)
    for (const result of chunk.results) into.push(result)
    continuation = chunk.continuation
    activeEngine().charge(chunk.visited)
  } while (continuation !== null && into.length < limit)
  return continuation
}
