/**
 * A B+tree: rows in leaves that are chained both ways, branches above them with the lowest key of each child but the first.
 * Nodes are split when they are full. A node that becomes empty is taken out, one that becomes small is not merged: the height
 * is bounded by the largest size the table has had, which keeps every operation O(log n) of that.
 *
 * Invariants: keys ascend strictly within a node and along the chain; in a branch, everything below child i is at or above
 * keys[i - 1] and below keys[i]; no node but the root is empty.
 */
import { compareTerms } from '../../term/order.js'
import { type Continuation, type KeyRange, NO_KEY, type StoredRow } from '../stores.js'
import type { RowCursor, Rows } from './tables-rows.js'

/** Most keys in a leaf, and most children of a branch. */
const FULL = 64

class Leaf {
  keys: unknown[]
  rows: StoredRow[]
  previous: Leaf | null = null
  next: Leaf | null = null

  constructor(keys: unknown[], rows: StoredRow[]) {
    this.keys = keys
    this.rows = rows
  }
}

class Branch {
  /** One less than children. */
  keys: unknown[]
  children: TreeNode[]

  constructor(keys: unknown[], children: TreeNode[]) {
    this.keys = keys
    this.children = children
  }
}

type TreeNode = Leaf | Branch

/** The upper half of a node that was split, and the lowest key in it. */
interface Split {
  readonly key: unknown
  readonly node: TreeNode
}

/** Position of the first key that is not below `key`. */
function lowerBound(keys: readonly unknown[], key: unknown): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareTerms(keys[middle], key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Position of the first key above `key`: the child of a branch that holds `key`. */
function upperBound(keys: readonly unknown[], key: unknown): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareTerms(keys[middle], key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Rows of an ordered set. */
export class TreeRows implements Rows {
  #root: TreeNode = new Leaf([], [])
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: unknown): StoredRow | undefined {
    const leaf = this.#leafFor(key)
    const at = lowerBound(leaf.keys, key)
    return at < leaf.keys.length && compareTerms(leaf.keys[at], key) === 0 ? leaf.rows[at] : undefined
  }

  put(key: unknown, row: StoredRow): void {
    const split = this.#putBelow(this.#root, key, row)
    if (split !== null) this.#root = new Branch([split.key], [this.#root, split.node])
  }

  #putBelow(node: TreeNode, key: unknown, row: StoredRow): Split | null {
    if (node instanceof Leaf) return this.#putInLeaf(node, key, row)
    const child = upperBound(node.keys, key)
    const split = this.#putBelow(node.children[child] as TreeNode, key, row)
    if (split === null) return null
    node.keys.splice(child, 0, split.key)
    node.children.splice(child + 1, 0, split.node)
    return node.children.length > FULL ? splitBranch(node) : null
  }

  #putInLeaf(leaf: Leaf, key: unknown, row: StoredRow): Split | null {
    const at = lowerBound(leaf.keys, key)
    if (at < leaf.keys.length && compareTerms(leaf.keys[at], key) === 0) {
      leaf.rows[at] = row
      return null
    }
    leaf.keys.splice(at, 0, key)
    leaf.rows.splice(at, 0, row)
    this.#size++
    // Rows that come in ascending order leave full leaves behind instead of halves.
    return leaf.keys.length > FULL ? splitLeaf(leaf, at === FULL && leaf.next === null ? FULL : FULL >> 1) : null
  }

  delete(key: unknown): StoredRow | undefined {
    const row = this.#deleteBelow(this.#root, key)
    while (this.#root instanceof Branch && this.#root.children.length <= 1)
      this.#root = this.#root.children[0] ?? new Leaf([], [])
    return row
  }

  #deleteBelow(node: TreeNode, key: unknown): StoredRow | undefined {
    if (node instanceof Leaf) return this.#deleteInLeaf(node, key)
    const child = upperBound(node.keys, key)
    const below = node.children[child] as TreeNode
    const row = this.#deleteBelow(below, key)
    if (isEmpty(below)) {
      node.children.splice(child, 1)
      node.keys.splice(Math.max(0, child - 1), 1)
      if (below instanceof Leaf) unchain(below)
    }
    return row
  }

  #deleteInLeaf(leaf: Leaf, key: unknown): StoredRow | undefined {
    const at = lowerBound(leaf.keys, key)
    if (at === leaf.keys.length || compareTerms(leaf.keys[at], key) !== 0) return undefined
    const row = leaf.rows[at]
    leaf.keys.splice(at, 1)
    leaf.rows.splice(at, 1)
    this.#size--
    return row
  }

  clear(): void {
    this.#root = new Leaf([], [])
    this.#size = 0
  }

  first(): unknown {
    return keyAt(this.#outermost(0), 0)
  }

  last(): unknown {
    const leaf = this.#outermost(-1)
    return keyAt(leaf, leaf.keys.length - 1)
  }

  next(key: unknown): unknown {
    const leaf = this.#leafFor(key)
    const at = upperBound(leaf.keys, key)
    return at < leaf.keys.length ? leaf.keys[at] : leaf.next === null ? NO_KEY : keyAt(leaf.next, 0)
  }

  previous(key: unknown): unknown {
    const leaf = this.#leafFor(key)
    const at = lowerBound(leaf.keys, key) - 1
    if (at >= 0) return leaf.keys[at]
    return leaf.previous === null ? NO_KEY : keyAt(leaf.previous, leaf.previous.keys.length - 1)
  }

  cursor(range: KeyRange, reverse: boolean, from: Continuation | null): RowCursor {
    const start = from === null ? (reverse ? range.to : range.from) : { key: (from as KeyPosition).key, exclusive: true }
    return reverse ? this.#downFrom(start, range.from) : this.#upFrom(start, range.to)
  }

  #upFrom(start: KeyRange['from'], end: KeyRange['to']): RowCursor {
    if (start === null) return new TreeCursor(this.#outermost(0), 0, 1, end)
    const leaf = this.#leafFor(start.key)
    const at = start.exclusive ? upperBound(leaf.keys, start.key) : lowerBound(leaf.keys, start.key)
    return new TreeCursor(leaf, at, 1, end)
  }

  #downFrom(start: KeyRange['to'], end: KeyRange['from']): RowCursor {
    if (start === null) {
      const leaf = this.#outermost(-1)
      return new TreeCursor(leaf, leaf.keys.length - 1, -1, end)
    }
    const leaf = this.#leafFor(start.key)
    const at = start.exclusive ? lowerBound(leaf.keys, start.key) : upperBound(leaf.keys, start.key)
    return new TreeCursor(leaf, at - 1, -1, end)
  }

  /** The only leaf that may have `key`. Everything above `key` is in it or after it, everything below in it or before. */
  #leafFor(key: unknown): Leaf {
    let node = this.#root
    while (node instanceof Branch) node = node.children[upperBound(node.keys, key)] as TreeNode
    return node
  }

  /** The first leaf (child 0) or the last (child -1). */
  #outermost(child: 0 | -1): Leaf {
    let node = this.#root
    while (node instanceof Branch) node = node.children.at(child) as TreeNode
    return node
  }
}

