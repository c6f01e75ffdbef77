import { ErrorCode, VigaError } from './errors.js'
import {
  type CounterChange,
  NO_KEY,
  type StoredRow,
  type TableAccess,
  type TableId,
  TableKind,
  type TableStore,
} from './engine/stores.js'
import { badPosition, noSuchTable, wrongKind } from './ets-errors.js'
import { Condition, EVERY_ROW, Field, type Filter, type Projection } from './ets-filter.js'
import { etsTransfer } from './ets-transfer.js'
import { Page, type TableWalk, walkAll } from './ets-walk.js'
import { Pid } from './pid.js'
import { copyTerm } from './term/copy.js'
import { activeEngine, currentProcess } from './runtime-state.js'

type Key<Row extends readonly unknown[], K extends number> = Row[K]

/** One addition of {@link Table.updateCounter}. */
export interface CounterUpdate<N extends number | bigint = number> {
  /** Counted from 0. */
  readonly position: number
  readonly increment: N
  /** A sum beyond this (above it; below it, when the increment is negative) becomes `setTo`. */
  readonly threshold?: N
  /** Goes with `threshold`. */
  readonly setTo?: N
}

type AnyCounterUpdate = CounterUpdate<number> | CounterUpdate<bigint>

export interface RangeOptions<K> {
  /** From this key on, or from beyond it. */
  readonly from?: K
  readonly after?: K
  /** Up to this key, or to before it. */
  readonly to?: K
  readonly before?: K
  /** From the last key down. */
  readonly reverse?: boolean
}

/** Says which rows: `(row) => row.element(2).gt(10)`. */
export type Where<Row> = (where: Field<Row>) => Condition

/** Says what to give of each row: a field, or an array of fields. */
type Fields = Field<unknown> | readonly Field<unknown>[]
type Projected<F> = F extends Field<infer T> ? T : { -readonly [I in keyof F]: F[I] extends Field<infer T> ? T : never }

export interface SelectOptions {
  /** From the last key down; tables of kind orderedSet only. */
  readonly reverse?: boolean
}

/** What is known of a table. */
export interface TableInfo {
  readonly id: TableId
  readonly name: string | undefined
  readonly kind: 'set' | 'orderedSet'
  readonly access: 'public' | 'protected' | 'private'
  readonly keyPosition: number
  readonly size: number
  /** Bytes held outside V8's heap; 0 on the pure engine. */
  readonly memory: number
  readonly owner: Pid<unknown>
  readonly heir: Pid<unknown> | undefined
}

const accessNames: Readonly<Record<TableAccess, TableInfo['access']>> = ['public', 'protected', 'private'] as const

/**
 * One table, see {@link ets}. `Row` is the type of its rows, `K` the position of the key.
 *
 * Every method throws ERR_VIGA_BAD_TABLE when the table is gone, or when the current process may not do this to it, and
 * ERR_VIGA_NOT_A_TERM for what is no term. "Process" is the current one, the scheduler's root process outside any.
 *
 * Costs: a set finds rows in O(1), an orderedSet in O(log n); both plus the size of key and row.
 */
export class Table<Row extends readonly unknown[] = unknown[], K extends number = 0> {
  /** Names the table in messages and in other tables, see `ets.open`. */
  readonly id: TableId
  readonly kind: 'set' | 'orderedSet'
  readonly keyPosition: K
  readonly #madeIn: TableStore

  /** Tables come from {@link ets}. */
  constructor(store: TableStore, id: TableId, kind: TableKind, keyPosition: K) {
    this.#madeIn = store
    this.id = id
    this.kind = kind === TableKind.Set ? 'set' : 'orderedSet'
    this.keyPosition = keyPosition
  }

  /** The store the table is in. After a restart of the runtime another table may have its number. */
  get #store(): TableStore {
    const engine = activeEngine()
    if (engine.tables !== this.#madeIn) throw noSuchTable(this.id)
    engine.charge(1)
    return this.#madeIn
  }

  /** Puts rows in, in place of those with the same keys. All of them or, when one is refused, none. */
  insert(...rows: Row[]): void {
    this.#store.insert(this.id, currentProcess().pid, checkRows(rows))
  }

