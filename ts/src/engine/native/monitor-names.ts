import type { Process } from '../../process/process.js'
import type { Ref } from '../../ref.js'

/** Names of monitors that were set by name, given back in their DOWN. They go with their process. */
export class MonitorNames {
  private readonly names = new WeakMap<Process, Map<number, string>>()

  keep(process: Process, ref: Ref, name: string): void {
    let names = this.names.get(process)
    if (names === undefined) this.names.set(process, (names = new Map()))
    names.set(ref.id, name)
  }

  /** Names of monitors of the process are to be given back. */
  has(process: Process): boolean {
    return (this.names.get(process)?.size ?? 0) !== 0
  }

  take(process: Process, id: number): string | undefined {
    const names = this.names.get(process)
    const name = names?.get(id)
    if (name !== undefined) names?.delete(id)
    return name
  }
}
