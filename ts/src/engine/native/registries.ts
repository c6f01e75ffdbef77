import { noSuchRegistry, registryNameTaken } from '../../ets-errors.js'
import { Pid } from '../../pid.js'
import type { TermReader } from '../../term/decode.js'
import { encodeKey, encodeTerm } from '../../term/encode.js'
import type { TermWriter } from '../../term/writer.js'
import type { KeyedRegistryEntry, RegistryEntry, RegistryKeys, RegistryStore, TableId } from '../stores.js'
import {
  ARG0, ARG2, ARG3, RET0, RET1, RET2, RET3, STATUS, Status, type StorePort, type TablesAddon,
} from './tables-port.js'

const HAS_CONTINUATION = 16
/** Entries that one call gives. */
const PART = 1000

/**
 * Registries in Rust (crates/ets). They are known by names here and by ids there; the ids are remembered, and looked up again
 * when one turns out to be of a registry that has gone.
 */
export class NativeRegistries implements RegistryStore {
  readonly #addon: TablesAddon
  readonly #port: StorePort
  readonly #ids = new Map<string, TableId>()
  /** The last of these that was used. */
  #lastName: string | undefined
  #lastId: TableId | undefined

  constructor(addon: TablesAddon, port: StorePort) {
    this.#addon = addon
    this.#port = port
  }

  count(): number {
    this.#port.ready(this.#port.begin(), null, null)
    this.#addon.registryCountAll()
    return this.#port.unsigned(RET1)
  }

  create(name: string, keys: RegistryKeys): void {
    const port = this.#port
    const writer = port.begin()
    encodeTerm(writer, name)
    port.ready(writer, null, null)
    port.control[ARG0] = keys
    this.#addon.registryCreate()
    if (port.failed) throw port.control[STATUS] === Status.NameTaken ? registryNameTaken(name) : port.defect()
    this.#remember(name, { index: port.unsigned(RET1), generation: port.unsigned(RET2) })
  }

  exists(name: string): boolean {
    return this.#find(name) !== undefined
  }

