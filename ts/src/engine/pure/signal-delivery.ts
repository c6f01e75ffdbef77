import { AliasMode, type Host, OutcomeStatus } from '../engine.js'
import { type Pid, samePid } from '../../pid.js'
import { Ref, sameRef } from '../../ref.js'
import { Call, type Entry, State, Watch } from './entry.js'

/** What signal delivery needs of the engine. */
export interface Surroundings {
  readonly host: Host
  /** The process whose slice is in progress. */
  readonly running: Entry | null
  /** Puts a message into the mailbox of a live process and makes it ready. */
  deliver(entry: Entry, message: unknown): void
  /** Tells the owner of a call how it ended. */
  conclude(call: Call, status: OutcomeStatus, value: unknown): void
  /** Frees the place in the table; the entry is dead for everyone from here on. */
  remove(entry: Entry): void
  /** Names, tables, registry entries and timers of an ended process go. */
  settleBelongings(entry: Entry): void
  dropCalls(entry: Entry): void
}

interface Ended {
  readonly entry: Entry
  readonly reason: unknown
}

/**
 * Links, monitors and exit signals. A signal to the process whose slice is in progress waits in `pending` until the slice ends;
 * any other process is settled at once. Ends of processes are worked off one after the other, so that a chain of links of any
 * length needs no stack.
 */
export class SignalDelivery {
  private readonly engine: Surroundings
  /** An end is being settled; `ending` are those that wait for it. */
  private settling = false
  private ending: Ended[] = []

  constructor(engine: Surroundings) {
    this.engine = engine
  }

  // --- the end of a process -----------------------------------------------------------------------------------------

  /** `entry` has ended with `reason`. */
  end(entry: Entry, reason: unknown): void {
    entry.state = State.Dead
    this.engine.remove(entry)
    if (this.settling) {
      this.ending.push({ entry, reason })
      return
    }
    this.settling = true
    try {
      this.settle(entry, reason)
      if (this.ending.length > 0) this.settleFurther()
    } finally {
      this.settling = false
    }
  }

  /** Ends that follow from one another, appended while they are worked off. */
  private settleFurther(): void {
    for (let next = 0; next < this.ending.length; next++) {
      const { entry, reason } = this.ending[next] as Ended
      this.settle(entry, reason)
    }
    this.ending = []
  }

  private settle(entry: Entry, reason: unknown): void {
    this.engine.settleBelongings(entry)
    if (entry.watches !== null) for (const watch of entry.watches.values()) watch.leaveTarget()
    this.engine.dropCalls(entry)
    entry.watches = null
    entry.pending = null
    const links = entry.links
    entry.links = null
    if (links !== null)
      for (const other of links)
        if (other !== entry) this.exitFromLink(other, entry.pid, entry, reason)
    this.settleWatchers(entry, reason)
  }

  private settleWatchers(entry: Entry, reason: unknown): void {
    let watcher = entry.firstWatcher
    entry.firstWatcher = entry.lastWatcher = null
    while (watcher !== null) {
      const next = watcher.nextWatcher
      watcher.target = watcher.nextWatcher = watcher.previousWatcher = null
      if (watcher instanceof Call)
        this.engine.conclude(watcher, OutcomeStatus.Down, this.engine.host.copyReason(reason))
      else this.down(watcher as Watch, entry.pid, reason)
      watcher = next
    }
  }

  // --- exit signals ---------------------------------------------------------------------------------------------------

  /** An exit signal by exit(pid, reason). */
  exit(entry: Entry, from: Pid, reason: unknown): void {
    if (entry === this.engine.running && (from !== entry.pid || !entry.trapExit || reason === 'kill'))
      (entry.pending ??= []).push({ kind: 'exit', from, reason })
    else this.settleExit(entry, from, reason, false)
  }

  /** The exit signal of a link: of its other end's end, or 'noproc' because there was none. */
  exitFromLink(entry: Entry, from: Pid, linked: Entry | null, reason: unknown): void {
    if (entry === this.engine.running) {
      ;(entry.pending ??= []).push({ kind: 'linkExit', from, linked, reason })
      return
    }
    if (linked !== null) entry.removeLink(linked)
    this.settleExit(entry, from, reason, true)
  }

  /** Returns true when the process has ended by it. */
  private settleExit(entry: Entry, from: Pid, reason: unknown, throughLink: boolean): boolean {
    if (entry.ended) return true
    const kill = reason === 'kill' && !throughLink
    if (entry.trapExit && (!kill || entry.isRoot)) {
      this.engine.deliver(entry, { type: 'EXIT', from, reason: this.engine.host.copyReason(reason) })
      return false
    }
    if (entry.isRoot) return false
    if (reason === 'normal' && !samePid(from, entry.pid)) return false
    this.engine.host.buried(entry.process)
    this.end(entry, kill ? 'killed' : this.engine.host.copyReason(reason))
    return true
  }

