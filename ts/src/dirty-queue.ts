import type { DirtyJob } from './dirty-job.js'

/** Jobs in the order in which they came, as a doubly linked list: one that is cancelled leaves from its middle in O(1). */
export class DirtyQueue {
  length = 0
  #first: DirtyJob | null = null
  #last: DirtyJob | null = null

  append(job: DirtyJob): void {
    job.previous = this.#last
    if (this.#last === null) this.#first = job
    else this.#last.next = job
    this.#last = job
    this.length++
  }

  /** The job that has waited longest, taken off. */
  shift(): DirtyJob | null {
    const job = this.#first
    if (job !== null) this.remove(job)
    return job
  }

  /** Takes off `job`, which is in this queue. */
  remove(job: DirtyJob): void {
    const { previous, next } = job
    if (previous === null) this.#first = next
    else previous.next = next
    if (next === null) this.#last = previous
    else next.previous = previous
    job.previous = job.next = null
    this.length--
  }
}
