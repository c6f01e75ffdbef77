import type { Filter, Projection } from '../../ets-filter.js'
import { accessDenied, badPosition, badRow, noSuchKey, noSuchTable, notANumber, tableNameTaken, wrongKind } from '../../ets-errors.js'
import { type Pid, samePid } from '../../pid.js'
import { copyTerm } from '../../term/copy.js'
import {
  type Chunk,
  type Continuation,
  type CounterChange,
  type CountChunk,
  type Heir,
  type Inheritance,
  type KeyRange,
  type StoredRow,
  TableAccess,
  type TableFacts,
  type TableId,
  TableKind,
  type TableSpec,
  type TableStore,
  type WalkOptions,
} from '../stores.js'
import { compileFilter, compileProjection, keyRangeOf, singleKeyOf } from './tables-filter.js'
import { HashedRows } from './tables-hashed.js'
import { privateKey } from './tables-key.js'
import { beginsWith, prefixCursor } from './tables-prefix.js'
import { type RowCursor, type Rows, WHOLE } from './tables-rows.js'
import { TreeRows } from './tables-tree.js'

/** Most rows that one part of a walk visits. */
const MOST_VISITED = 10_000

interface PureTable {
  readonly id: TableId
  readonly kind: TableKind
  readonly access: TableAccess
  readonly keyPosition: number
  readonly rows: Rows
  name: string | null
  owner: Pid
  heir: Heir | null
}

/** Tables as JavaScript values: private copies in, private copies out. */
export class PureTables implements TableStore {
  readonly #isAlive: (pid: Pid) => boolean
  readonly #tables = new Map<number, PureTable>()
  readonly #named = new Map<string, PureTable>()
  /** By index of the owner. */
  readonly #owned = new Map<number, Set<PureTable>>()
  #lastIndex = 0

  /** `isAlive` is asked for heirs. */
  constructor(isAlive: (pid: Pid) => boolean) {
    this.#isAlive = isAlive
  }

  count(): number {
    return this.#tables.size
  }

