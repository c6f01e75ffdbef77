import type { Pid } from '../pid.js'

/** Tables of one engine, see ets.ts. */
export interface TableStore {
  /** Number of tables alive. */
  count(): number
}

/** Registries of one engine, see registry.ts. */
export interface RegistryStore {
  /** Number of entries in all registries. */
  count(): number
  /** The first process registered under `key`. */
  whereis(registry: string, key: unknown): Pid | undefined
}