  /** Puts rows in unless one of their keys is there; true when it did. */
  insertNew(...rows: Row[]): boolean {
    return this.#store.insertNew(this.id, currentProcess().pid, checkRows(rows))
  }

  /** The row with this key. */
  lookup(key: Key<Row, K>): Row | undefined {
    return this.#store.lookup(this.id, currentProcess().pid, key) as Row | undefined
  }

  /** One element of the row with this key; `fallback` when there is no such row. */
  lookupElement<P extends number>(key: Key<Row, K>, position: P): Row[P] | undefined
  lookupElement<P extends number, F>(key: Key<Row, K>, position: P, fallback: F): Row[P] | F
  lookupElement(key: Key<Row, K>, position: number, fallback?: unknown): unknown {
    checkPosition(position)
    return this.#store.lookupElement(this.id, currentProcess().pid, key, position, fallback)
  }

  member(key: Key<Row, K>): boolean {
    return this.#store.member(this.id, currentProcess().pid, key)
  }

  /** Removes the row with this key and returns it. */
  take(key: Key<Row, K>): Row | undefined {
    return this.#store.take(this.id, currentProcess().pid, key) as Row | undefined
  }

  /** Removes the row with this key; false when there is none. */
  delete(key: Key<Row, K>): boolean {
    return this.#store.delete(this.id, currentProcess().pid, key)
  }

  /** Empties the table; returns how many rows there were. */
  deleteAll(): number {
    return this.#store.deleteAll(this.id, currentProcess().pid)
  }

  /** Ends the table. */
  drop(): void {
    this.#store.drop(this.id, currentProcess().pid)
  }

  /**
   * Adds to numbers (or bigints) of the row with this key, as one step that no other process can come between, and gives the
   * new values: a number as `update` is added to the element after the key; several updates are applied in order, all or none.
   * Without such a row `defaultRow`, with `key` as its key, is put in first; without that, too, throws ERR_VIGA_BAD_ARGUMENT.
   *
   * @example
   * hits.updateCounter('/', 1, ['/', 0])                                               // 1
   * hits.updateCounter('/', { position: 1, increment: 5, threshold: 3, setTo: 0 })     // 0
   * hits.updateCounter('/', [{ position: 1, increment: 2 }, { position: 1, increment: 2 }]) // [2, 4]
   */
  updateCounter(key: Key<Row, K>, update: number | CounterUpdate, defaultRow?: Row): number
  updateCounter(key: Key<Row, K>, update: bigint | CounterUpdate<bigint>, defaultRow?: Row): bigint
  updateCounter(key: Key<Row, K>, updates: readonly CounterUpdate[], defaultRow?: Row): number[]
  updateCounter(key: Key<Row, K>, updates: readonly CounterUpdate<bigint>[], defaultRow?: Row): bigint[]
  updateCounter(
    key: Key<Row, K>,
    update: number | bigint | AnyCounterUpdate | readonly AnyCounterUpdate[],
    defaultRow?: Row,
  ): unknown {
    const caller = currentProcess().pid
    if (typeof update === 'number' && defaultRow === undefined)
      return this.#store.addToCounter(this.id, caller, key, this.keyPosition + 1, update)
    if (defaultRow === undefined && isPlainAddition(update)) {
      checkPosition(update.position)
      return this.#store.addToCounter(this.id, caller, key, update.position, update.increment)
    }
    const updates = isList(update) ? update : [this.#counterUpdate(update)]
    const checkedDefault = defaultRow === undefined ? null : (checkRows([defaultRow])[0] as StoredRow)
    const values = this.#store.updateCounter(this.id, caller, key, updates.map(counterChange), checkedDefault)
    return isList(update) ? values : values[0]
  }

  #counterUpdate(update: number | bigint | AnyCounterUpdate): AnyCounterUpdate {
    if (typeof update === 'object') return update
    const position = this.keyPosition + 1
    return typeof update === 'bigint' ? { position, increment: update } : { position, increment: update }
  }

