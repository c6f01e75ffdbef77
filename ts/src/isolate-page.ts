/**
 * What each isolate of a system knows of itself alone, on one page that all of them share: so that any of them can read it of
 * another that is stuck in its code. One row for each scheduler, which its isolate writes; a reader may see a row of which part is a
 * moment older.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { runOutsideProcesses } from './process/async-context.js'

/** Columns of a row. Times in ms, sizes in bytes. */
const Column = { GcCount: 0, GcTotal: 1, GcLongest: 2, HeapUsed: 3, HeapLimit: 4 } as const
/** A row is a cache line, so that isolates which write do not slow each other. */
const ROW = 8

/** Garbage collections of an isolate, of all kinds, since it began to take part. */
export interface GarbageCollection {
  readonly count: number
  /** Milliseconds that all of them took, and the longest one. */
  readonly total: number
  readonly longest: number
}

/** V8's heap of an isolate, in bytes. */
export interface Heap {
  readonly used: number
  readonly limit: number
}

export interface IsolateFacts {
  readonly garbageCollection: GarbageCollection
  readonly heap: Heap
}

/** The memory of the page of a system with so many schedulers. */
export function newPage(schedulers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(schedulers * ROW * Float64Array.BYTES_PER_ELEMENT)
}

/** The page, as the isolate of one of the schedulers sees it. */
export class IsolatePage {
  readonly #rows: Float64Array
  readonly #scheduler: number
  readonly #own: Float64Array
  readonly #observer: PerformanceObserver

  /** Begins with the row of `scheduler`: collections count from now on. */
  constructor(memory: SharedArrayBuffer, scheduler: number) {
    this.#rows = new Float64Array(memory)
    this.#scheduler = scheduler
    this.#own = this.#row(scheduler)
    this.#own.fill(0)
    this.#observer = runOutsideProcesses(() => new PerformanceObserver((list) => this.#collected(list.getEntries())))
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#publish()
  }

  /** What the isolate of `scheduler` has published last: at its last collection, or when it asked itself. All 0 when none ran yet. */
  read(scheduler: number): IsolateFacts {
    if (scheduler === this.#scheduler) {
      this.#collected(this.#observer.takeRecords())
      this.#publish()
    }
    const row = this.#row(scheduler)
    const column = (place: number): number => row[place] as number
    return {
      garbageCollection: { count: column(Column.GcCount), total: column(Column.GcTotal), longest: column(Column.GcLongest) },
      heap: { used: column(Column.HeapUsed), limit: column(Column.HeapLimit) },
    }
  }

  stop(): void {
    this.#observer.disconnect()
  }

  #row(scheduler: number): Float64Array {
    return this.#rows.subarray((scheduler - 1) * ROW, scheduler * ROW)
  }

  #collected(entries: readonly { readonly duration: number }[]): void {
    const own = this.#own
    for (const { duration } of entries) {
      own[Column.GcCount] = (own[Column.GcCount] as number) + 1
      own[Column.GcTotal] = (own[Column.GcTotal] as number) + duration
      own[Column.GcLongest] = Math.max(own[Column.GcLongest] as number, duration)
    }
    if (entries.length > 0) this.#publish()
  }

  #publish(): void {
    const own = this.#own
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    own[Column.HeapUsed] = used
    own[Column.HeapLimit] = limit
  }
}

let page: IsolatePage | undefined

/** Begins, or with undefined ends, what this isolate tells of itself. runtime.ts alone does. */
export function setIsolatePage(started: IsolatePage | undefined): void {
  page?.stop()
  page = started
}

/** What is known of the isolate of `scheduler`. */
export function isolateFacts(scheduler: number): IsolateFacts {
  if (page === undefined) throw new Error('isolate-page: no runtime runs')
  return page.read(scheduler)
}
