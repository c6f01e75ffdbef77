import type { Engine } from './engine/engine.js'
import { AliasMode, Priority } from './engine/engine.js'
import { DirtyJob, type DirtyOutcome, type DirtyRequest } from './dirty-job.js'
import { DirtyPool, type DirtyPoolInfo } from './dirty-pool.js'
import { type DirtyKind, dirtySettings } from './dirty-settings.js'
import type { Pid } from './pid.js'
import { CallbackProcess, type Work } from './process/callback-process.js'
import { newRef, Ref } from './ref.js'
import { CallRequest, CastRequest } from './request.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import { isDown } from './signals.js'

/** What a pool's process is asked in a call, besides jobs. */
export const INFO = 'info'

/** A job, who waits for it, and the monitor that tells of the end of that process. */
interface Accepted {
  readonly job: DirtyJob
  readonly from: Ref
  readonly watch: Ref
}

/**
 * The process in front of a pool. Jobs are calls to it, so that a wait for one ends as every call does: by a reply, a timeout, a signal, or
 * the end of the runtime. It monitors each caller, and ends the work of those that die. When it ends itself, whatever ends it, so do
 * its threads.
 */
export class DirtyPoolProcess extends CallbackProcess {
  readonly #pool: DirtyPool
  /** Jobs waiting and running, by the text of the reference of their call; and by the id of the reference of their monitor. */
  readonly #byCall = new Map<string, Accepted>()
  readonly #byWatch = new Map<number, Accepted>()
  #engine: Engine | undefined

  constructor(kind: DirtyKind) {
    super()
    const settings = dirtySettings()
    this.label = `dirty ${kind} pool`
    this.#pool = new DirtyPool(settings[kind], settings)
  }

  protected start(): Work {
    this.#engine = activeEngine()
  }

  protected message(message: unknown): Work {
    if (message instanceof CallRequest) this.#asked(message.from, message.request)
    else if (message instanceof CastRequest && message.request instanceof Ref) this.#cancel(this.#byCall.get(String(message.request)))
    else if (isDown(message)) this.#cancel(this.#byWatch.get(message.ref.id))
  }

  protected idle(): Work {
    return undefined
  }

  override bury(): void {
    super.bury()
    this.#byCall.clear()
    this.#byWatch.clear()
    this.#pool.close()
  }

  #asked(from: Ref, request: unknown): void {
    const engine = this.#engine as Engine
    if (request === INFO) {
      engine.reply(from, this.#pool.info() satisfies DirtyPoolInfo)
      return
    }
    const watch = newRef(this.pid)
    engine.monitor(this, from.owner(), watch, AliasMode.None, null)
    const job = new DirtyJob(request as DirtyRequest, (outcome) => this.#finished(accepted, outcome))
    const accepted: Accepted = { job, from, watch }
    this.#byCall.set(String(from), accepted)
    this.#byWatch.set(watch.id, accepted)
    this.#pool.submit(job)
  }

  #finished(accepted: Accepted, outcome: DirtyOutcome): void {
    this.#forget(accepted)
    ;(this.#engine as Engine).reply(accepted.from, outcome)
  }

  /** Nothing to cancel when the job was done at the same time. */
  #cancel(accepted: Accepted | undefined): void {
    if (accepted === undefined) return
    this.#forget(accepted)
    this.#pool.cancel(accepted.job)
  }

  #forget({ from, watch }: Accepted): void {
    this.#byCall.delete(String(from))
    this.#byWatch.delete(watch.id)
    ;(this.#engine as Engine).demonitor(this, watch, true)
  }
}

/** The pools' processes, and the engine they belong to. */
let owner: Engine | undefined
const pids: Partial<Record<DirtyKind, Pid<unknown>>> = {}

/** The process of a pool, started if it does not run. */
export function dirtyPool(engine: Engine, kind: DirtyKind): Pid<unknown> {
  if (owner !== engine) {
    owner = engine
    delete pids.cpu
    delete pids.io
  }
  const known = pids[kind]
  if (known !== undefined && engine.isAlive(known)) return known
  const pid = engine.spawn(new DirtyPoolProcess(kind), currentProcess(), false, null, Priority.Normal) as Pid<unknown>
  pids[kind] = pid
  return pid
}
