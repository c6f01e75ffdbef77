import { Pid } from './pid.js'

/**
 * A reference: unique in the system for as long as it runs. It carries the process it was made for, so that a monitor's
 * reference can serve as an alias (`send(ref, message)`) and a call's as the address of its reply.
 */
export class Ref {
  readonly index: number
  readonly serial: number
  /** Counts up from 1; exact up to 2^53. */
  readonly id: number

  constructor(index: number, serial: number, id: number) {
    this.index = index
    this.serial = serial
    this.id = id
  }

  /** The process the reference was made for. */
  owner(): Pid {
    return new Pid(this.index, this.serial)
  }

  toString(): string {
    return `#Ref<0.${this.index}.${this.serial}.${this.id}>`
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** True when both are the same reference. O(1). */
export function sameRef(a: Ref, b: Ref): boolean {
  return a.id === b.id && a.index === b.index && a.serial === b.serial
}

let lastId = 0
/** The last identifier that is this isolate's to give, and who has more. */
let endOfIds = Infinity
let moreIds: () => number = () => 1

/**
 * Where this isolate shares a system with others it gets identifiers in blocks: `take` gives the first of `size` that are its
 * alone.
 */
export function takeIdsFrom(take: () => number, size: number): void {
  moreIds = () => {
    const first = take()
    endOfIds = first + size - 1
    return first
  }
  lastId = endOfIds = 0
}

/** A new reference for the process named by `pid`. */
export function newRef(pid: Pid): Ref {
  lastId = lastId === endOfIds ? moreIds() : lastId + 1
  return new Ref(pid.index, pid.serial, lastId)
}
