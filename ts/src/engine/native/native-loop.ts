import { OutcomeStatus, SliceEnd, type Wake, Wake as WakeReason } from '../engine.js'
import { runOutsideProcesses } from '../../process/async-context.js'
import type { Process } from '../../process/process.js'
import { reasonOfThrown } from '../../process/reason.js'
import { runPromiseJobs, Turns } from '../turns.js'
import {
  BATCH, BATCH_DONE, BATCH_LEN, BURIED, BURIED_LEN, IN_SLICE, LEAVING_LEN, LONG, MORE_TO_DROP, NEXT_DEADLINE, OTHERS, OUTBOX_LEN,
  RELEASED, RELEASED_LEN, SLICE_END, SLICE_HELD, SLICE_INDEX, SLICE_OUTCOME_HANDLE, SLICE_OUTCOME_HIGH, SLICE_OUTCOME_KIND, SLICE_OUTCOME_LOW,
  SLICE_REDUCTIONS, SLICE_TAKEN, SLICE_TIMED_OUT, SLICE_TIMEOUT, SLICE_WAKE, SLICE_WINDOW_LEN, SLICE_WINDOW_START,
  SLICE_WORDS, YIELD_DUE,
} from './control-block.js'
import { BATCH_REDUCTIONS, type NativeEngine } from './native-engine.js'
import { FRAGMENT } from './outgoing.js'
import { refId, timeoutWord } from './words.js'

/** Milliseconds after which a batch ends early, and a slice takes no further message, while others wait for what it has sent. */
const LONGEST_BATCH = 0.1

/** Wake of the first slice of a process that another scheduler has started here. */
const ARRIVE = 5

/**
 * The executing side of the slice protocol: asks the core for a batch of slices, runs them, and asks again, until nothing is
 * ready or Node's event loop must have its turn. Keeps no state between slices but the control block's.
 */
export class NativeLoop {
  private readonly engine: NativeEngine
  /** The runtime was stopped, perhaps by what a slice or a promise job of this very turn did: touch nothing more. */
  private stopped = false
  private readonly turns = new Turns(
    () => this.turn(),
    (turn) => runOutsideProcesses(turn),
  )

  constructor(engine: NativeEngine) {
    this.engine = engine
  }

  /** There may be work: a turn follows, unless one is in progress. */
  soon(): void {
    if (!this.turns.inTurn) this.turns.soon()
  }

  /** Another thread has work for this isolate. */
  ring(): void {
    // An isolate that ends rings the bell of scheduler 1, and the heirs of its processes have nobody else to tell them.
    if (this.engine.scheduler === 1) {
      this.engine.endedSince = true
      this.engine.tables.isolateMayHaveEnded()
    }
    this.turns.now()
  }

  stop(): void {
    this.stopped = true
    this.turns.stop()
  }

  private turn(): void {
    const engine = this.engine
    const { addon, words } = engine
    addon.enter()
    for (;;) {
      addon.next()
      this.forget()
      if (words[LEAVING_LEN] !== 0) {
        engine.sendOffered()
        continue
      }
      const length = words[BATCH_LEN] as number
      if (length !== 0) this.runBatch(length)
      if (this.stopped) return
      if (engine.microtasksDue) {
        if (runPromiseJobs === undefined) {
          this.turns.again()
          return
        }
        engine.microtasksDue = false
        runPromiseJobs()
        if (this.stopped) return
      } else if (length === 0 && words[OUTBOX_LEN] === 0 && !engine.awaitArrivals()) {
        break
      }
      if (words[YIELD_DUE] !== 0) {
        engine.balance()
        this.turns.again()
        return
      }
    }
    const wait = words[NEXT_DEADLINE] as number
    if (wait < 0) {
      this.turns.wakeAt(Infinity, 0)
    } else {
      const now = performance.now()
      this.turns.wakeAt(now + wait, now)
    }
  }

