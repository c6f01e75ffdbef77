/** Where a thread of a dirty pool says that it is one: seen by every copy of viga that is loaded in it. */
const mark = Symbol.for('viga.dirty-worker')
type Marked = { [mark]?: true }

export function markDirtyWorker(): void {
  ;(globalThis as Marked)[mark] = true
}

export function isDirtyWorker(): boolean {
  return (globalThis as Marked)[mark] === true
}
