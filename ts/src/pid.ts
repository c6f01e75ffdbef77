declare const messageType: unique symbol

/**
 * Names one process, for ever: `index` is its place in the process table, `serial` tells apart those that have had it.
 * Immutable, sendable, and compared with {@link samePid} (two `Pid` objects may name the same process).
 *
 * `M` is the type of the messages the process understands.
 */
export class Pid<in M = never> {
  readonly index: number
  readonly serial: number
  declare readonly [messageType]?: (message: M) => void

  /** Pids come from the runtime; constructing one names whatever process happens to have these numbers. */
  constructor(index: number, serial: number) {
    this.index = index
    this.serial = serial
  }

  /** `<0.index.serial>`, as Erlang would print it. */
  toString(): string {
    return `<0.${this.index}.${this.serial}>`
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `#PID${this.toString()}`
  }
}

/** True when both name the same process (not merely the same place in the table). O(1). */
export function samePid(a: Pid, b: Pid): boolean {
  return a.index === b.index && a.serial === b.serial
}