  /** Replaces one element of the row with this key, not the key itself; false when there is no such row. */
  updateElement<P extends number>(key: Key<Row, K>, position: P, value: Row[P]): boolean
  /** Replaces several elements, all or none. */
  updateElement(key: Key<Row, K>, changes: readonly (readonly [position: number, value: unknown])[]): boolean
  updateElement(key: Key<Row, K>, where: number | readonly (readonly [number, unknown])[], value?: unknown): boolean {
    const changes = typeof where === 'number' ? [[where, value] as const] : where
    for (const [position] of changes) checkPosition(position)
    return this.#store.updateElement(this.id, currentProcess().pid, key, changes)
  }

  /** The first key in the table's order: ascending in an orderedSet, none in particular in a set. Undefined when it is empty. */
  first(): Key<Row, K> | undefined {
    return keyOrNone(this.#store.first(this.id, currentProcess().pid))
  }

  last(): Key<Row, K> | undefined {
    return keyOrNone(this.#store.last(this.id, currentProcess().pid))
  }

  /**
   * The key after this one; undefined at the end. In an orderedSet `key` need not be in the table. In a set it must
   * (ERR_VIGA_BAD_ARGUMENT), so a walk that deletes goes by `select` or iteration.
   */
  next(key: Key<Row, K>): Key<Row, K> | undefined {
    this.#checkPresent('next', key)
    return keyOrNone(this.#store.next(this.id, currentProcess().pid, key))
  }

  /** The key before this one, see {@link next}. */
  prev(key: Key<Row, K>): Key<Row, K> | undefined {
    this.#checkPresent('prev', key)
    return keyOrNone(this.#store.previous(this.id, currentProcess().pid, key))
  }

  #checkPresent(method: string, key: unknown): void {
    if (this.kind === 'set' && !this.#store.member(this.id, currentProcess().pid, key))
      throw new VigaError(
        ErrorCode.BadArgument,
        `${method}() from a key that is not in the table; in a set, which has no order, only keys in it have a next one`,
      )
  }

  /** Rows between two keys of an orderedSet, in order. O(log n + rows). Without `limit` all of them, with it pages. */
  range(options?: RangeOptions<Key<Row, K>>): Row[]
  range(options: RangeOptions<Key<Row, K>> & { readonly limit: number }): Page<Row>
  range(options: RangeOptions<Key<Row, K>> & { readonly limit?: number } = {}): Row[] | Page<Row> {
    if (this.kind === 'set') throw wrongKind(this.id)
    const from = bound(options, 'from', 'after')
    const to = bound(options, 'to', 'before')
    const reverse = options.reverse === true
    return this.#walk<Row>(options.limit, (limit, continuation) =>
      this.#store.range(this.id, currentProcess().pid, { from, to }, { limit, reverse, continuation }),
    )
  }

  /**
   * Rows whose key begins with `prefix`: strings with a string, Uint8Arrays with bytes, arrays with elements. An orderedSet goes
   * to them directly, a set visits every row.
   */
  prefix(prefix: unknown): Row[]
  prefix(prefix: unknown, options: { readonly limit: number }): Page<Row>
  prefix(prefix: unknown, options: { readonly limit?: number } = {}): Row[] | Page<Row> {
    if (typeof prefix !== 'string' && !Array.isArray(prefix) && !(prefix instanceof Uint8Array))
      throw new VigaError(ErrorCode.BadArgument, `prefix() of ${String(prefix)}; a string, an array or a Uint8Array is allowed`)
    return this.#walk<Row>(options.limit, (limit, continuation) =>
      this.#store.prefix(this.id, currentProcess().pid, prefix, { limit, reverse: false, continuation }),
    )
  }

  /**
   * Rows that fulfil a condition, or what `give` says of them. The condition is compiled and evaluated where the rows are, so
   * rows that do not fulfil it are never copied. Comparisons of the key with constants narrow the walk. Without `limit` an array of
   * all results; with it pages, between which the table may change: rows that stay are given exactly once.
   *
   * @example
   * people.select((row) => row.element(2).gt(30).and(row.element(1).ne('Ada')))
   * people.select((row) => row.element(2).gt(30), { give: (row) => row.element(1), limit: 100 })
   */
  select<const F extends Fields>(
    where: Where<Row>,
    options: SelectOptions & { readonly give: (row: Field<Row>) => F; readonly limit: number },
  ): Page<Projected<F>>
  select<const F extends Fields>(
    where: Where<Row>,
    options: SelectOptions & { readonly give: (row: Field<Row>) => F },
  ): Projected<F>[]
  select(where: Where<Row>, options: SelectOptions & { readonly limit: number }): Page<Row>
  select(where: Where<Row>, options?: SelectOptions): Row[]
  select(
    where: Where<Row>,
    options: SelectOptions & { readonly give?: (row: Field<Row>) => Fields; readonly limit?: number } = {},
  ): unknown {
    const filter = filterOf(where)
    const projection = options.give === undefined ? 'row' : projectionOf(options.give(new Field<Row>([])))
    const reverse = options.reverse === true
    if (reverse && this.kind === 'set') throw wrongKind(this.id)
    return this.#walk(options.limit, (limit, continuation) =>
      this.#store.select(this.id, currentProcess().pid, filter, projection, { limit, reverse, continuation }),
    )
  }

  /** How many rows fulfil a condition. O(rows visited). */
  selectCount(where: Where<Row>): number {
    return this.#countAll(filterOf(where), (filter, continuation) =>
      this.#store.selectCount(this.id, currentProcess().pid, filter, continuation),
    )
  }