  all(): TableId[] {
    return Array.from(this.#tables.values(), (table) => table.id)
  }

  create(caller: Pid, spec: TableSpec): TableId {
    const heir = spec.heir === null ? null : privateHeir(spec.heir)
    this.#refuseTaken(spec.name)
    const id: TableId = Object.freeze({ index: ++this.#lastIndex, generation: 1 })
    const table: PureTable = {
      id,
      kind: spec.kind,
      access: spec.access,
      keyPosition: spec.keyPosition,
      rows: spec.kind === TableKind.Set ? new HashedRows() : new TreeRows(),
      name: spec.name,
      owner: caller,
      heir,
    }
    this.#tables.set(id.index, table)
    if (spec.name !== null) this.#named.set(spec.name, table)
    this.#own(table, caller)
    return id
  }

  whereis(name: string): TableId | undefined {
    return this.#named.get(name)?.id
  }

  insert(id: TableId, caller: Pid, rows: readonly StoredRow[]): void {
    const table = this.#writable(id, caller)
    if (rows.length === 1) return putRow(table, privateRow(table, rows[0] as StoredRow))
    for (const row of rows.map((each) => privateRow(table, each))) putRow(table, row)
  }

  insertNew(id: TableId, caller: Pid, rows: readonly StoredRow[]): boolean {
    const table = this.#writable(id, caller)
    const copies = rows.map((row) => privateRow(table, row))
    if (copies.some((row) => table.rows.get(row[table.keyPosition]) !== undefined)) return false
    for (const row of copies) putRow(table, row)
    return true
  }

  lookup(id: TableId, caller: Pid, key: unknown): StoredRow | undefined {
    const table = this.#readable(id, caller)
    const row = table.rows.get(askedKey(table, key))
    return row === undefined ? undefined : copyTerm(row)
  }

  lookupElement(id: TableId, caller: Pid, key: unknown, position: number, fallback: unknown): unknown {
    const table = this.#readable(id, caller)
    const row = table.rows.get(askedKey(table, key))
    if (row === undefined) return fallback
    if (position >= row.length) throw badPosition(position, row.length)
    return copyTerm(row[position])
  }

  member(id: TableId, caller: Pid, key: unknown): boolean {
    const table = this.#readable(id, caller)
    return table.rows.get(askedKey(table, key)) !== undefined
  }

  /** The row is out of the table, so nothing is shared by handing it over. */
  take(id: TableId, caller: Pid, key: unknown): StoredRow | undefined {
    const table = this.#writable(id, caller)
    return table.rows.delete(askedKey(table, key))
  }

  delete(id: TableId, caller: Pid, key: unknown): boolean {
    return this.take(id, caller, key) !== undefined
  }

  deleteAll(id: TableId, caller: Pid): number {
    const { rows } = this.#writable(id, caller)
    const size = rows.size
    rows.clear()
    return size
  }

  drop(id: TableId, caller: Pid): void {
    this.#remove(this.#writable(id, caller))
  }

  addToCounter(id: TableId, caller: Pid, key: unknown, position: number, increment: number): number | bigint {
    const table = this.#writable(id, caller)
    const row = table.rows.get(askedKey(table, key))
    if (row === undefined) throw noSuchKey()
    // Nobody else has the table's own row, and nothing can fail any more once `count` writes to it.
    return count(table, row as unknown[], { position, increment, bounds: null })
  }

  updateCounter(
    id: TableId,
    caller: Pid,
    key: unknown,
    changes: readonly CounterChange[],
    defaultRow: StoredRow | null,
  ): (number | bigint)[] {
    const table = this.#writable(id, caller)
    const present = table.rows.get(askedKey(table, key))
    if (present === undefined && defaultRow === null) throw noSuchKey()
    const row = present === undefined ? rowWithKey(table, defaultRow as StoredRow, key) : [...present]
    const results = changes.map((change) => count(table, row, change))
    putRow(table, row)
    return results
  }

  updateElement(
    id: TableId,
    caller: Pid,
    key: unknown,
    changes: readonly (readonly [position: number, value: unknown])[],
  ): boolean {
    const table = this.#writable(id, caller)
    const present = table.rows.get(askedKey(table, key))
    if (present === undefined) return false
    const row = [...present]
    for (const [position, value] of changes) {
      refuseBadPosition(table, row, position)
      row[position] = copyTerm(value, 'value')
    }
    putRow(table, row)
    return true
  }

  first(id: TableId, caller: Pid): unknown {
    return keyOut(this.#readable(id, caller).rows.first())
  }

  last(id: TableId, caller: Pid): unknown {
    return keyOut(this.#readable(id, caller).rows.last())
  }

  next(id: TableId, caller: Pid, key: unknown): unknown {
    const table = this.#readable(id, caller)
    return keyOut(table.rows.next(askedKey(table, key)))
  }

  previous(id: TableId, caller: Pid, key: unknown): unknown {
    const table = this.#readable(id, caller)
    return keyOut(table.rows.previous(askedKey(table, key)))
  }

  range(id: TableId, caller: Pid, range: KeyRange, walk: WalkOptions): Chunk {
    const table = this.#readable(id, caller)
    if (table.kind !== TableKind.OrderedSet) throw wrongKind(id)
    return gather(table.rows.cursor(askedRange(range), walk.reverse, walk.continuation), walk.limit, copyTerm)
  }

  prefix(id: TableId, caller: Pid, prefix: unknown, walk: WalkOptions): Chunk {
    const { rows, kind, keyPosition } = this.#readable(id, caller)
    refuseUnordered(id, kind, walk.reverse)
    const checked: unknown = copyTerm(prefix, 'prefix')
    if (kind === TableKind.OrderedSet && !walk.reverse)
      return gather(prefixCursor(rows, keyPosition, checked, walk.continuation), walk.limit, copyTerm)
    return gather(rows.cursor(WHOLE, walk.reverse, walk.continuation), walk.limit, (row) =>
      beginsWith(row[keyPosition], checked) ? copyTerm(row) : LEAVE_OUT,
    )
  }

  select(id: TableId, caller: Pid, filter: Filter, projection: Projection, walk: WalkOptions): Chunk {
    const table = this.#readable(id, caller)
    refuseUnordered(id, table.kind, walk.reverse)
    const passes = compileFilter(filter)
    const project = compileProjection(projection)
    return gather(cursorFor(table, filter, walk.reverse, walk.continuation), walk.limit, (row) =>
      passes(row) ? project(row) : LEAVE_OUT,
    )
  }

  selectCount(id: TableId, caller: Pid, filter: Filter, continuation: Continuation | null): CountChunk {
    return this.#matching(this.#readable(id, caller), filter, continuation)
  }

  selectDelete(id: TableId, caller: Pid, filter: Filter, continuation: Continuation | null): CountChunk {
    const table = this.#writable(id, caller)
    const chunk = this.#matching(table, filter, continuation)
    for (const row of chunk.rows) table.rows.delete(row[table.keyPosition])
    return chunk
  }

  #matching(table: PureTable, filter: Filter, continuation: Continuation | null): CountChunk & { rows: StoredRow[] } {
    const passes = compileFilter(filter)
    const chunk = gather(cursorFor(table, filter, false, continuation), Infinity, (row) => (passes(row) ? row : LEAVE_OUT))
    const rows = chunk.results as StoredRow[]
    return { rows, count: rows.length, continuation: chunk.continuation, visited: chunk.visited }
  }

  facts(id: TableId): TableFacts | undefined {
    const table = this.#tables.get(id.index)
    if (table === undefined || table.id.generation !== id.generation) return undefined
    const { kind, access, keyPosition, name, owner, heir, rows } = table
    return { kind, access, keyPosition, name, owner, heir: heir === null ? null : heir.pid, size: rows.size, memory: 0 }
  }

  rename(id: TableId, caller: Pid, name: string | null): void {
    const table = this.#writable(id, caller)
    if (name === table.name) return
    this.#refuseTaken(name)
    if (table.name !== null) this.#named.delete(table.name)
    if (name !== null) this.#named.set(name, table)
    table.name = name
  }

  giveAway(id: TableId, caller: Pid, to: Pid): void {
    this.#changeOwner(this.#ownedBy(id, caller), to)
  }

  setHeir(id: TableId, caller: Pid, heir: Heir | null): void {
    this.#ownedBy(id, caller).heir = heir === null ? null : privateHeir(heir)
  }

  /** `pid` has ended: its tables go to their heirs, where these are alive, or away. The engine tells the heirs. */
  processExited(pid: Pid): Inheritance[] {
    const owned = this.#owned.get(pid.index)
    if (owned === undefined) return []
    const inherited: Inheritance[] = []
    for (const table of Array.from(owned)) {
      const { heir } = table
      if (heir === null || samePid(heir.pid, pid) || !this.#isAlive(heir.pid)) {
        this.#remove(table)
      } else {
        this.#changeOwner(table, heir.pid)
        inherited.push({ table: table.id, heir: heir.pid, data: copyTerm(heir.data) })
      }
    }
    return inherited
  }

  #find(id: TableId): PureTable {
    const table = this.#tables.get(id.index)
    if (table === undefined || table.id.generation !== id.generation) throw noSuchTable(id)
    return table
  }

  #readable(id: TableId, caller: Pid): PureTable {
    const table = this.#find(id)
    if (table.access === TableAccess.Private && !samePid(table.owner, caller)) throw accessDenied(id, caller, table.owner)
    return table
  }

  #writable(id: TableId, caller: Pid): PureTable {
    const table = this.#find(id)
    if (table.access !== TableAccess.Public && !samePid(table.owner, caller)) throw accessDenied(id, caller, table.owner)
    return table
  }

  #ownedBy(id: TableId, caller: Pid): PureTable {
    const table = this.#find(id)
    if (!samePid(table.owner, caller)) throw accessDenied(id, caller, table.owner)
    return table
  }

