/** Numbers in an order that the seed decides (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Seed of the numbers that are still to come. */
  get rest(): number {
    return this.#state
  }

  /** From 0 to before 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number from 0 to before `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit)
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0
  }

  pick<T>(elements: readonly T[]): T {
    return elements[this.below(elements.length)] as T
  }

  /** A seed for somebody else. */
  seed(): number {
    return this.below(0x1_0000_0000)
  }
}

/** A number that stands for a text (FNV-1a). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
