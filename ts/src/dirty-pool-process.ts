import { BlueprintKind } from './blueprint.js'
import { AliasMode, type Engine, Priority } from './engine/engine.js'
import { DirtyJob, type DirtyOutcome, type DirtyRequest } from './dirty-job.js'
import { DirtyPool, type DirtyPoolInfo } from './dirty-pool.js'
import { type DirtyKind, dirtySettings } from './dirty-settings.js'
import { Exit } from './errors.js'
import type { Pid } from './pid.js'
import { CallbackProcess, type Work } from './process/callback-process.js'
import { newRef, Ref } from './ref.js'
import { CallRequest, CastRequest } from './request.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import { placeOf } from './scheduler-place.js'
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
  readonly #kind: DirtyKind
  /** Since the first slice, which is where the threads will be. */
  #pool: DirtyPool | null = null
  /** Jobs waiting and running, by the text of the reference of their call; and by the id of the reference of their monitor. */
  readonly #byCall = new Map<string, Accepted>()
  readonly #byWatch = new Map<number, Accepted>()
  #engine: Engine | undefined
  /** The pool's process, when two schedulers started one at the same time and this is the second: it hands everything on. */
  #first: Pid | null = null

  constructor(kind: DirtyKind) {
    super()
    this.#kind = kind
    this.label = `dirty ${kind} pool`
    this.blueprint = { kind: BlueprintKind.DirtyPool, url: '', name: '', args: [kind] }
  }

  protected start(): Work {
    const engine = activeEngine()
    this.#engine = engine
    const name = nameOf(this.#kind)
    if (engine.register(name, this.pid) === 'ok') {
      const settings = dirtySettings()
      this.#pool = new DirtyPool(`dirty ${this.#kind}`, settings[this.#kind], settings)
      return
    }
    this.#first = engine.whereis(name) as Pid
    engine.monitor(this, this.#first, newRef(this.pid), AliasMode.None, null)
  }

  protected message(message: unknown): Work {
    if (this.#pool === null) this.#handOn(message)
    else if (message instanceof CallRequest) this.#asked(this.#pool, message.from, message.request)
    else if (message instanceof CastRequest && message.request instanceof Ref) this.#cancel(this.#pool, this.#byCall.get(String(message.request)))
    else if (isDown(message)) this.#cancel(this.#pool, this.#byWatch.get(message.ref.id))
  }

  #handOn(message: unknown): void {
    if (isDown(message)) throw new Exit(['shutdown', message.reason])
    ;(this.#engine as Engine).send(this.#first as Pid, message)
  }

  protected idle(): Work {
    return undefined
  }

  override bury(): void {
    super.bury()
    this.#byCall.clear()
    this.#byWatch.clear()
    this.#pool?.close()
  }

  #asked(pool: DirtyPool, from: Ref, request: unknown): void {
    const engine = this.#engine as Engine
    if (request === INFO) {
      engine.reply(from, pool.info() satisfies DirtyPoolInfo)
      return
    }
    const watch = newRef(this.pid)
    engine.monitor(this, from.owner(), watch, AliasMode.None, null)
    const job = new DirtyJob(request as DirtyRequest, (outcome) => this.#finished(accepted, outcome))
    const accepted: Accepted = { job, from, watch }
    this.#byCall.set(String(from), accepted)
    this.#byWatch.set(watch.id, accepted)
    pool.submit(job)
  }

  #finished(accepted: Accepted, outcome: DirtyOutcome): void {
    this.#forget(accepted)
    ;(this.#engine as Engine).reply(accepted.from, outcome)
  }

  /** Nothing to cancel when the job was done at the same time. */
  #cancel(pool: DirtyPool, accepted: Accepted | undefined): void {
    if (accepted === undefined) return
    this.#forget(accepted)
    pool.cancel(accepted.job)
  }

  #forget({ from, watch }: Accepted): void {
    this.#byCall.delete(String(from))
    this.#byWatch.delete(watch.id)
    ;(this.#engine as Engine).demonitor(this, watch, true)
  }
}

/** Under which the process of a pool is registered, for all schedulers. */
function nameOf(kind: DirtyKind): string {
  return `viga.dirty.${kind}`
}

/** The scheduler whose isolate has the threads of the pools, for all of them. */
const HOME = 1

/** The pools' processes as known here, and the engine they belong to. */
let owner: Engine | undefined
const pids: Partial<Record<DirtyKind, Pid>> = {}

/** The process of a pool, started if it does not run. There is one in a system, on the first scheduler. */
export function dirtyPool(engine: Engine, kind: DirtyKind): Pid {
  if (owner !== engine) {
    owner = engine
    delete pids.cpu
    delete pids.io
  }
  const known = pids[kind]
  if (known !== undefined && engine.isAlive(known)) return known
  return (pids[kind] = engine.whereis(nameOf(kind)) ?? start(engine, kind))
}

function start(engine: Engine, kind: DirtyKind): Pid {
  const place = placeOf(engine, HOME, 'dirty')
  return engine.spawn(new DirtyPoolProcess(kind), currentProcess(), false, null, Priority.Normal, place)
}
