import type { Filter, Projection } from '../../ets-filter.js'
import { tableNameTaken } from '../../ets-errors.js'
import { Pid } from '../../pid.js'
import { encodeKey, encodeRow, encodeTerm } from '../../term/encode.js'
import type { TermWriter } from '../../term/writer.js'
import {
  type Chunk,
  type Continuation,
  type CounterChange,
  type CountChunk,
  type Heir,
  type Inheritance,
  type KeyRange,
  NO_KEY,
  type StoredRow,
  type TableAccess,
  type TableFacts,
  type TableId,
  type TableKind,
  type TableSpec,
  type TableStore,
  type WalkOptions,
} from '../stores.js'
import { writeFilter, writeProjection } from './tables-filter.js'
import {
  ARG0, ARG1, ARG2, ARG3, ARG4, RET0, RET1, RET2, RET3, RET4, RET5, STATUS, Status, type StorePort, type TableFunction, type TablesAddon,
} from './tables-port.js'

const HAS_FROM = 1
const HAS_TO = 2
const FROM_EXCLUSIVE = 4
const TO_EXCLUSIVE = 8
const HAS_CONTINUATION = 16
const REVERSE = 32

/** In RET1 of etsLookupElement: the element is an integer, in RET2. */
const IN_A_WORD = 2

/** Rows freed at once of a large table that was dropped or emptied. */
const RECLAIMED_AT_ONCE = 2000

/** Tables in Rust (crates/ets): rows go there and come back encoded. See docs/design/native-tables.md for the calls. */
export class NativeTables implements TableStore {
  readonly #addon: TablesAddon
  readonly #port: StorePort
  /** By index: the key position, which rows are encoded by, of tables used here, and the generation it holds for. */
  readonly #keyPositions = new Map<number, { readonly generation: number; readonly keyPosition: number }>()
  #lastTable: TableId | undefined
  #lastKeyPosition = 0
  #reclaiming = false
  /** There may be tables to inherit: made here, or by an isolate that has ended. */
  #mayInherit = false

  constructor(addon: TablesAddon, port: StorePort) {
    this.#addon = addon
    this.#port = port
  }

  count(): number {
    this.#port.ready(this.#port.begin(), null, null)
    this.#addon.etsCount()
    return this.#port.unsigned(RET1)
  }

  all(): TableId[] {
    const port = this.#port
    port.ready(port.begin(), null, null)
    this.#addon.etsAll()
    const count = port.unsigned(RET1)
    const reader = port.results()
    return Array.from({ length: count }, () => ({ index: reader.uint32(), generation: reader.uint32() }))
  }

  create(caller: Pid, spec: TableSpec): TableId {
    const port = this.#port
    const { control } = port
    const writer = port.begin()
    if (spec.name !== null) encodeTerm(writer, spec.name)
    if (spec.heir !== null) this.#writeHeir(writer, spec.heir)
    port.ready(writer, null, caller)
    control[ARG0] = spec.kind
    control[ARG1] = spec.access
    control[ARG2] = spec.keyPosition
    control[ARG3] = spec.name === null ? 0 : 1
    control[ARG4] = spec.heir === null ? 0 : 1
    this.#addon.etsCreate()
    if (port.failed) throw control[STATUS] === Status.NameTaken ? tableNameTaken(spec.name as string) : port.defect()
    this.#mayInherit = true
    const id: TableId = Object.freeze({ index: port.unsigned(RET1), generation: port.unsigned(RET2) })
    this.#keyPositions.set(id.index, { generation: id.generation, keyPosition: spec.keyPosition })
    return id
  }

  whereis(name: string): TableId | undefined {
    const port = this.#port
    const writer = port.begin()
    encodeTerm(writer, name)
    port.ready(writer, null, null)
    this.#addon.etsWhereis()
    if (port.control[RET1] !== 1) return undefined
    return { index: port.unsigned(RET2), generation: port.unsigned(RET3) }
  }

  insert(table: TableId, caller: Pid, rows: readonly StoredRow[]): void {
    this.#sendRows(table, caller, rows)
    this.#addon.etsInsert()
    this.#port.check(table, caller)
  }

  insertNew(table: TableId, caller: Pid, rows: readonly StoredRow[]): boolean {
    this.#sendRows(table, caller, rows)
    this.#addon.etsInsertNew()
    this.#port.check(table, caller)
    return this.#port.control[RET1] === 1
  }

