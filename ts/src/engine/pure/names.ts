import type { Entry } from './entry.js'

/** Registered names. */
export class Names {
  private readonly byName = new Map<string, Entry>()

  get count(): number {
    return this.byName.size
  }

  register(name: string, entry: Entry): 'ok' | 'taken' {
    if (this.byName.has(name)) return 'taken'
    this.byName.set(name, entry)
    ;(entry.names ??= []).push(name)
    return 'ok'
  }

  unregister(name: string): boolean {
    const entry = this.byName.get(name)
    if (entry === undefined) return false
    this.byName.delete(name)
    const left = (entry.names as string[]).filter((other) => other !== name)
    entry.names = left.length === 0 ? null : left
    return true
  }

  get(name: string): Entry | undefined {
    return this.byName.get(name)
  }

  all(): string[] {
    return [...this.byName.keys()]
  }

  processEnded(entry: Entry): void {
    if (entry.names === null) return
    for (const name of entry.names) this.byName.delete(name)
    entry.names = null
  }
}