  #refuseTaken(name: string | null): void {
    if (name !== null && this.#named.has(name)) throw tableNameTaken(name)
  }

  #own(table: PureTable, pid: Pid): void {
    const owned = this.#owned.get(pid.index)
    if (owned === undefined) this.#owned.set(pid.index, new Set([table]))
    else owned.add(table)
  }

  #disown(table: PureTable): void {
    const { index } = table.owner
    const owned = this.#owned.get(index) as Set<PureTable>
    owned.delete(table)
    if (owned.size === 0) this.#owned.delete(index)
  }

  #changeOwner(table: PureTable, to: Pid): void {
    this.#disown(table)
    table.owner = to
    this.#own(table, to)
  }

  #remove(table: PureTable): void {
    this.#disown(table)
    this.#tables.delete(table.id.index)
    if (table.name !== null) this.#named.delete(table.name)
    table.rows.clear()
  }
}

/** A key to look for. The list of a set checks it itself; a tree compares, for which it must be a term. */
function askedKey(table: PureTable, key: unknown): unknown {
  return table.kind === TableKind.Set ? key : privateKey(key)
}

function askedRange({ from, to }: KeyRange): KeyRange {
  return {
    from: from === null ? null : { key: privateKey(from.key), exclusive: from.exclusive },
    to: to === null ? null : { key: privateKey(to.key), exclusive: to.exclusive },
  }
}