  #sendRows(table: TableId, caller: Pid, rows: readonly StoredRow[]): void {
    const keyPosition = this.#keyPositionOf(table)
    const port = this.#port
    const writer = port.begin()
    for (let index = 0; index < rows.length; index++) encodeRow(writer, rows[index] as StoredRow, keyPosition)
    port.ready(writer, table, caller)
    port.control[ARG2] = rows.length
  }

  lookup(table: TableId, caller: Pid, key: unknown): StoredRow | undefined {
    this.#sendKey(table, caller, key)
    this.#addon.etsLookup()
    return this.#rowFound(table, caller)
  }

  #sendKey(table: TableId, caller: Pid, key: unknown): void {
    const port = this.#port
    const writer = port.begin()
    encodeKey(writer, key)
    port.ready(writer, table, caller)
  }

  #rowFound(table: TableId, caller: Pid): StoredRow | undefined {
    const port = this.#port
    port.check(table, caller)
    return port.control[RET1] === 1 ? (port.results().term() as StoredRow) : undefined
  }

  lookupElement(table: TableId, caller: Pid, key: unknown, position: number, fallback: unknown): unknown {
    this.#sendKey(table, caller, key)
    this.#port.control[ARG2] = position
    this.#addon.etsLookupElement()
    const port = this.#port
    port.check(table, caller)
    const found = port.control[RET1]
    if (found === IN_A_WORD) return port.control[RET2]
    return found === 0 ? fallback : port.results().term()
  }

  member(table: TableId, caller: Pid, key: unknown): boolean {
    this.#sendKey(table, caller, key)
    this.#addon.etsMember()
    this.#port.check(table, caller)
    return this.#port.control[RET1] === 1
  }

  take(table: TableId, caller: Pid, key: unknown): StoredRow | undefined {
    this.#sendKey(table, caller, key)
    this.#addon.etsTake()
    return this.#rowFound(table, caller)
  }

  delete(table: TableId, caller: Pid, key: unknown): boolean {
    this.#sendKey(table, caller, key)
    this.#addon.etsDelete()
    this.#port.check(table, caller)
    return this.#port.control[RET1] === 1
  }

  deleteAll(table: TableId, caller: Pid): number {
    this.#call('etsDeleteAll', table, caller)
    const deleted = this.#port.unsigned(RET1)
    this.#reclaimIfLeft()
    return deleted
  }

  drop(table: TableId, caller: Pid): void {
    this.#call('etsDrop', table, caller)
    this.#keyPositions.delete(table.index)
    this.#reclaimIfLeft()
  }

  /** A call without arguments of its own. */
  #call(name: TableFunction, table: TableId, caller: Pid): void {
    const port = this.#port
    port.ready(port.begin(), table, caller)
    this.#addon[name]()
    port.check(table, caller)
  }

  #reclaimIfLeft(): void {
    if (this.#port.unsigned(RET2) > 0) this.#reclaimSoon()
  }

  /** Frees rows of large tables that have gone, part by part between turns of the event loop. */
  #reclaimSoon(): void {
    if (this.#reclaiming) return
    this.#reclaiming = true
    setImmediate(() => {
      this.#reclaiming = false
      this.#port.ready(this.#port.begin(), null, null)
      this.#port.control[ARG0] = RECLAIMED_AT_ONCE
      // Stays as it is when the runtime has been stopped meanwhile.
      this.#port.control[RET1] = 0
      this.#addon.etsReclaim()
      if (this.#port.control[RET1] === 1) this.#reclaimSoon()
    })
  }

  addToCounter(table: TableId, caller: Pid, key: unknown, position: number, increment: number): number | bigint {
    if ((increment | 0) !== increment)
      return this.updateCounter(table, caller, key, [{ position, increment, bounds: null }], null)[0] as number | bigint
    this.#sendKey(table, caller, key)
    const port = this.#port
    port.control[ARG2] = position
    port.control[ARG3] = increment
    this.#addon.etsCounterAdd()
    port.check(table, caller)
    return port.control[RET0] === 0 ? (port.control[RET1] as number) : (port.results().term() as number | bigint)
  }

  updateCounter(
    table: TableId,
    caller: Pid,
    key: unknown,
    changes: readonly CounterChange[],
    defaultRow: StoredRow | null,
  ): (number | bigint)[] {
    const keyPosition = defaultRow === null ? 0 : this.#keyPositionOf(table)
    const port = this.#port
    const writer = port.begin()
    encodeKey(writer, key)
    for (const change of changes) writeChange(writer, change)
    if (defaultRow !== null) encodeRow(writer, defaultRow, keyPosition, 'defaultRow')
    port.ready(writer, table, caller)
    port.control[ARG2] = changes.length
    port.control[ARG3] = defaultRow === null ? 0 : 1
    this.#addon.etsUpdateCounter()
    port.check(table, caller)
    const reader = port.results()
    return changes.map(() => reader.term() as number | bigint)
  }

  updateElement(
    table: TableId,
    caller: Pid,
    key: unknown,
    changes: readonly (readonly [position: number, value: unknown])[],
  ): boolean {
    const port = this.#port
    const writer = port.begin()
    encodeKey(writer, key)
    for (const [position, value] of changes) {
      writer.uint32(position)
      encodeTerm(writer, value, 'value')
    }
    port.ready(writer, table, caller)
    port.control[ARG2] = changes.length
    this.#addon.etsUpdateElement()
    port.check(table, caller)
    return port.control[RET1] === 1
  }

  first(table: TableId, caller: Pid): unknown {
    this.#call('etsFirst', table, caller)
    return this.#keyFound()
  }

  last(table: TableId, caller: Pid): unknown {
    this.#call('etsLast', table, caller)
    return this.#keyFound()
  }

  next(table: TableId, caller: Pid, key: unknown): unknown {
    this.#sendKey(table, caller, key)
    this.#addon.etsNext()
    this.#port.check(table, caller)
    return this.#keyFound()
  }

  previous(table: TableId, caller: Pid, key: unknown): unknown {
    this.#sendKey(table, caller, key)
    this.#addon.etsPrev()
    this.#port.check(table, caller)
    return this.#keyFound()
  }

  #keyFound(): unknown {
    return this.#port.control[RET1] === 1 ? this.#port.results().term() : NO_KEY
  }

  /** Goes on from the last key, beyond it: as a narrower range. */
  range(table: TableId, caller: Pid, range: KeyRange, walk: WalkOptions): Chunk {
    const port = this.#port
    const writer = port.begin()
    const fromFlags = writeBound(writer, range.from, walk.reverse ? null : walk.continuation, HAS_FROM, FROM_EXCLUSIVE)
    const toFlags = writeBound(writer, range.to, walk.reverse ? walk.continuation : null, HAS_TO, TO_EXCLUSIVE)
    port.ready(writer, table, caller)
    port.control[ARG2] = fromFlags | toFlags | (walk.reverse ? REVERSE : 0)
    port.control[ARG3] = limitWord(walk.limit)
    this.#addon.etsRange()
    return this.#readChunk(table, caller)
  }

  prefix(table: TableId, caller: Pid, prefix: unknown, walk: WalkOptions): Chunk {
    const writer = this.#port.begin()
    encodeKey(writer, prefix, 'prefix')
    this.#sendWalk(writer, table, caller, walk)
    this.#addon.etsPrefix()
    return this.#readChunk(table, caller)
  }

  select(table: TableId, caller: Pid, filter: Filter, projection: Projection, walk: WalkOptions): Chunk {
    const writer = this.#port.begin()
    writeFilter(writer, filter)
    writeProjection(writer, projection)
    this.#sendWalk(writer, table, caller, walk)
    this.#addon.etsSelect()
    return this.#readChunk(table, caller)
  }

  #sendWalk(writer: TermWriter, table: TableId, caller: Pid, walk: WalkOptions): void {
    const { limit, reverse, continuation } = walk
    const port = this.#port
    if (continuation !== null) writer.append(continuation as Uint8Array)
    port.ready(writer, table, caller)
    port.control[ARG2] = (continuation === null ? 0 : HAS_CONTINUATION) | (reverse ? REVERSE : 0)
    port.control[ARG3] = limitWord(limit)
  }

  #readChunk(table: TableId, caller: Pid): Chunk {
    const port = this.#port
    port.check(table, caller)
    const count = port.unsigned(RET1)
    const visited = port.unsigned(RET4)
    const reader = port.results()
    const results: unknown[] = []
    for (let read = 0; read < count; read++) results.push(reader.term())
    return { results, continuation: this.#continuation(reader.bytes), visited }
  }

  #continuation(bytes: Uint8Array): Continuation | null {
    const port = this.#port
    return port.control[RET2] === 1 ? bytes.slice(port.unsigned(RET3), port.unsigned(RET0)) : null
  }

  selectCount(table: TableId, caller: Pid, filter: Filter, continuation: Continuation | null): CountChunk {
    return this.#countChunk('etsSelectCount', table, caller, filter, continuation)
  }

  selectDelete(table: TableId, caller: Pid, filter: Filter, continuation: Continuation | null): CountChunk {
    return this.#countChunk('etsSelectDelete', table, caller, filter, continuation)
  }

  #countChunk(
    name: 'etsSelectCount' | 'etsSelectDelete',
    table: TableId,
    caller: Pid,
    filter: Filter,
    continuation: Continuation | null,
  ): CountChunk {
    const port = this.#port
    const writer = port.begin()
    writeFilter(writer, filter)
    this.#sendWalk(writer, table, caller, { limit: 1, reverse: false, continuation })
    this.#addon[name]()
    port.check(table, caller)
    const count = port.unsigned(RET1)
    const visited = port.unsigned(RET4)
    return { count, continuation: this.#continuation(port.results().bytes), visited }
  }

  facts(table: TableId): TableFacts | undefined {
    const port = this.#port
    port.ready(port.begin(), table, NOBODY)
    this.#addon.etsInfo()
    const { control } = port
    if (control[STATUS] === Status.NoSuchTable) return undefined
    port.check(table, NOBODY)
    const reader = port.results()
    const size = reader.float64()
    const memory = reader.float64()
    const owner = new Pid<unknown>(reader.uint32(), reader.uint32())
    return {
      kind: control[RET1] as TableKind,
      access: control[RET2] as TableAccess,
      keyPosition: control[RET3] as number,
      name: control[RET4] === 1 ? (reader.term() as string) : null,
      owner,
      heir: control[RET5] === 1 ? new Pid<unknown>(reader.uint32(), reader.uint32()) : null,
      size,
      memory,
    }
  }

  #keyPositionOf(table: TableId): number {
    // The id of one Table is one object, and what it names never changes.
    if (table === this.#lastTable) return this.#lastKeyPosition
    const keyPosition = this.#findKeyPosition(table)
    this.#lastTable = table
    this.#lastKeyPosition = keyPosition
    return keyPosition
  }

  #findKeyPosition(table: TableId): number {
    const known = this.#keyPositions.get(table.index)
    if (known !== undefined && known.generation === table.generation) return known.keyPosition
    const facts = this.facts(table)
    // That there is no such table is for the call itself to find out.
    if (facts === undefined) return 0
    this.#keyPositions.set(table.index, { generation: table.generation, keyPosition: facts.keyPosition })
    return facts.keyPosition
  }

  rename(table: TableId, caller: Pid, name: string | null): void {
    const port = this.#port
    const writer = port.begin()
    if (name !== null) encodeTerm(writer, name)
    port.ready(writer, table, caller)
    port.control[ARG2] = name === null ? 0 : 1
    this.#addon.etsRename()
    if (port.control[STATUS] === Status.NameTaken) throw tableNameTaken(name as string)
    port.check(table, caller)
  }

  giveAway(table: TableId, caller: Pid, to: Pid): void {
    const port = this.#port
    port.ready(port.begin(), table, caller)
    port.control[ARG2] = to.index
    port.control[ARG3] = to.serial
    this.#addon.etsGiveAway()
    port.check(table, caller)
  }

  setHeir(table: TableId, caller: Pid, heir: Heir | null): void {
    const port = this.#port
    const writer = port.begin()
    if (heir !== null) this.#writeHeir(writer, heir)
    port.ready(writer, table, caller)
    port.control[ARG2] = heir === null ? 0 : 1
    this.#addon.etsSetHeir()
    port.check(table, caller)
  }

  #writeHeir(writer: TermWriter, heir: Heir): void {
    writer.uint32(heir.pid.index)
    writer.uint32(heir.pid.serial)
    encodeTerm(writer, heir.data, 'data')
  }

  /** Another isolate may have ended, with owners of tables. */
  isolateMayHaveEnded(): void {
    this.#mayInherit = true
  }

  /**
   * To be called when processes have ended: tables that have gone to their heirs since the last call. The heirs, all alive, are
   * for the engine to tell. Sees to it that the rows of tables that have gone altogether are freed.
   */
  takeInheritances(): (Inheritance & { readonly from: Pid })[] {
    if (!this.#mayInherit) return NONE
    const port = this.#port
    port.ready(port.begin(), null, null)
    this.#addon.etsTransfers()
    const count = port.unsigned(RET1)
    this.#reclaimIfLeft()
    if (count === 0) return NONE
    const reader = port.results()
    return Array.from({ length: count }, () => ({
      table: { index: reader.uint32(), generation: reader.uint32() },
      from: new Pid<unknown>(reader.uint32(), reader.uint32()),
      heir: new Pid<unknown>(reader.uint32(), reader.uint32()),
      data: reader.term(),
    }))
  }
}

const NONE: never[] = []

/** For calls that anybody may make. */
const NOBODY = new Pid(0, 0)

function writeChange(writer: TermWriter, { position, increment, bounds }: CounterChange): void {
  writer.uint32(position)
  encodeTerm(writer, increment, 'increment')
  writer.byte(bounds === null ? 0 : 1)
  if (bounds === null) return
  encodeTerm(writer, bounds.threshold, 'threshold')
  encodeTerm(writer, bounds.setTo, 'setTo')
}

/** Writes one end of a range, or where a walk goes on instead; returns its flags. */
function writeBound(
  writer: TermWriter,
  bound: KeyRange['from'],
  continuation: Continuation | null,
  present: number,
  exclusive: number,
): number {
  if (continuation !== null) {
    writer.append(continuation as Uint8Array)
    return present | exclusive
  }
  if (bound === null) return 0
  encodeKey(writer, bound.key)
  return present | (bound.exclusive ? exclusive : 0)
}

/** No limit but those of a chunk. */
function limitWord(limit: number): number {
  return Math.min(limit, 0x7fffffff)
}
