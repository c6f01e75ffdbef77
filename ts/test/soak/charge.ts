import type { Pid, Ref } from '../../src/index.js'

/** A citizen as the director knows it. */
export interface Charge {
  readonly id: string
  readonly pid: Pid<unknown>
  /** Where it began, as far as is known. */
  scheduler: number
  /** It is a server that may go to other schedulers and takes its book along. */
  readonly wanders: boolean
  readonly ref: Ref
  /** It has spoken, so it has a book. Who is killed before its first slice has none. */
  born: boolean
  ended: boolean
  /** Why it ended, once it has. */
  reason: unknown
  /** Does nothing any more but listen. */
  quiet: boolean
}
