import { ErrorCode, VigaError } from '../../errors.js'
import { Pid } from '../../pid.js'
import { TermReader } from '../../term/decode.js'
import { TermWriter } from '../../term/writer.js'
import { accessDenied, badPosition, badRow, noSuchKey, noSuchTable, notANumber, wrongKind } from '../../ets-errors.js'
import type { TableId } from '../stores.js'

/** The addon's functions for tables and registries: no arguments, no results, see docs/design/native-tables.md. */
export type TablesAddon = {
  tablesAttach(control: Int32Array, scratch: Uint8Array): void
  tablesReadOverflow(target: Uint8Array): void
} & Record<TableFunction | RegistryFunction, () => void>

export type TableFunction =
  | 'etsCreate' | 'etsWhereis' | 'etsInsert' | 'etsInsertNew' | 'etsLookup' | 'etsLookupElement' | 'etsMember' | 'etsTake'
  | 'etsDelete' | 'etsDeleteAll' | 'etsDrop' | 'etsReclaim' | 'etsCounterAdd' | 'etsUpdateCounter' | 'etsUpdateElement'
  | 'etsFirst' | 'etsLast' | 'etsNext' | 'etsPrev' | 'etsRange' | 'etsPrefix' | 'etsSelect' | 'etsSelectCount'
  | 'etsSelectDelete' | 'etsTransfers' | 'etsInfo' | 'etsRename' | 'etsGiveAway' | 'etsSetHeir' | 'etsAll' | 'etsCount'

export type RegistryFunction =
  | 'registryCreate' | 'registryFind' | 'registryDrop' | 'registryRegister' | 'registryUnregister' | 'registryWhereis'
  | 'registryLookup' | 'registryKeys' | 'registryValues' | 'registryUpdateValue' | 'registryCount' | 'registryCountAll'
  | 'registryEntries'

/** Words of the control block. */
export const STATUS = 0
export const RET0 = 1
export const RET1 = 2
export const RET2 = 3
export const RET3 = 4
export const RET4 = 5
export const RET5 = 6
export const ARG0 = 9
export const ARG1 = 10
export const ARG2 = 11
export const ARG3 = 12
export const ARG4 = 13
const ARG5 = 14
const ARG6 = 15
const ARG7 = 16
const WORDS = 32

/** Values of STATUS that concern the public layer. */
export const Status = {
  Done: 0,
  Overflow: 1,
  NoSuchTable: 16,
  Access: 17,
  BadRow: 19,
  NameTaken: 21,
  BadPosition: 22,
  NotANumber: 23,
  NoSuchKey: 24,
  OutOfMemory: 27,
  Limit: 28,
  NoSuchRegistry: 29,
  WrongKind: 31,
} as const

const SCRATCH_BYTES = 64 * 1024

/**
 * The control block and the scratch that one isolate shares with Rust. A call is: `begin`, arguments into the writer, `ready`,
 * arguments into `control`, the addon's function, `check`, results out of `control` and `results()`.
 */
export class StorePort {
  readonly control = new Int32Array(WORDS)
  readonly #addon: TablesAddon
  #writer = new TermWriter(new Uint8Array(SCRATCH_BYTES))
  /** Reads what Rust has for scratch: the memory of the writer that was ready last. */
  #reader = new TermReader(new Uint8Array(0))
  #writing = false

  constructor(addon: TablesAddon) {
    this.#addon = addon
    this.#attach(this.#writer)
  }

  #attach(writer: TermWriter): void {
    this.#writer = writer
    this.#reader = new TermReader(writer.bytes)
    this.#addon.tablesAttach(this.control, writer.bytes)
  }

  /**
   * Where the arguments of a call go. Writing them can run code of the user's (a getter), and that can use a table: it gets
   * another writer, so does the first call after one whose arguments were refused.
   */
  begin(): TermWriter {
    if (this.#writing) this.#writer = new TermWriter(new Uint8Array(SCRATCH_BYTES))
    this.#writing = true
    const writer = this.#writer
    writer.position = 0
    return writer
  }

  /** The arguments of a call, on the table or registry `id` and by `caller`, are complete. */
  ready(writer: TermWriter, id: TableId | null, caller: Pid | null): void {
    const { control } = this
    this.#writing = false
    if (writer.bytes !== this.#reader.bytes) this.#attach(writer)
    control[ARG5] = writer.position
    if (id !== null) {
      control[ARG0] = id.index
      control[ARG1] = id.generation
    }
    if (caller !== null) {
      control[ARG6] = caller.index
      control[ARG7] = caller.serial
    }
  }

  /** True when the last call could not be done; `refusal` tells why. */
  get failed(): boolean {
    return (this.control[STATUS] as number) > Status.Overflow
  }

  /** Throws what the last call, on `table` and by `caller`, was refused with. */
  check(table: TableId, caller: Pid): void {
    if (this.failed) throw this.refusal(table, caller)
  }

  /** Where the results of the last call are. Valid until the next call. */
  results(): TermReader {
    if (this.control[STATUS] === Status.Overflow) {
      const bytes = new Uint8Array((this.control[RET0] as number) >>> 0)
      this.#addon.tablesReadOverflow(bytes)
      return new TermReader(bytes)
    }
    this.#reader.position = 0
    return this.#reader
  }

  unsigned(word: number): number {
    return (this.control[word] as number) >>> 0
  }

  /** The error for a status of 16 and up. */
  refusal(table: TableId, caller: Pid): VigaError {
    const { control } = this
    switch (control[STATUS]) {
      case Status.NoSuchTable:
        return noSuchTable(table)
      case Status.Access:
        return accessDenied(table, caller, new Pid(this.unsigned(RET1), this.unsigned(RET2)))
      case Status.BadRow:
        return badRow(control[RET1] as number, control[RET2] as number)
      case Status.BadPosition:
        return badPosition(this.unsigned(RET1), this.unsigned(RET2))
      case Status.NotANumber:
        return notANumber(this.unsigned(RET1))
      case Status.NoSuchKey:
        return noSuchKey()
      case Status.WrongKind:
        return wrongKind(table)
      default:
        return this.defect()
    }
  }

  /** The error for a status that the arguments cannot be blamed for. */
  defect(): VigaError {
    const status = this.control[STATUS]
    if (status === Status.OutOfMemory)
      return new VigaError(ErrorCode.SystemLimit, 'there is no memory left for the row; delete rows or tables')
    if (status === Status.Limit)
      return new VigaError(ErrorCode.SystemLimit, 'there are as many tables or registries as can be; drop some')
    return new VigaError(ErrorCode.BadArgument, `the native engine refused the call with status ${status}, which is a defect of viga`)
  }
}
