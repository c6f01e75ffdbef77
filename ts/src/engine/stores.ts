/**
 * The part of the seam that holds data: tables (ets.ts) and registries (registry.ts). Native stores keep encoded terms in
 * Rust, pure ones keep JavaScript values; which one it is may not be seen from above.
 *
 * Conventions
 * - Keys, rows and values are taken as the caller has them: a store copies or encodes, refusing what is no term, and what it
 *   gives out is private to the receiver.
 * - Rows have been checked to be arrays, positions to be integers from 0 on. Everything else a store checks itself, throwing
 *   the errors of ets-errors.ts.
 * - Equality and order of keys are those of term/order.ts.
 * - `caller` is the process that acts: a table's access is checked against it.
 * - What the end of a process does to its tables and entries is between an engine and its stores. Before any DOWN is seen, tables
 *   have gone to their heirs, where these are alive (who receive the message of ets-transfer.ts), or away, and entries are gone.
 */
import type { Filter, Projection } from '../ets-filter.js'
import type { Pid } from '../pid.js'

/** Names one table, for ever. A term: it may be sent, and stored. */
export interface TableId {
  readonly index: number
  readonly generation: number
}

export const TableKind = { Set: 0, OrderedSet: 1 } as const
export type TableKind = (typeof TableKind)[keyof typeof TableKind]

export const TableAccess = { Public: 0, Protected: 1, Private: 2 } as const
export type TableAccess = (typeof TableAccess)[keyof typeof TableAccess]

export interface Heir {
  readonly pid: Pid
  readonly data: unknown
}

export interface TableSpec {
  readonly kind: TableKind
  readonly access: TableAccess
  readonly keyPosition: number
  readonly name: string | null
  readonly heir: Heir | null
}

export type StoredRow = readonly unknown[]

/** One addition of `updateCounter`. */
export interface CounterChange {
  readonly position: number
  readonly increment: number | bigint
  /** A result beyond `threshold` (above it, or below with a negative increment) becomes `setTo`. */
  readonly bounds: { readonly threshold: number | bigint; readonly setTo: number | bigint } | null
}

/** What `first` and its kin return when there is no such key. Never a key. */
export const NO_KEY: unique symbol = Symbol('viga.no-key')

/** Where a walk goes on. Opaque; what a store gave is given back to it. */
export type Continuation = object

/** Rows of an ordered_set between two keys. */
export interface KeyRange {
  readonly from: { readonly key: unknown; readonly exclusive: boolean } | null
  readonly to: { readonly key: unknown; readonly exclusive: boolean } | null
}

export interface WalkOptions {
  /** Most results, at least 1. */
  readonly limit: number
  /** From the last key down; ordered_set only. */
  readonly reverse: boolean
  readonly continuation: Continuation | null
}

/**
 * A part of a walk: at most `limit` results, and no more than 10,000 rows visited, so it may be empty without being the last.
 * Rows that are in the table during the whole walk are seen exactly once.
 */
export interface Chunk {
  readonly results: unknown[]
  /** Null when the walk is over. */
  readonly continuation: Continuation | null
  readonly visited: number
}

export interface CountChunk {
  readonly count: number
  readonly continuation: Continuation | null
  readonly visited: number
}

export interface TableFacts {
  readonly kind: TableKind
  readonly access: TableAccess
  readonly keyPosition: number
  readonly name: string | null
  readonly owner: Pid
  readonly heir: Pid | null
  readonly size: number
  /** Bytes held outside V8's heap; 0 on the pure engine. */
  readonly memory: number
}

/** A table that a process left behind and its heir has now. The engine sends the heir the message of ets-transfer.ts. */
export interface Inheritance {
  readonly table: TableId
  readonly heir: Pid
  readonly data: unknown
}