  /** Removes the rows that fulfil a condition; returns how many there were. O(rows visited). */
  selectDelete(where: Where<Row>): number {
    return this.#countAll(filterOf(where), (filter, continuation) =>
      this.#store.selectDelete(this.id, currentProcess().pid, filter, continuation),
    )
  }

  /** All rows, copied part by part while the loop goes on: rows that stay are seen exactly once. */
  *[Symbol.iterator](): IterableIterator<Row> {
    for (let page: Page<Row> | undefined = this.#every(100); page !== undefined; page = page.next()) yield* page.rows
  }

  /** All rows. */
  toList(): Row[] {
    return this.#every(undefined)
  }

  /** Combines all rows, in the table's order, with what `step` gave for those before. */
  fold<A>(step: (row: Row, accumulated: A) => A, initial: A): A {
    let accumulated = initial
    for (const row of this) accumulated = step(row, accumulated)
    return accumulated
  }

  /** Number of rows. O(1). */
  get size(): number {
    return this.info().size
  }

  /** What is known of the table, for any process. O(1). */
  info(): TableInfo {
    const facts = this.#store.facts(this.id)
    if (facts === undefined) throw noSuchTable(this.id)
    return {
      id: this.id,
      name: facts.name ?? undefined,
      kind: this.kind,
      access: accessNames[facts.access],
      keyPosition: facts.keyPosition,
      size: facts.size,
      memory: facts.memory,
      owner: facts.owner as Pid<unknown>,
      heir: (facts.heir as Pid<unknown> | null) ?? undefined,
    }
  }

  /** Another name, or none. @throws ERR_VIGA_NAME_TAKEN. */
  rename(name: string | undefined): void {
    if (name === '') throw new VigaError(ErrorCode.BadArgument, 'rename(): the name is empty; non-empty strings, or undefined, are allowed')
    this.#store.rename(this.id, currentProcess().pid, name ?? null)
  }

  /** Makes `to` the owner and sends it an EtsTransfer with `data`. @throws ERR_VIGA_NO_PROCESS when it is not alive. */
  giveAway(to: Pid<never>, data?: unknown): void {
    const engine = activeEngine()
    if (!engine.isAlive(to)) throw new VigaError(ErrorCode.NoProcess, `giveAway(): ${String(to)} is not alive`)
    const from = currentProcess().pid
    const message = etsTransfer(this.id, from, copyTerm(data, 'data'))
    this.#store.giveAway(this.id, from, to)
    engine.send(to, message)
  }

  /** Who gets the table, and an EtsTransfer with `data`, when its owner ends; undefined for nobody. */
  setHeir(pid: Pid<never> | undefined, data?: unknown): void {
    if (pid !== undefined && !(pid instanceof Pid))
      throw new VigaError(ErrorCode.BadArgument, `setHeir(): ${String(pid)} is no pid; a Pid, or undefined, is allowed`)
    this.#store.setHeir(this.id, currentProcess().pid, pid === undefined ? null : { pid, data })
  }

  /** Ends the table, if it has not ended yet. */
  [Symbol.dispose](): void {
    const { tables } = activeEngine()
    if (tables === this.#madeIn && tables.facts(this.id) !== undefined) this.drop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]()
  }

  toString(): string {
    return `#Table<${this.id.index}.${this.id.generation}>`
  }

  #every(limit: undefined): Row[]
  #every(limit: number): Page<Row>
  #every(limit: number | undefined): Row[] | Page<Row> {
    return this.#walk<Row>(limit, (most, continuation) =>
      this.#store.select(this.id, currentProcess().pid, EVERY_ROW, 'row', { limit: most, reverse: false, continuation }),
    )
  }

  #walk<T>(limit: number | undefined, walk: TableWalk): T[] | Page<T> {
    return limit === undefined ? walkAll<T>(walk) : Page.first<T>(walk, limit)
  }

  #countAll(
    filter: Filter,
    part: (filter: Filter, continuation: object | null) => { count: number; continuation: object | null; visited: number },
  ): number {
    let counted = 0
    let continuation: object | null = null
    do {
      const chunk = part(filter, continuation)
      counted += chunk.count
      continuation = chunk.continuation
      activeEngine().charge(chunk.visited)
    } while (continuation !== null)
    return counted
  }
}

