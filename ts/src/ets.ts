/**
 * Tables of rows, shared by all processes: Erlang's ets. A row is an array, one of its elements (`keyPosition`, the first by
 * default) is its key. Rows are copied in and copied out, so a table shares no objects with anybody. Unlike the state of a
 * server, a table is read and written without asking the process that owns it.
 *
 * A table lives as long as the process that made it, unless it has an heir or is given away. A table made outside any process
 * belongs to the scheduler's root process, and lives until it is dropped.
 */
import { ErrorCode, VigaError } from './errors.js'
import { type Heir, TableAccess, type TableId, TableKind, type TableSpec } from './engine/stores.js'
import { noSuchTable } from './ets-errors.js'
import { Table } from './ets-table.js'
import { Pid } from './pid.js'
import { refuseIfEnded } from './process/operation.js'
import { activeEngine, currentProcess } from './runtime-state.js'

export { Table }
export { type EtsTransfer, isEtsTransfer } from './ets-transfer.js'
export type { CounterUpdate, RangeOptions, SelectOptions, TableInfo, Where } from './ets-table.js'
export type { Condition, Field, TermType } from './ets-filter.js'
export type { Page } from './ets-walk.js'
export type { TableId } from './engine/stores.js'

export interface TableOptions {
  /** `set` (default) finds rows by key; `orderedSet` keeps them in the order of their keys as well. */
  readonly kind?: 'set' | 'orderedSet'
  /** Where in a row its key is, counted from 0 (default). */
  readonly keyPosition?: number
  /** `public`: all processes read and write. `protected` (default): the owner writes. `private`: the owner reads, too. */
  readonly access?: 'public' | 'protected' | 'private'
  /** A unique name, for `ets.whereis`. */
  readonly name?: string
  /** Who gets the table when its owner ends, with an {@link EtsTransfer} message that has `data`. */
  readonly heir?: { readonly pid: Pid<never>; readonly data?: unknown }
}

const MOST_KEY_POSITION = 65_535

const kinds = { set: TableKind.Set, orderedSet: TableKind.OrderedSet } as const
const accesses = {
  public: TableAccess.Public,
  protected: TableAccess.Protected,
  private: TableAccess.Private,
} as const

/**
 * Makes a table, owned by the current process. `Row` is the type of its rows; the key's position is part of the table's type, so
 * pass `keyPosition` as a literal.
 *
 * @throws ERR_VIGA_NAME_TAKEN, ERR_VIGA_BAD_ARGUMENT.
 *
 * @example
 * const rooms = ets.create<[name: string, guests: number]>('rooms', { access: 'public' })
 * rooms.insert(['blue', 2])
 * rooms.lookup('blue')           // ['blue', 2]
 * rooms.updateCounter('blue', 3) // 5
 */
function create<Row extends readonly unknown[] = unknown[]>(
  name: string,
  options?: TableOptions & { readonly keyPosition?: 0 },
): Table<Row, 0>
function create<Row extends readonly unknown[] = unknown[]>(
  options?: TableOptions & { readonly keyPosition?: 0 },
): Table<Row, 0>
function create<Row extends readonly unknown[], K extends number>(
  name: string,
  options: TableOptions & { readonly keyPosition: K },
): Table<Row, K>
function create<Row extends readonly unknown[], K extends number>(
  options: TableOptions & { readonly keyPosition: K },
): Table<Row, K>
function create(nameOrOptions?: string | TableOptions, further?: TableOptions): Table<unknown[], number> {
  const options = typeof nameOrOptions === 'object' ? nameOrOptions : (further ?? {})
  const spec = specOf(typeof nameOrOptions === 'string' ? nameOrOptions : options.name, options)
  const owner = currentProcess()
  refuseIfEnded(owner, 'ets.create()')
  const engine = activeEngine()
  engine.charge(1)
  const { tables } = engine
  return new Table(tables, tables.create(owner.pid, spec), spec.kind, spec.keyPosition)
}

function specOf(name: string | undefined, options: TableOptions): TableSpec {
  const { kind = 'set', access = 'protected', keyPosition = 0, heir } = options
  if (!Object.hasOwn(kinds, kind)) throw badOption('kind', kind, "'set' and 'orderedSet' are allowed")
  if (!Object.hasOwn(accesses, access)) throw badOption('access', access, "'public', 'protected' and 'private' are allowed")
  if (!Number.isInteger(keyPosition) || keyPosition < 0 || keyPosition > MOST_KEY_POSITION)
    throw badOption('keyPosition', keyPosition, `positions of elements, counted from 0 to ${MOST_KEY_POSITION}, are allowed`)
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw badOption('name', name, 'non-empty strings are allowed')
  return { kind: kinds[kind], access: accesses[access], keyPosition, name: name ?? null, heir: heirOf(heir) }
}

function heirOf(heir: TableOptions['heir']): Heir | null {
  if (heir === undefined) return null
  if (!(heir.pid instanceof Pid)) throw badOption('heir.pid', heir.pid, 'a Pid is allowed')
  return { pid: heir.pid, data: heir.data }
}

function badOption(option: string, given: unknown, allowed: string): VigaError {
  return new VigaError(ErrorCode.BadArgument, `ets.create(): ${option} is ${String(given)}; ${allowed}`)
}

/** The table with this name; undefined when there is none. The type is the caller's promise. O(1). */
function whereis<Row extends readonly unknown[] = unknown[], K extends number = 0>(
  name: string,
): Table<Row, K> | undefined {
  const engine = activeEngine()
  engine.charge(1)
  const id = engine.tables.whereis(name)
  return id === undefined ? undefined : open<Row, K>(id)
}

/**
 * The table that `id` names: `table.id` may be sent to other processes, the `Table` itself may not.
 *
 * @throws ERR_VIGA_BAD_TABLE when it is gone.
 */
function open<Row extends readonly unknown[] = unknown[], K extends number = 0>(id: TableId): Table<Row, K> {
  const engine = activeEngine()
  engine.charge(1)
  const { tables } = engine
  const facts = tables.facts(id)
  if (facts === undefined) throw noSuchTable(id)
  return new Table<Row, K>(tables, id, facts.kind, facts.keyPosition as K)
}

/** All tables there are. O(number of tables). */
function all(): TableId[] {
  const engine = activeEngine()
  const tables = engine.tables.all()
  engine.charge(tables.length + 1)
  return tables
}

export const ets = { new: create, create, whereis, open, all } as const