/** Tables of one engine. Costs are those of ets.ts. */
export interface TableStore {
  /** Number of tables alive. */
  count(): number
  all(): TableId[]
  create(caller: Pid, spec: TableSpec): TableId
  whereis(name: string): TableId | undefined
  insert(table: TableId, caller: Pid, rows: readonly StoredRow[]): void
  /** False, and nothing inserted, when one of the keys is there already. */
  insertNew(table: TableId, caller: Pid, rows: readonly StoredRow[]): boolean
  lookup(table: TableId, caller: Pid, key: unknown): StoredRow | undefined
  /** The element of the row; `fallback` when there is no row. */
  lookupElement(table: TableId, caller: Pid, key: unknown, position: number, fallback: unknown): unknown
  member(table: TableId, caller: Pid, key: unknown): boolean
  take(table: TableId, caller: Pid, key: unknown): StoredRow | undefined
  delete(table: TableId, caller: Pid, key: unknown): boolean
  /** Returns how many rows there were. */
  deleteAll(table: TableId, caller: Pid): number
  drop(table: TableId, caller: Pid): void
  /** The fast form of updateCounter. */
  addToCounter(table: TableId, caller: Pid, key: unknown, position: number, increment: number): number | bigint
  updateCounter(
    table: TableId,
    caller: Pid,
    key: unknown,
    changes: readonly CounterChange[],
    defaultRow: StoredRow | null,
  ): (number | bigint)[]
  /** False when there is no such row. */
  updateElement(
    table: TableId,
    caller: Pid,
    key: unknown,
    changes: readonly (readonly [position: number, value: unknown])[],
  ): boolean
  first(table: TableId, caller: Pid): unknown
  last(table: TableId, caller: Pid): unknown
  next(table: TableId, caller: Pid, key: unknown): unknown
  previous(table: TableId, caller: Pid, key: unknown): unknown
  range(table: TableId, caller: Pid, range: KeyRange, walk: WalkOptions): Chunk
  prefix(table: TableId, caller: Pid, prefix: unknown, walk: WalkOptions): Chunk
  select(table: TableId, caller: Pid, filter: Filter, projection: Projection, walk: WalkOptions): Chunk
  selectCount(table: TableId, caller: Pid, filter: Filter, continuation: Continuation | null): CountChunk
  selectDelete(table: TableId, caller: Pid, filter: Filter, continuation: Continuation | null): CountChunk
  /** Undefined when there is no such table. */
  facts(table: TableId): TableFacts | undefined
  rename(table: TableId, caller: Pid, name: string | null): void
  /** Changes the owner, who is alive; no message is sent. */
  giveAway(table: TableId, caller: Pid, to: Pid): void
  setHeir(table: TableId, caller: Pid, heir: Heir | null): void
}

export const RegistryKeys = { Unique: 0, Duplicate: 1 } as const
export type RegistryKeys = (typeof RegistryKeys)[keyof typeof RegistryKeys]

export interface RegistryEntry {
  readonly pid: Pid
  readonly value: unknown
}

export interface KeyedRegistryEntry extends RegistryEntry {
  readonly key: unknown
}

/** Registries of one engine, by name. All but `create` and `exists` throw ERR_VIGA_NO_SUCH_REGISTRY. */
export interface RegistryStore {
  /** Number of entries in all registries. */
  count(): number
  /** Throws ERR_VIGA_NAME_TAKEN. */
  create(name: string, keys: RegistryKeys): void
  exists(name: string): boolean
  drop(name: string): void
  /** The process that has the key already, in a registry of unique keys; undefined when it is registered now. */
  register(registry: string, pid: Pid, key: unknown, value: unknown): Pid | undefined
  /** Removes the entries of `pid` under `key`; returns how many there were. */
  unregister(registry: string, pid: Pid, key: unknown): number
  /** The first process registered under `key`. */
  whereis(registry: string, key: unknown): Pid | undefined
  /** Entries under `key` in order of registration. */
  lookup(registry: string, key: unknown): RegistryEntry[]
  /** Keys of `pid` in order of registration. */
  keys(registry: string, pid: Pid): unknown[]
  values(registry: string, pid: Pid, key: unknown): unknown[]
  /** Replaces the value of the first entry of `pid` under `key`; false when there is none. */
  updateValue(registry: string, pid: Pid, key: unknown, value: unknown): boolean
  size(registry: string): number
  entries(registry: string): KeyedRegistryEntry[]
}
