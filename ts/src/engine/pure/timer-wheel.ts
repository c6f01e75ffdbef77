/**
 * Hierarchical timing wheel of 1 ms ticks (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6): four
 * levels of 256 buckets cover 2^32 ms. Starting and cancelling are O(1); a timer moves down at most three times on its way.
 *
 * Invariant: a node of level L is due 256^L to 256^(L+1) - 1 ticks after the tick at which it was placed; every bucket is a doubly
 * linked list in the order of placing; everything due at or before `tick` has fired.
 */
export abstract class TimerNode {
  nextTimer: TimerNode | null = null
  previousTimer: TimerNode | null = null
  /** When it is due, in ms of the engine's clock. Before `arm` has run: how long it shall take. */
  deadline = 0
  /** Bucket it lies in; NOWHERE when it is not in the wheel. */
  bucket = NOWHERE
  /** Waits to be armed, see TimerWheel.startLater. */
  awaited = false
  /** Is in the list of nodes to arm, wanted or not. */
  listed = false

  /** Its time has come. It is no longer in the wheel. */
  abstract fire(): void
}

const NOWHERE = -1
const LEVEL_BITS = 8
const BUCKETS = 1 << LEVEL_BITS
const LEVELS = 4
const LAST = BUCKETS - 1

export class TimerWheel {
  private readonly heads: (TimerNode | null)[] = new Array<TimerNode | null>(LEVELS * BUCKETS).fill(null)
  private readonly tails: (TimerNode | null)[] = new Array<TimerNode | null>(LEVELS * BUCKETS).fill(null)
  private readonly perLevel = [0, 0, 0, 0]
  private tick = 0
  private toArm: TimerNode[] = []
  /** Nodes in the wheel. */
  size = 0

  /** Starts `node` to fire `milliseconds` after `now`, never before. */
  start(node: TimerNode, milliseconds: number, now: number): void {
    node.deadline = now + milliseconds
    if (this.size === 0) this.tick = Math.max(this.tick, Math.floor(now))
    this.place(node)
  }

  /**
   * Starts `node` to fire `milliseconds` after the next `armAll`, which reads the clock once for all of them. What is cancelled
   * before (nearly every call's timeout) has cost a push to a list.
   */
  startLater(node: TimerNode, milliseconds: number): void {
    node.deadline = milliseconds
    node.awaited = true
    if (node.listed) return
    node.listed = true
    this.toArm.push(node)
  }

  armAll(now: number): void {
    if (this.toArm.length === 0) return
    const nodes = this.toArm
    this.toArm = []
    for (const node of nodes) {
      node.listed = false
      if (!node.awaited) continue
      node.awaited = false
      this.start(node, node.deadline, now)
    }
  }

  /** Takes `node` out; false when it was not running. */
  cancel(node: TimerNode): boolean {
    if (node.awaited) {
      node.awaited = false
      return true
    }
    if (node.bucket === NOWHERE) return false
    this.unlink(node)
    return true
  }

  /** Fires everything due at `now`. */
  advance(now: number): void {
    const target = Math.floor(now)
    while (this.tick < target) {
      if (this.size === 0) {
        this.tick = target
        return
      }
      if (this.perLevel[0] === 0) {
        // Nothing is due before the next bucket of level 1 moves down.
        const boundary = (Math.floor(this.tick / BUCKETS) + 1) * BUCKETS
        if (boundary > target) {
          this.tick = target
          return
        }
        this.tick = boundary
      } else {
        this.tick++
      }
      if ((this.tick & LAST) === 0) this.moveDown(1)
      this.fireBucket(this.tick & LAST)
    }
  }

  /** The tick at which the wheel must next be advanced; Infinity when it is empty. */
  nextTick(): number {
    if (this.size === 0) return Infinity
    let next = Infinity
    for (let level = 0; level < LEVELS; level++) {
      if (this.perLevel[level] === 0) continue
      const span = 2 ** (LEVEL_BITS * level)
      const here = Math.floor(this.tick / span)
      for (let ahead = 1; ahead <= BUCKETS; ahead++) {
        if (this.heads[level * BUCKETS + ((here + ahead) & LAST)] === null) continue
        next = Math.min(next, (here + ahead) * span)
        break
      }
    }
    return next
  }

  private place(node: TimerNode): void {
    const due = Math.max(Math.ceil(node.deadline), this.tick + 1)
    const ahead = due - this.tick
    let level = 0
    if (ahead >= BUCKETS) level = ahead < 65_536 ? 1 : ahead < 16_777_216 ? 2 : 3
    const bucket = level * BUCKETS + ((due >>> (LEVEL_BITS * level)) & LAST)
    const last = this.tails[bucket] as TimerNode | null
    node.bucket = bucket
    node.previousTimer = last
    node.nextTimer = null
    if (last === null) this.heads[bucket] = node
    else last.nextTimer = node
    this.tails[bucket] = node
    ;(this.perLevel[level] as number)++
    this.size++
  }

  private unlink(node: TimerNode): void {
    const { bucket, previousTimer: previous, nextTimer: next } = node
    if (previous === null) this.heads[bucket] = next
    else previous.nextTimer = next
    if (next === null) this.tails[bucket] = previous
    else next.previousTimer = previous
    node.previousTimer = node.nextTimer = null
    node.bucket = NOWHERE
    ;(this.perLevel[bucket >>> LEVEL_BITS] as number)--
    this.size--
  }

  /** A bucket of `level` has been reached: its nodes are placed again, nearer. Higher levels first, they may add to it. */
  private moveDown(level: number): void {
    if (level === LEVELS) return
    const index = (this.tick >>> (LEVEL_BITS * level)) & LAST
    if (index === 0) this.moveDown(level + 1)
    const bucket = level * BUCKETS + index
    let node = this.heads[bucket] as TimerNode | null
    while (node !== null) {
      const next: TimerNode | null = node.nextTimer
      this.unlink(node)
      // Due at this very tick: belongs into the bucket that fires next.
      if (Math.ceil(node.deadline) <= this.tick) this.placeNow(node)
      else this.place(node)
      node = next
    }
  }

  private placeNow(node: TimerNode): void {
    this.tick--
    this.place(node)
    this.tick++
  }

  private fireBucket(bucket: number): void {
    let node = this.heads[bucket] as TimerNode | null
    while (node !== null) {
      this.unlink(node)
      node.fire()
      node = this.heads[bucket] as TimerNode | null
    }
  }
}