function keyOrNone(key: unknown): never | undefined {
  return key === NO_KEY ? undefined : (key as never)
}

function checkRows(rows: readonly (readonly unknown[])[]): readonly StoredRow[] {
  for (const row of rows)
    if (!Array.isArray(row))
      throw new VigaError(ErrorCode.BadArgument, `a row is ${row === null ? 'null' : `a ${typeof row}`}; arrays are allowed`)
  return rows
}

function checkPosition(position: number): void {
  if (!Number.isInteger(position) || position < 0 || position > 0x7fffffff) throw badPosition(position, 0)
}

function isList<T>(value: unknown | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}

/** True for one update with a number and without bounds: the common case, for which stores have a fast form. */
function isPlainAddition(update: unknown): update is CounterUpdate {
  if (typeof update !== 'object' || update === null) return false
  const { increment, threshold, setTo } = update as Partial<CounterUpdate>
  return typeof increment === 'number' && threshold === undefined && setTo === undefined
}

function counterChange(update: AnyCounterUpdate): CounterChange {
  if (typeof update !== 'object' || update === null)
    throw new VigaError(
      ErrorCode.BadArgument,
      `updateCounter: an update is ${String(update)}; a number, a bigint and { position, increment } are allowed`,
    )
  const { position, increment, threshold, setTo } = update
  checkPosition(position)
  if ((threshold === undefined) !== (setTo === undefined))
    throw new VigaError(ErrorCode.BadArgument, 'updateCounter: threshold and setTo go together; both or neither are allowed')
  return { position, increment, bounds: threshold === undefined ? null : { threshold, setTo: setTo as number | bigint } }
}

function filterOf<Row>(where: Where<Row>): Filter {
  const condition: unknown = where(new Field<Row>([]))
  if (condition instanceof Condition) return condition.filter
  throw new VigaError(
    ErrorCode.BadArgument,
    `a condition is a ${typeof condition}; what comparisons of fields give is allowed, like (row) => row.element(1).gt(10)`,
  )
}

function projectionOf(fields: Fields): Projection {
  return fields instanceof Field ? { path: fields.path } : { paths: fields.map((field) => field.path) }
}

function bound<T>(
  options: RangeOptions<T>,
  inclusive: 'from' | 'to',
  exclusive: 'after' | 'before',
): { key: unknown; exclusive: boolean } | null {
  if (Object.hasOwn(options, exclusive)) {
    if (Object.hasOwn(options, inclusive))
      throw new VigaError(ErrorCode.BadArgument, `range(): ${inclusive} and ${exclusive} are both given; one of them is allowed`)
    return { key: options[exclusive], exclusive: true }
  }
  return Object.hasOwn(options, inclusive) ? { key: options[inclusive], exclusive: false } : null
}
