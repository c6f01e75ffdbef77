import type { Pid } from '../pid.js'
import { endProcess } from '../runtime-state.js'
import { type Blueprint, Mobility, SliceEnd, type Wake } from '../engine/engine.js'
import type { AsyncWaits } from './async-waits.js'
import { OwnContext } from './own-context.js'
import type { PutAside } from './put-aside.js'

/**
 * One process as its isolate sees it: the pid and the body. What others may observe or do to it lives in the engine.
 * Subclasses are the kinds of body; `run` executes one slice.
 */
export abstract class Process {
  /** Set by Engine.spawn, before the first slice. */
  pid!: Pid<unknown>
  /** Messages a selective receive has passed over, oldest first; null when there are none. */
  putAside: PutAside | null = null
  /** Promises of this process that messages and outcomes settle; null until it first awaits. */
  waits: AsyncWaits | null = null
  /** What reports call it, see `setLabel`. */
  label: string | undefined = undefined
  /** How it can be started elsewhere; null when it cannot. */
  blueprint: Blueprint | null = null
  /** What it keeps of contexts from slice to slice; null while there is nothing. */
  context: OwnContext | null = null
  /** True once it has ended, whatever ended it. What still runs of it may not act any more. */
  ended = false

  /** When it may go to another scheduler by itself. */
  get mobility(): Mobility {
    return this.blueprint === null ? Mobility.None : Mobility.Unstarted
  }

  /**
   * What another scheduler makes it of, as it is now; null when it stays. Asked between slices: before the first one, or with
   * Mobility.AtRest at any time.
   */
  pack(): Blueprint | null {
    return this.context === null ? this.blueprint : null
  }

  /** One slice, in the context of this process. What the engine calls. */
  slice(wake: Wake): SliceEnd {
    if (this.context !== null) this.context.enter()
    const end = this.run(wake)
    // Now, if not before: the slice may have entered its first store.
    if (this.context !== null) this.context.leave()
    return end
  }

  ownContext(): OwnContext {
    return (this.context ??= new OwnContext())
  }

  /** Executes one slice. Never throws: what the body throws becomes the exit reason. */
  abstract run(wake: Wake): SliceEnd

  /** Lets go of the body: the process has ended. */
  abstract bury(): void

  /** The body has ended by itself, with `reason`. */
  protected end(reason: unknown): SliceEnd {
    if (!this.ended) endProcess(this, reason)
    return SliceEnd.Exit
  }
}
