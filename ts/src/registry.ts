/**
 * Registries: processes by key, local to this runtime. A key is any term; with each registration goes a value. Entries go with
 * their processes, before anybody sees these end. Use names (names.ts) for the few processes a program is made of, a registry
 * for those that come and go with users, rooms and jobs.
 */
import { type KeyedRegistryEntry, RegistryKeys, type RegistryEntry, type RegistryStore } from './engine/stores.js'
import { ErrorCode, VigaError } from './errors.js'
import { noSuchRegistry } from './ets-errors.js'
import type { Pid } from './pid.js'
import { refuseIfEnded } from './process/operation.js'
import { activeEngine, currentProcess } from './runtime-state.js'

/** How a registration came out: done, or which process has the key. */
export type Registration = { readonly registered: true } | { readonly registered: false; readonly pid: Pid<unknown> }

export interface RegistryOptions {
  readonly name: string
  /** `unique` (default): one process a key. `duplicate`: any number, for groups and topics. */
  readonly keys?: 'unique' | 'duplicate'
}

/** One entry, with the value typed. */
export interface Entry<Key, Value> extends RegistryEntry, KeyedRegistryEntry {
  readonly key: Key
  readonly pid: Pid<unknown>
  readonly value: Value
}

/** The registries of the running engine. */
function store(): RegistryStore {
  const engine = activeEngine()
  engine.charge(1)
  return engine.registries
}

const kinds = { unique: RegistryKeys.Unique, duplicate: RegistryKeys.Duplicate } as const

/**
 * A registry, by its name. All methods throw ERR_VIGA_NO_SUCH_REGISTRY when it has been stopped.
 *
 * @example
 * const rooms = Registry.start<string, { guests: number }>({ name: 'rooms' })
 * rooms.register('blue', { guests: 2 })   // the current process is the blue room
 * rooms.whereis('blue')                   // its pid
 * rooms.lookup('blue')                    // [{ pid, value: { guests: 2 } }]
 */
export class Registry<Key = unknown, Value = unknown> {
  readonly name: string

  private constructor(name: string) {
    this.name = name
  }

  /** Makes a registry. It lasts until it is stopped. @throws ERR_VIGA_NAME_TAKEN, ERR_VIGA_BAD_ARGUMENT. */
  static start<Key = unknown, Value = unknown>(options: RegistryOptions): Registry<Key, Value> {
    const { name, keys = 'unique' } = options
    if (typeof name !== 'string' || name === '')
      throw new VigaError(ErrorCode.BadArgument, `Registry.start(): name is ${String(name)}; non-empty strings are allowed`)
    if (!Object.hasOwn(kinds, keys))
      throw new VigaError(ErrorCode.BadArgument, `Registry.start(): keys is ${String(keys)}; 'unique' and 'duplicate' are allowed`)
    store().create(name, kinds[keys])
    return new Registry(name)
  }

  /** The registry of this name. The types are the caller's promise. @throws ERR_VIGA_NO_SUCH_REGISTRY. */
  static open<Key = unknown, Value = unknown>(name: string): Registry<Key, Value> {
    if (!store().exists(name)) throw noSuchRegistry(name)
    return new Registry(name)
  }

  /** Ends the registry; the processes in it carry on. */
  stop(): void {
    store().drop(this.name)
  }

  /** Registers the current process under `key`. O(1). */
  register(key: Key, ...value: undefined extends Value ? [value?: Value] : [value: Value]): Registration {
    const process = currentProcess()
    refuseIfEnded(process, 'Registry.register()')
    const holder = store().register(this.name, process.pid, key, value[0])
    return holder === undefined ? { registered: true } : { registered: false, pid: holder as Pid<unknown> }
  }

  /** Removes what the current process has under `key`; returns how many entries that were. */
  unregister(key: Key): number {
    return store().unregister(this.name, currentProcess().pid, key)
  }

  /** Processes and their values under `key`, in order of registration. */
  lookup(key: Key): { readonly pid: Pid<unknown>; readonly value: Value }[] {
    return store().lookup(this.name, key) as { pid: Pid<unknown>; value: Value }[]
  }

  /** The process under `key`, of several the first. O(1). */
  whereis<M = unknown>(key: Key): Pid<M> | undefined {
    return store().whereis(this.name, key) as Pid<M> | undefined
  }

  /** Keys of a process, the current one by default, in order of registration. */
  keys(pid: Pid<never> = currentProcess().pid): Key[] {
    return store().keys(this.name, pid) as Key[]
  }

  /** Values of a process, the current one by default, under `key`, in order of registration. */
  values(key: Key, pid: Pid<never> = currentProcess().pid): Value[] {
    return store().values(this.name, pid, key) as Value[]
  }

  /**
   * Replaces the value of the current process under `key` by what `change` makes of it. Returns the new value, or undefined
   * when the process is not registered under the key.
   */
  updateValue(key: Key, change: (value: Value) => Value): Value | undefined {
    const { pid } = currentProcess()
    const values = this.values(key, pid)
    if (values.length === 0) return undefined
    const changed = change(values[0] as Value)
    store().updateValue(this.name, pid, key, changed)
    return changed
  }

  /** Calls `action` with the entries under `key`, if there are any: to send to each, or to one of them. */
  dispatch(key: Key, action: (entries: { readonly pid: Pid<unknown>; readonly value: Value }[]) => void): void {
    const entries = this.lookup(key)
    if (entries.length > 0) action(entries)
  }

  /** Number of entries. O(1). */
  count(): number {
    return store().size(this.name)
  }

  /** Entries for which `condition` is true; all of them without one. O(entries). */
  select(condition: (entry: Entry<Key, Value>) => boolean = () => true): Entry<Key, Value>[] {
    return (store().entries(this.name) as Entry<Key, Value>[]).filter(condition)
  }

  [Symbol.dispose](): void {
    if (store().exists(this.name)) this.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]()
  }
}

/**
 * Names whatever process is registered under `key` at the moment it is used, wherever a server is named. Made by {@link via}.
 */
export class Via {
  readonly registry: string
  readonly key: unknown

  constructor(registry: string, key: unknown) {
    this.registry = registry
    this.key = key
  }

  /** The process that is meant now. */
  whereis(): Pid<unknown> | undefined {
    return store().whereis(this.registry, this.key) as Pid<unknown> | undefined
  }

  toString(): string {
    return `via(${this.registry}, ${typeof this.key === 'string' ? JSON.stringify(this.key) : typeof this.key})`
  }
}

/**
 * A name for the process under `key` in `registry`.
 *
 * @example
 * call(via(rooms, 'blue'), { type: 'join' })
 */
export function via<Key>(registry: Registry<Key, never> | Registry<Key> | string, key: Key): Via {
  return new Via(typeof registry === 'string' ? registry : registry.name, key)
}
