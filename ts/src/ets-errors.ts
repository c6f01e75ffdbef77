/** What a table or registry refuses, worded once for both engines. */
import { ErrorCode, VigaError } from './errors.js'
import type { TableId } from './engine/stores.js'
import type { Pid } from './pid.js'

export function tableText(table: TableId, name?: string | null): string {
  return name === undefined || name === null ? `#Table<${table.index}.${table.generation}>` : JSON.stringify(name)
}

export function noSuchTable(table: TableId): VigaError {
  return new VigaError(ErrorCode.BadTable, `no table ${tableText(table)}: it has been dropped, or its owner has ended`)
}

export function accessDenied(table: TableId, caller: Pid, owner: Pid): VigaError {
  return new VigaError(
    ErrorCode.BadTable,
    `${tableText(table)} belongs to ${String(owner)}; ${String(caller)} may not do this to it (access public: anyone reads and writes; protected: others read; private: the owner alone; giving away and heirs: the owner alone)`,
  )
}

export function tableNameTaken(name: string): VigaError {
  return new VigaError(ErrorCode.NameTaken, `a table has the name ${JSON.stringify(name)} already; names of tables are unique`)
}

export function badRow(length: number, keyPosition: number): VigaError {
  return new VigaError(
    ErrorCode.BadArgument,
    `a row of ${length} elements has none at the table's key position, ${keyPosition} (counted from 0)`,
  )
}

export function badPosition(position: number, length: number): VigaError {
  return new VigaError(
    ErrorCode.BadArgument,
    `position ${position} of a row of ${length} elements; positions of elements (counted from 0) are allowed, and for updates not that of the key`,
  )
}

export function notANumber(position: number): VigaError {
  return new VigaError(
    ErrorCode.BadArgument,
    `updateCounter: the element at position ${position} and what is added to it must both be numbers, or both bigints`,
  )
}

export function noSuchKey(): VigaError {
  return new VigaError(ErrorCode.BadArgument, 'updateCounter: there is no row with this key, and no default row was given')
}

export function wrongKind(table: TableId): VigaError {
  return new VigaError(ErrorCode.BadArgument, `${tableText(table)} is a set, which has no order; an orderedSet has`)
}

export function noSuchRegistry(name: string): VigaError {
  return new VigaError(
    ErrorCode.NoSuchRegistry,
    `there is no registry ${JSON.stringify(name)}; Registry.start({ name: ${JSON.stringify(name)} }) makes it`,
  )
}

export function registryNameTaken(name: string): VigaError {
  return new VigaError(ErrorCode.NameTaken, `a registry has the name ${JSON.stringify(name)} already; names of registries are unique`)
}
