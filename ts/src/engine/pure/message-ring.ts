/**
 * A growing ring: the messages of one mailbox, oldest first. Adding and taking are O(1) (amortised over doublings) however many
 * are waiting, and an empty mailbox holds no memory of its own.
 *
 * Invariant: the buffer's length is 0 or a power of two, message k lies at (head + k) mod length, all other places are undefined.
 */
export class MessageRing {
  length = 0
  private buffer: unknown[] = NOTHING
  private head = 0

  push(message: unknown): void {
    if (this.length === this.buffer.length) this.grow()
    this.buffer[(this.head + this.length) & (this.buffer.length - 1)] = message
    this.length++
  }

  /** Removes and returns the oldest message; the ring must not be empty. */
  shift(): unknown {
    const buffer = this.buffer
    const message = buffer[this.head]
    buffer[this.head] = undefined
    this.head = (this.head + 1) & (buffer.length - 1)
    this.length--
    if (this.length === 0 && buffer.length > LARGEST_KEPT) this.release()
    return message
  }

  /** Removes every message for which `test` is true. O(n). */
  removeWhere(test: (message: unknown) => boolean): void {
    const waiting = this.length
    for (let position = 0; position < waiting; position++) {
      const message = this.shift()
      if (!test(message)) this.push(message)
    }
  }

  /** Gives the buffer back if nothing is waiting. */
  release(): void {
    if (this.length > 0) return
    this.buffer = NOTHING
    this.head = 0
  }

  /** Bytes of the buffer. */
  get bytes(): number {
    return this.buffer.length * 8
  }

  private grow(): void {
    const old = this.buffer
    if (old.length === 0) {
      this.buffer = [undefined, undefined, undefined, undefined]
      return
    }
    const larger: unknown[] = old.slice(this.head)
    for (let index = 0; index < this.head; index++) larger.push(old[index])
    const size = old.length * 2
    for (let index = larger.length; index < size; index++) larger.push(undefined)
    this.buffer = larger
    this.head = 0
  }
}

const NOTHING: unknown[] = []
/** A drained buffer larger than this is given back at once. */
const LARGEST_KEPT = 1024