  /** The slice of `entry` is over: what came meanwhile takes effect. Returns false when the process has ended by it. */
  settlePending(entry: Entry): boolean {
    const signals = entry.pending
    if (signals === null) return true
    entry.pending = null
    for (const signal of signals) {
      if (signal.kind === 'down') {
        this.settleDown(signal.watch, signal.from, signal.reason)
        continue
      }
      const throughLink = signal.kind === 'linkExit'
      if (throughLink && signal.linked !== null) entry.removeLink(signal.linked)
      if (this.settleExit(entry, signal.from, signal.reason, throughLink)) return false
    }
    return true
  }

  // --- links --------------------------------------------------------------------------------------------------------

  link(entry: Entry, other: Entry | undefined, pid: Pid): void {
    if (other === undefined) {
      const alreadyPending = entry.pending?.some(
        (signal) => signal.kind === 'linkExit' && samePid(signal.from, pid),
      )
      if (alreadyPending !== true) this.exitFromLink(entry, pid, null, 'noproc')
      return
    }
    if (other === entry) return
    entry.addLink(other)
    other.addLink(entry)
  }

  unlink(entry: Entry, other: Entry | undefined, pid: Pid): void {
    if (other !== undefined) {
      entry.removeLink(other)
      other.removeLink(entry)
      return
    }
    // It has ended during this slice: its exit signal must not arrive any more.
    if (entry.pending === null) return
    entry.pending = entry.pending.filter((signal) => {
      const dropped = signal.kind === 'linkExit' && samePid(signal.from, pid)
      if (dropped && signal.linked !== null) entry.removeLink(signal.linked)
      return !dropped
    })
  }

  // --- monitors and aliases ---------------------------------------------------------------------------------------------

  monitor(owner: Entry, target: Entry | undefined, pid: Pid, ref: Ref, alias: AliasMode, name: string | null): void {
    // As in Erlang: nobody is told of one's own end, so a monitor of oneself is none, and no alias either.
    if (target === owner) return
    const watch = new Watch(ref, owner, alias, true, name)
    ;(owner.watches ??= new Map()).set(ref.id, watch)
    if (target !== undefined) target.addWatcher(watch)
    // What its end sent during this slice goes first: signals of one pair keep their order.
    else if (owner.pending?.some((signal) => samePid(signal.from, pid)) === true) this.down(watch, pid, 'noproc')
    else this.settleDown(watch, pid, 'noproc')
  }

  alias(owner: Entry, ref: Ref, mode: AliasMode): void {
    ;(owner.watches ??= new Map()).set(ref.id, new Watch(ref, owner, mode, false, null))
  }

  demonitor(owner: Entry, ref: Ref, flush: boolean): boolean {
    const watch = owner.watches?.get(ref.id)
    const found = watch !== undefined && watch.watching
    if (found) {
      watch.leaveTarget()
      watch.watching = false
      if (watch.alias !== AliasMode.Explicit) this.forget(watch)
    } else if (flush && owner.mailbox.length > 0) {
      owner.mailbox.removeWhere((message) => isDownOf(message, ref))
    }
    return found
  }

  unalias(owner: Entry, ref: Ref): boolean {
    const watch = owner.watches?.get(ref.id)
    if (watch === undefined || watch.alias === AliasMode.None) return false
    watch.alias = AliasMode.None
    if (!watch.watching) this.forget(watch)
    return true
  }

  /** True when `ref` is an active alias; one that is good for a single message is over then. */
  passesAlias(owner: Entry, ref: Ref): boolean {
    const watch = owner.watches?.get(ref.id)
    if (watch === undefined || watch.alias === AliasMode.None) return false
    if (watch.alias === AliasMode.Reply) {
      watch.leaveTarget()
      this.forget(watch)
    }
    return true
  }

  private down(watch: Watch, from: Pid, reason: unknown): void {
    if (watch.owner === this.engine.running) (watch.owner.pending ??= []).push({ kind: 'down', watch, from, reason })
    else this.settleDown(watch, from, reason)
  }

  private settleDown(watch: Watch, from: Pid, reason: unknown): void {
    const owner = watch.owner
    if (!watch.watching || owner.ended) return
    watch.watching = false
    if (watch.alias !== AliasMode.Explicit) this.forget(watch)
    this.engine.deliver(owner, downMessage(watch.ref, from, watch.name, this.engine.host.copyReason(reason)))
  }

  private forget(watch: Watch): void {
    const owner = watch.owner
    watch.watching = false
    owner.watches?.delete(watch.ref.id)
    if (owner.watches?.size === 0) owner.watches = null
  }
}

function downMessage(ref: Ref, pid: Pid, name: string | null, reason: unknown): object {
  return name === null ? { type: 'DOWN', ref, pid, reason } : { type: 'DOWN', ref, pid, name, reason }
}

function isDownOf(message: unknown, ref: Ref): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'DOWN' &&
    'ref' in message &&
    message.ref instanceof Ref &&
    sameRef(message.ref, ref)
  )
}
