import { type Continuation, type KeyRange, NO_KEY, type StoredRow } from '../stores.js'
import { mapKey } from './tables-key.js'
import type { RowCursor, Rows } from './tables-rows.js'

/**
 * A row in the list of all rows, which is in order of insertion. One that has been deleted keeps `previous`: going back from it
 * leads to a row that is still there and had been visited before it, so a walk can go on after deletions.
 */
class Node {
  readonly key: unknown
  row: StoredRow
  previous: Node | null
  next: Node | null = null
  deleted = false

  constructor(key: unknown, row: StoredRow, previous: Node | null) {
    this.key = key
    this.row = row
    this.previous = previous
  }
}

/** Rows of a set: a Map, and a list through its rows. Every operation is O(1), composite keys O(size of the key). */
export class HashedRows implements Rows {
  readonly #nodes = new Map<unknown, Node>()
  #first: Node | null = null
  #last: Node | null = null

  get size(): number {
    return this.#nodes.size
  }

  get(key: unknown): StoredRow | undefined {
    return this.#nodes.get(mapKey(key))?.row
  }

  put(key: unknown, row: StoredRow): void {
    const hashed = mapKey(key)
    const known = this.#nodes.get(hashed)
    if (known !== undefined) {
      known.row = row
      return
    }
    const node = new Node(key, row, this.#last)
    if (this.#last === null) this.#first = node
    else this.#last.next = node
    this.#last = node
    this.#nodes.set(hashed, node)
  }

  delete(key: unknown): StoredRow | undefined {
    const hashed = mapKey(key)
    const node = this.#nodes.get(hashed)
    if (node === undefined) return undefined
    this.#nodes.delete(hashed)
    if (node.previous === null) this.#first = node.next
    else node.previous.next = node.next
    if (node.next === null) this.#last = node.previous
    else node.next.previous = node.previous
    node.deleted = true
    return node.row
  }

  clear(): void {
    for (let node = this.#first; node !== null; node = node.next) {
      node.deleted = true
      node.previous = null
    }
    this.#nodes.clear()
    this.#first = null
    this.#last = null
  }

  first(): unknown {
    return keyOf(this.#first)
  }

  last(): unknown {
    return keyOf(this.#last)
  }

  next(key: unknown): unknown {
    return keyOf(this.#nodes.get(mapKey(key))?.next ?? null)
  }

  previous(key: unknown): unknown {
    return keyOf(this.#nodes.get(mapKey(key))?.previous ?? null)
  }

  cursor(_range: KeyRange, _reverse: boolean, from: Continuation | null): RowCursor {
    return new ListCursor(from as Node | null, () => this.#first)
  }
}

function keyOf(node: Node | null): unknown {
  return node === null ? NO_KEY : node.key
}

class ListCursor implements RowCursor {
  #at: Node | null
  readonly #first: () => Node | null

  constructor(from: Node | null, first: () => Node | null) {
    this.#at = from
    this.#first = first
  }

  next(): StoredRow | undefined {
    let at = this.#at
    while (at !== null && at.deleted) at = at.previous
    const next = at === null ? this.#first() : at.next
    if (next === null) return undefined
    this.#at = next
    return next.row
  }

  position(): Continuation {
    return this.#at as Node
  }
}
