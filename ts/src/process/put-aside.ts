import type { Process } from './process.js'

/**
 * Messages that selective receives of one process have passed over, in arrival order. Each receive looks here first, from the
 * oldest on. Appending is O(1); taking the k-th is O(1) for the first and O(n - k) otherwise.
 */
export class PutAside {
  #messages: unknown[] = []
  #head = 0

  get length(): number {
    return this.#messages.length - this.#head
  }

  add(message: unknown): void {
    this.#messages.push(message)
  }

  at(position: number): unknown {
    return this.#messages[this.#head + position]
  }

  /** Removes and returns the message at `position`, counted from the oldest. */
  take(position: number): unknown {
    const index = this.#head + position
    const message = this.#messages[index]
    if (position === 0) {
      this.#messages[index] = undefined
      this.#head++
      if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
        this.#messages = this.#messages.slice(this.#head)
        this.#head = 0
      }
    } else {
      this.#messages.splice(index, 1)
    }
    return message
  }

  /** Gives back the room of messages that have been taken. O(length). */
  compact(): void {
    this.#messages = this.#messages.slice(this.#head)
    this.#head = 0
  }

  /** Removes every message for which `test` is true; returns how many went. */
  removeWhere(test: (message: unknown) => boolean): number {
    const before = this.length
    this.#messages = this.#messages.slice(this.#head).filter((message) => !test(message))
    this.#head = 0
    return before - this.length
  }
}

let make: (process: Process) => PutAside = () => new PutAside()

/** Has tracing make its own kind. */
export function installPutAside(made: (process: Process) => PutAside): void {
  make = made
}

/** What is put aside of the messages of `process`, begun if need be. */
export function putAsideOf(process: Process): PutAside {
  return (process.putAside ??= make(process))
}