  private runBatch(length: number): void {
    const engine = this.engine
    const words = engine.words
    let place = 0
    let reductions = 0
    words[IN_SLICE] = 1
    // What a slice has sent to other schedulers leaves with the next crossing: slices that take long must not keep it.
    const timed = words[OTHERS] !== 0 && (length > 1 || words[LONG] !== 0)
    const until = timed ? performance.now() + LONGEST_BATCH : Infinity
    engine.sliceUntil = until
    while (place < length && reductions < BATCH_REDUCTIONS && !this.stopped) {
      const slice = BATCH + place * SLICE_WORDS
      words[BATCH_DONE] = place
      const index = words[slice + SLICE_INDEX] as number
      // Ended before its turn came.
      if (index >= 0) {
        this.runSlice(index, slice)
        reductions += engine.reductions
      }
      place++
      if (timed) {
        const now = performance.now()
        if (now > until) break
        engine.sliceUntil = now + LONGEST_BATCH
      }
    }
    words[BATCH_DONE] = place
    words[IN_SLICE] = 0
  }

  private runSlice(index: number, slice: number): void {
    const engine = this.engine
    const words = engine.words
    let process = engine.processTable[index] as Process
    const start = words[slice + SLICE_WINDOW_START] as number
    engine.windowPlace = start
    engine.windowEnd = start + (words[slice + SLICE_WINDOW_LEN] as number)
    engine.timedOut = words[slice + SLICE_TIMED_OUT] !== 0
    engine.slice = slice
    engine.reductions = 0
    engine.waitTimeout = -1
    engine.heldDelta = 0
    let wake = words[slice + SLICE_WAKE] as Wake | typeof ARRIVE
    if (wake === ARRIVE) {
      process = engine.arrive(index, slice)
      wake = WakeReason.Start
    } else if (wake === WakeReason.Outcome) this.loadOutcome(slice)
    engine.current = process
    let end: SliceEnd
    try {
      end = process.slice(wake)
    } catch (thrown) {
      // `run` turns what a body throws into a reason; this is a defect of viga's, and costs this process alone.
      process.ended = true
      engine.exit(process, reasonOfThrown(thrown))
      end = SliceEnd.Exit
    }
    engine.current = null
    words[slice + SLICE_END] = end
    words[slice + SLICE_TAKEN] = engine.windowPlace - (words[slice + SLICE_WINDOW_START] as number)
    words[slice + SLICE_HELD] = engine.heldDelta
    words[slice + SLICE_REDUCTIONS] = engine.reductions
    words[slice + SLICE_TIMEOUT] = timeoutWord(engine.waitTimeout)
  }

  private loadOutcome(slice: number): void {
    const engine = this.engine
    const words = engine.words
    const status = words[slice + SLICE_OUTCOME_KIND] as OutcomeStatus
    const handle = words[slice + SLICE_OUTCOME_HANDLE] as number
    const fragment = handle >= FRAGMENT
    engine.outcomeRef = refId(words[slice + SLICE_OUTCOME_LOW] as number, words[slice + SLICE_OUTCOME_HIGH] as number)
    engine.outcomeStatus = status
    if (status === OutcomeStatus.Timeout) engine.outcomeValue = undefined
    else if (fragment) engine.outcomeValue = engine.readFragment(handle, status === OutcomeStatus.Reply)
    else if (status === OutcomeStatus.Reply) engine.outcomeValue = engine.values.take(handle)
    else engine.outcomeValue = engine.host.copyReason(engine.values.peek(handle))
  }

  /** Lets go of values that nobody will take and of processes that signals have ended, and passes on what those owned. */
  forget(): void {
    const words = this.engine.words
    if (words[RELEASED_LEN] !== 0 || words[BURIED_LEN] !== 0) this.forgetAll()
    // Now, before anybody sees the end: a table whose heir is dead too must be gone by then.
    if (this.engine.endedSince) this.engine.tellHeirs()
  }

  private forgetAll(): void {
    const { addon, words, values, processTable } = this.engine
    for (;;) {
      const released = words[RELEASED_LEN] as number
      for (let place = RELEASED; place < RELEASED + released; place++) values.release(words[place] as number)
      const buried = words[BURIED_LEN] as number
      for (let place = BURIED; place < BURIED + buried; place += 2) {
        const index = words[place] as number
        const process = processTable[index]
        if (process === undefined || this.engine.placeOf(process).serial !== (words[place + 1] as number) >>> 0) continue
        processTable[index] = undefined
        this.engine.endedSince = true
        this.engine.drop(process)
      }
      words[RELEASED_LEN] = 0
      words[BURIED_LEN] = 0
      if (words[MORE_TO_DROP] === 0) return
      addon.giveBack()
    }
  }
}
