import type { Pid } from '../../pid.js'
import { ErrorCode, VigaError } from '../../errors.js'
import type { Entry } from './entry.js'

/** Freed places are left alone until so many have gathered, so that a place is not taken again soon. */
const REST = 1024

/**
 * Live processes by their place. A freed place is used again with the next serial, the one freed longest ago first, so that an
 * old pid never names a new process.
 */
export class ProcessTable {
  private readonly entries: (Entry | undefined)[] = []
  private readonly serials: number[] = []
  /** Freed places; those before `#nextFree` have been used again. */
  private free: number[] = []
  private nextFree = 0
  private readonly limit: number
  count = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** A place and its serial, to be filled with `set`. @throws ERR_VIGA_SYSTEM_LIMIT. */
  claim(): number {
    const freed = this.free.length - this.nextFree
    if (this.count >= this.limit)
      throw new VigaError(
        ErrorCode.SystemLimit,
        `spawn: all ${this.limit} places for processes are taken; Runtime.start({ processLimit }) allows more`,
      )
    if (freed > REST || this.entries.length >= this.limit) {
      const index = this.free[this.nextFree++] as number
      if (this.nextFree > REST && this.nextFree * 2 > this.free.length) {
        this.free = this.free.slice(this.nextFree)
        this.nextFree = 0
      }
      return index
    }
    this.entries.push(undefined)
    this.serials.push(0)
    return this.entries.length - 1
  }

  serialOf(index: number): number {
    return this.serials[index] as number
  }

  set(index: number, entry: Entry): void {
    this.entries[index] = entry
    this.count++
  }

  get(pid: Pid): Entry | undefined {
    const entry = this.entries[pid.index]
    return entry !== undefined && entry.pid.serial === pid.serial ? entry : undefined
  }

  at(index: number, serial: number): Entry | undefined {
    const entry = this.entries[index]
    return entry !== undefined && entry.pid.serial === serial ? entry : undefined
  }

  remove(entry: Entry): void {
    const index = entry.pid.index
    this.entries[index] = undefined
    ;(this.serials[index] as number)++
    this.free.push(index)
    this.count--
  }

  /** All live entries, the root process first. */
  *[Symbol.iterator](): Iterator<Entry> {
    for (const entry of this.entries) if (entry !== undefined) yield entry
  }
}
