/** What the runtime has in hand at a moment: counted before and after, to see that nothing leaks. */
import { setTimeout as pause } from 'node:timers/promises'
import { ets, memory, registered, schedulers, systemInfo } from './viga.js'

/** Sockets close and processes end in their own time, within this many milliseconds. */
const SETTLED_MS = 10_000
const LOOK_EVERY_MS = 20

type Counts = Readonly<Record<string, number>>

function count(): Counts {
  const { processCount, timerCount, nameCount, monitorCount, linkCount, messageCount, registryEntryCount, tableCount } = systemInfo()
  return {
    // Each scheduler that runs has one for the code outside any process, and the second starts when there is work for it.
    processes: processCount - schedulers().filter(({ state }) => state !== 'down').length,
    timers: timerCount,
    names: nameCount,
    'registered names': registered().length,
    monitors: monitorCount,
    links: linkCount,
    messages: messageCount,
    'registry entries': registryEntryCount,
    tables: tableCount,
    'table rows': ets.all().reduce((rows, id) => rows + ets.open(id).size, 0),
    'bytes in blocks of tables': memory()
      .byKind.filter(({ kind }) => kind.startsWith('ets'))
      .reduce((bytes, { blockBytes }) => bytes + blockBytes, 0),
    'bytes of tables': ets.all().reduce((bytes, id) => bytes + ets.open(id).info().memory, 0),
  }
}

/** Bytes in blocks of the runtime's allocators. */
export function blockBytes(): number {
  return memory().blockBytes
}

export class Books {
  readonly #counts: Counts

  private constructor(counts: Counts) {
    this.#counts = counts
  }

  static now(): Books {
    return new Books(count())
  }

  /** What differs now, as 'timers 3, were 0'. */
  #differences(): string[] {
    const now = count()
    return Object.entries(this.#counts)
      .filter(([what, before]) => now[what] !== before)
      .map(([what, before]) => `${what} ${now[what]}, were ${before}`)
  }

  /** Waits until everything is as it was; false, and what is not, when that does not happen. */
  async balanced(): Promise<[balanced: boolean, differences: string]> {
    const deadline = performance.now() + SETTLED_MS
    let differences = this.#differences()
    while (differences.length > 0 && performance.now() < deadline) {
      await pause(LOOK_EVERY_MS)
      differences = this.#differences()
    }
    return [differences.length === 0, differences.join('; ')]
  }
}