function keyAt(leaf: Leaf, at: number): unknown {
  return at >= 0 && at < leaf.keys.length ? leaf.keys[at] : NO_KEY
}

function isEmpty(node: TreeNode): boolean {
  return node instanceof Leaf ? node.keys.length === 0 : node.children.length === 0
}

function unchain(leaf: Leaf): void {
  if (leaf.previous !== null) leaf.previous.next = leaf.next
  if (leaf.next !== null) leaf.next.previous = leaf.previous
}

/** Moves the keys from `at` on into a new leaf. */
function splitLeaf(leaf: Leaf, at: number): Split {
  const upper = new Leaf(leaf.keys.splice(at), leaf.rows.splice(at))
  upper.previous = leaf
  upper.next = leaf.next
  if (leaf.next !== null) leaf.next.previous = upper
  leaf.next = upper
  return { key: upper.keys[0], node: upper }
}

function splitBranch(branch: Branch): Split {
  const half = branch.children.length >> 1
  const upper = new Branch(branch.keys.splice(half), branch.children.splice(half))
  return { key: branch.keys.pop(), node: upper }
}

/** Where a walk over a tree goes on: beyond this key, which may have gone. */
class KeyPosition {
  readonly key: unknown

  constructor(key: unknown) {
    this.key = key
  }
}

class TreeCursor implements RowCursor {
  #leaf: Leaf | null
  #at: number
  readonly #step: 1 | -1
  readonly #end: KeyRange['from']
  #key: unknown

  constructor(leaf: Leaf, at: number, step: 1 | -1, end: KeyRange['from']) {
    this.#leaf = leaf
    this.#at = at
    this.#step = step
    this.#end = end
  }

  next(): StoredRow | undefined {
    let leaf = this.#leaf
    if (leaf !== null && (this.#at < 0 || this.#at >= leaf.keys.length)) {
      leaf = this.#leaf = this.#step === 1 ? leaf.next : leaf.previous
      if (leaf !== null) this.#at = this.#step === 1 ? 0 : leaf.keys.length - 1
    }
    if (leaf === null || leaf.keys.length === 0) return undefined
    const key = leaf.keys[this.#at]
    if (this.#end !== null && this.#isBeyond(key, this.#end)) return undefined
    this.#key = key
    const row = leaf.rows[this.#at]
    this.#at += this.#step
    return row
  }

  #isBeyond(key: unknown, end: NonNullable<KeyRange['from']>): boolean {
    const past = compareTerms(key, end.key) * this.#step
    return past > 0 || (past === 0 && end.exclusive)
  }

  position(): Continuation {
    return new KeyPosition(this.#key)
  }
}
