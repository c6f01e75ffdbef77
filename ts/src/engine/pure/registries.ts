import { noSuchRegistry, registryNameTaken } from '../../ets-errors.js'
import type { Pid } from '../../pid.js'
import { samePid } from '../../pid.js'
import { copyTerm } from '../../term/copy.js'
import { type KeyedRegistryEntry, type RegistryEntry, RegistryKeys, type RegistryStore } from '../stores.js'
import { mapKey, privateKey } from './tables-key.js'

interface Entry {
  readonly pid: Pid
  readonly key: unknown
  readonly hashed: unknown
  value: unknown
}

/** One registry: entries by key and by process, each in order of registration. */
interface PureRegistry {
  readonly keys: RegistryKeys
  readonly byKey: Map<unknown, Set<Entry>>
  /** By index of the process: of those that have had one index, only one is alive. */
  readonly byProcess: Map<number, Set<Entry>>
  size: number
}

/** Registries as JavaScript values. Every operation on one entry is O(1), what gives several O(their number). */
export class PureRegistries implements RegistryStore {
  readonly #registries = new Map<string, PureRegistry>()

  count(): number {
    let count = 0
    for (const registry of this.#registries.values()) count += registry.size
    return count
  }

  create(name: string, keys: RegistryKeys): void {
    if (this.#registries.has(name)) throw registryNameTaken(name)
    this.#registries.set(name, { keys, byKey: new Map(), byProcess: new Map(), size: 0 })
  }

  exists(name: string): boolean {
    return this.#registries.has(name)
  }

  drop(name: string): void {
    if (!this.#registries.delete(name)) throw noSuchRegistry(name)
  }

  register(name: string, pid: Pid, key: unknown, value: unknown): Pid | undefined {
    const registry = this.#find(name)
    const hashed = mapKey(key)
    const present = registry.byKey.get(hashed)
    if (registry.keys === RegistryKeys.Unique && present !== undefined) return firstOf(present).pid
    const entry: Entry = { pid, key: privateKey(key), hashed, value: copyTerm(value, 'value') }
    if (present === undefined) registry.byKey.set(hashed, new Set([entry]))
    else present.add(entry)
    const mine = registry.byProcess.get(pid.index)
    if (mine === undefined) registry.byProcess.set(pid.index, new Set([entry]))
    else mine.add(entry)
    registry.size++
    return undefined
  }

  unregister(name: string, pid: Pid, key: unknown): number {
    const registry = this.#find(name)
    const mine = entriesOf(registry, pid, key)
    for (const entry of mine) remove(registry, entry)
    return mine.length
  }

  whereis(name: string, key: unknown): Pid | undefined {
    const entries = this.#find(name).byKey.get(mapKey(key))
    return entries === undefined ? undefined : firstOf(entries).pid
  }

  lookup(name: string, key: unknown): RegistryEntry[] {
    const entries = this.#find(name).byKey.get(mapKey(key))
    return entries === undefined ? [] : Array.from(entries, ({ pid, value }) => ({ pid, value: copyTerm(value) }))
  }

  keys(name: string, pid: Pid): unknown[] {
    return allOf(this.#find(name), pid).map((entry) => copyTerm(entry.key))
  }

  values(name: string, pid: Pid, key: unknown): unknown[] {
    return entriesOf(this.#find(name), pid, key).map((entry) => copyTerm(entry.value))
  }

  updateValue(name: string, pid: Pid, key: unknown, value: unknown): boolean {
    const entry = entriesOf(this.#find(name), pid, key)[0]
    if (entry === undefined) return false
    entry.value = copyTerm(value, 'value')
    return true
  }

  size(name: string): number {
    return this.#find(name).size
  }

  entries(name: string): KeyedRegistryEntry[] {
    return Array.from(this.#find(name).byKey.values(), (entries) => [...entries])
      .flat()
      .map(({ key, pid, value }) => ({ key: copyTerm(key), pid, value: copyTerm(value) }))
  }

  /** `pid` has ended: its entries go. */
  processExited(pid: Pid): void {
    for (const registry of this.#registries.values())
      for (const entry of allOf(registry, pid)) remove(registry, entry)
  }

  #find(name: string): PureRegistry {
    const registry = this.#registries.get(name)
    if (registry === undefined) throw noSuchRegistry(name)
    return registry
  }
}

function firstOf(entries: ReadonlySet<Entry>): Entry {
  return entries.values().next().value as Entry
}

function allOf(registry: PureRegistry, pid: Pid): Entry[] {
  return [...(registry.byProcess.get(pid.index) ?? [])].filter((entry) => samePid(entry.pid, pid))
}

function entriesOf(registry: PureRegistry, pid: Pid, key: unknown): Entry[] {
  const hashed = mapKey(key)
  return [...(registry.byKey.get(hashed) ?? [])].filter((entry) => samePid(entry.pid, pid))
}

/** Sets and Maps that would be left empty go, so that a registry is no larger than what is registered. */
function remove(registry: PureRegistry, entry: Entry): void {
  removeFrom(registry.byKey, entry.hashed, entry)
  removeFrom(registry.byProcess, entry.pid.index, entry)
  registry.size--
}

function removeFrom<K>(index: Map<K, Set<Entry>>, key: K, entry: Entry): void {
  const entries = index.get(key) as Set<Entry>
  entries.delete(entry)
  if (entries.size === 0) index.delete(key)
}