  #find(name: string): TableId | undefined {
    const port = this.#port
    const writer = port.begin()
    encodeTerm(writer, name)
    port.ready(writer, null, null)
    this.#addon.registryFind()
    return port.control[RET1] === 1 ? { index: port.unsigned(RET2), generation: port.unsigned(RET3) } : undefined
  }

  /** For calls without arguments of their own. */
  #sendId(name: string): void {
    const id = this.#idOf(name)
    this.#port.ready(this.#port.begin(), id, null)
  }

  #idOf(name: string): TableId {
    if (name === this.#lastName && this.#lastId !== undefined) return this.#lastId
    const id = this.#ids.get(name) ?? this.#find(name)
    if (id === undefined) throw noSuchRegistry(name)
    this.#remember(name, id)
    return id
  }

  #remember(name: string, id: TableId): void {
    this.#ids.set(name, id)
    this.#lastName = name
    this.#lastId = id
  }

  #forget(name: string): boolean {
    this.#lastName = undefined
    return this.#ids.delete(name)
  }

  /** True when the call must be made again because the id was of a registry that has gone. Throws other refusals. */
  #wasStale(name: string): boolean {
    if (!this.#port.failed) return false
    if (this.#port.control[STATUS] !== Status.NoSuchRegistry) throw this.#port.defect()
    return this.#forget(name)
  }

  drop(name: string): void {
    do {
      this.#sendId(name)
      this.#addon.registryDrop()
    } while (this.#wasStale(name))
    this.#forget(name)
  }

  register(name: string, pid: Pid, key: unknown, value: unknown): Pid | undefined {
    const port = this.#port
    do {
      const id = this.#idOf(name)
      const writer = port.begin()
      encodeKey(writer, key)
      encodeTerm(writer, value, 'value')
      port.ready(writer, id, null)
      this.#setPid(pid)
      this.#addon.registryRegister()
    } while (this.#wasStale(name))
    return port.control[RET1] === 1 ? undefined : new Pid(port.unsigned(RET2), port.unsigned(RET3))
  }

  #setPid(pid: Pid): void {
    const { control } = this.#port
    control[ARG2] = pid.index
    control[ARG3] = pid.serial
  }

  unregister(name: string, pid: Pid, key: unknown): number {
    do {
      this.#sendKey(name, key)
      this.#setPid(pid)
      this.#addon.registryUnregister()
    } while (this.#wasStale(name))
    return this.#port.unsigned(RET1)
  }

  #sendKey(name: string, key: unknown): void {
    const id = this.#idOf(name)
    const writer = this.#port.begin()
    encodeKey(writer, key)
    this.#port.ready(writer, id, null)
  }

  whereis(name: string, key: unknown): Pid | undefined {
    const port = this.#port
    do {
      this.#sendKey(name, key)
      this.#addon.registryWhereis()
    } while (this.#wasStale(name))
    return port.control[RET1] === 1 ? new Pid(port.unsigned(RET2), port.unsigned(RET3)) : undefined
  }

  lookup(name: string, key: unknown): RegistryEntry[] {
    const port = this.#port
    do {
      this.#sendKey(name, key)
      port.control[ARG2] = 0
      port.control[ARG3] = PART
      this.#addon.registryLookup()
    } while (this.#wasStale(name))
    const { control } = port
    if (control[RET2] === 1) return this.#lookupInParts(name, key)
    const count = control[RET1] as number
    if (count === 0) return []
    const reader = port.results()
    if (count === 1) return [readEntry(reader)]
    return Array.from({ length: count }, () => readEntry(reader))
  }

  #lookupInParts(name: string, key: unknown): RegistryEntry[] {
    return this.#walk(name, (writer) => encodeKey(writer, key), () => this.#addon.registryLookup(), readEntry)
  }

  keys(name: string, pid: Pid): unknown[] {
    do {
      this.#sendId(name)
      this.#setPid(pid)
      this.#addon.registryKeys()
    } while (this.#wasStale(name))
    return this.#terms()
  }

  #terms(): unknown[] {
    const count = this.#port.unsigned(RET1)
    const reader = this.#port.results()
    return Array.from({ length: count }, () => reader.term())
  }

  values(name: string, pid: Pid, key: unknown): unknown[] {
    do {
      this.#sendKey(name, key)
      this.#setPid(pid)
      this.#addon.registryValues()
    } while (this.#wasStale(name))
    return this.#terms()
  }

  updateValue(name: string, pid: Pid, key: unknown, value: unknown): boolean {
    const port = this.#port
    do {
      const id = this.#idOf(name)
      const writer = port.begin()
      encodeKey(writer, key)
      encodeTerm(writer, value, 'value')
      port.ready(writer, id, null)
      this.#setPid(pid)
      this.#addon.registryUpdateValue()
    } while (this.#wasStale(name))
    return port.control[RET1] === 1
  }

  size(name: string): number {
    do {
      this.#sendId(name)
      this.#addon.registryCount()
    } while (this.#wasStale(name))
    return this.#port.unsigned(RET1)
  }

  entries(name: string): KeyedRegistryEntry[] {
    return this.#walk(name, () => undefined, () => this.#addon.registryEntries(), (reader) => ({
      key: reader.term(),
      ...readEntry(reader),
    }))
  }

  /** All entries of a walk, part by part. */
  #walk<T>(name: string, writeKey: (writer: TermWriter) => void, call: () => void, read: (reader: TermReader) => T): T[] {
    const port = this.#port
    const entries: T[] = []
    let continuation: Uint8Array | null = null
    do {
      do {
        const id = this.#idOf(name)
        const writer = port.begin()
        writeKey(writer)
        if (continuation !== null) writer.append(continuation)
        port.ready(writer, id, null)
        port.control[ARG2] = continuation === null ? 0 : HAS_CONTINUATION
        port.control[ARG3] = PART
        call()
      } while (this.#wasStale(name))
      const count = port.unsigned(RET1)
      const reader = port.results()
      for (let seen = 0; seen < count; seen++) entries.push(read(reader))
      continuation = port.control[RET2] === 1 ? reader.bytes.slice(port.unsigned(RET3), port.unsigned(RET0)) : null
    } while (continuation !== null)
    return entries
  }
}

function readEntry(reader: TermReader): RegistryEntry {
  const pid = new Pid<unknown>(reader.uint32(), reader.uint32())
  return { pid, value: reader.term() }
}
