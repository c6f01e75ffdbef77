/**
 * The JavaScript values behind the handles that the native core passes around: messages and exit reasons of this isolate. A
 * handle is an index of one array, used again when its value is taken or given back, so a message waiting in a mailbox of
 * any length costs V8 one element beside itself.
 */
export class Values {
  readonly values: unknown[] = [...CONSTANTS]
  /** Handles to use again, a stack. Not an Array, whose elements V8 would shrink and grow again with every burst. */
  private free = new Int32Array(1024)
  private freeCount = 0

  /** Keeps `value`; gives its handle. O(1). */
  store(value: unknown): number {
    if (this.freeCount === 0) return this.values.push(value) - 1
    const handle = this.free[--this.freeCount] as number
    this.values[handle] = value
    return handle
  }

  /** Takes the value out: its handle may be used again. O(1). */
  take(handle: number): unknown {
    const value = this.values[handle]
    this.release(handle)
    return value
  }

  /** The value, which stays. */
  peek(handle: number): unknown {
    return this.values[handle]
  }

  release(handle: number): void {
    this.values[handle] = undefined
    if (this.freeCount === this.free.length) this.growFree()
    this.free[this.freeCount++] = handle
  }

  private growFree(): void {
    const grown = new Int32Array(this.free.length * 2)
    grown.set(this.free)
    this.free = grown
  }

  /** Handle of a reason that has a fixed one, or -1. */
  constantOf(reason: unknown): number {
    return typeof reason === 'string' ? CONSTANTS.indexOf(reason) : -1
  }
}

/** Reasons with fixed handles, as `constant` in crates/runtime/src/handles.rs; the rest up to 16 is unused. */
const CONSTANTS: readonly unknown[] = Array.from(
  { length: 16 },
  (_, handle) => ['normal', 'kill', 'killed', 'noproc', 'noconnection', 'shutdown', 'scheduler_down'][handle] ?? null,
)