function privateHeir(heir: Heir): Heir {
  return { pid: heir.pid, data: copyTerm(heir.data, 'data') }
}

function privateRow(table: PureTable, row: StoredRow): unknown[] {
  const { keyPosition } = table
  if (row.length <= keyPosition) throw badRow(row.length, keyPosition)
  const copy = copyTerm(row, 'row') as unknown[]
  copy[keyPosition] = privateKey(copy[keyPosition])
  return copy
}

function rowWithKey(table: PureTable, row: StoredRow, key: unknown): unknown[] {
  if (row.length <= table.keyPosition) throw badRow(row.length, table.keyPosition)
  const copy = copyTerm(row, 'defaultRow') as unknown[]
  copy[table.keyPosition] = privateKey(key)
  return copy
}

function putRow(table: PureTable, row: StoredRow): void {
  table.rows.put(row[table.keyPosition], row)
}

/** Keys are as immutable as the rows they are in, but for objects. */
function keyOut(key: unknown): unknown {
  return typeof key === 'object' ? copyTerm(key) : key
}

function refuseBadPosition(table: PureTable, row: StoredRow, position: number): void {
  if (position >= row.length || position === table.keyPosition) throw badPosition(position, row.length)
}

/** Applies one change to `row`, a copy of the table's, and returns the new value. */
function count(table: PureTable, row: unknown[], change: CounterChange): number | bigint {
  const { position, increment, bounds } = change
  refuseBadPosition(table, row, position)
  const old = row[position]
  let value: number | bigint
  if (typeof old === 'number' && typeof increment === 'number') value = old + increment
  else if (typeof old === 'bigint' && typeof increment === 'bigint') value = old + increment
  else throw notANumber(position)
  if (bounds !== null && (increment < 0 ? value < bounds.threshold : value > bounds.threshold)) value = bounds.setTo
  row[position] = value
  return value
}

function refuseUnordered(id: TableId, kind: TableKind, reverse: boolean): void {
  if (reverse && kind !== TableKind.OrderedSet) throw wrongKind(id)
}

/** The shortest walk that meets every row for which `filter` may hold. */
function cursorFor(table: PureTable, filter: Filter, reverse: boolean, from: Continuation | null): RowCursor {
  const { rows, keyPosition, kind } = table
  if (kind === TableKind.OrderedSet) return rows.cursor(keyRangeOf(filter, keyPosition), reverse, from)
  const single = singleKeyOf(filter, keyPosition)
  return single.found ? new SingleRow(from === null ? rows.get(single.key) : undefined) : rows.cursor(WHOLE, false, from)
}

class SingleRow implements RowCursor {
  #row: StoredRow | undefined

  constructor(row: StoredRow | undefined) {
    this.#row = row
  }

  next(): StoredRow | undefined {
    const row = this.#row
    this.#row = undefined
    return row
  }

  position(): Continuation {
    return this
  }
}

const LEAVE_OUT: unique symbol = Symbol('viga.leave-out')

/** Goes on with a walk until there are `limit` results or it has visited enough. No row comes or goes meanwhile. */
function gather(cursor: RowCursor, limit: number, resultOf: (row: StoredRow) => unknown): Chunk {
  const results: unknown[] = []
  for (let visited = 0; ; visited++) {
    if (results.length >= limit || visited >= MOST_VISITED) return { results, continuation: cursor.position(), visited }
    const row = cursor.next()
    if (row === undefined) return { results, continuation: null, visited }
    const result = resultOf(row)
    if (result !== LEAVE_OUT) results.push(result)
  }
}
