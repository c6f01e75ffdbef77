import { checkPid } from './check-pid.js'
import { ErrorCode, Exit, VigaError } from './errors.js'
import { AliasMode } from './engine/engine.js'
import { Pid, samePid } from './pid.js'
import { refuseIfEnded } from './process/operation.js'
import type { Process } from './process/process.js'
import { newRef, Ref, sameRef } from './ref.js'
import { activeEngine, currentProcess } from './runtime-state.js'
import { copyReason, copyTerm } from './term/copy.js'
import { describe } from './term/refusal.js'
import { type Name, nameText } from './names.js'

/** Whom a message can be sent to: a process, a registered name, or an alias. */
export type Destination<M = never> = Pid<M> | Name | Ref

/** Arrives when a linked process ends, in a process that traps exits. */
export interface ExitMessage {
  readonly type: 'EXIT'
  readonly from: Pid<unknown>
  readonly reason: unknown
}

/** Arrives when a monitored process ends; exactly once per monitor. */
export interface Down {
  readonly type: 'DOWN'
  readonly ref: Ref
  readonly pid: Pid<unknown>
  /** The name that was monitored, when it was one. */
  readonly name?: string
  /** The exit reason, or 'noproc' when there was no such process. */
  readonly reason: unknown
}

/** True for a DOWN, of the monitor `ref` when that is given. A pattern for receive. */
export function isDown(message: unknown, ref?: Ref): message is Down {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'DOWN' &&
    'ref' in message &&
    message.ref instanceof Ref &&
    (ref === undefined || sameRef(message.ref, ref))
  )
}

/** True for an EXIT, from `pid` when that is given. A pattern for receive. */
export function isExit(message: unknown, pid?: Pid): message is ExitMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'EXIT' &&
    'from' in message &&
    message.from instanceof Pid &&
    (pid === undefined || samePid(message.from, pid))
  )
}

/** The pid of the current process. O(1). */
export function self<M = unknown>(): Pid<M> {
  return currentProcess().pid as Pid<M>
}

/** A new unique reference of the current process. */
export function makeRef(): Ref {
  return newRef(currentProcess().pid)
}

/**
 * Sends a private copy of `message`, without waiting. To a dead or unknown pid, or an alias that is over, it goes nowhere.
 * The order of signals between two processes is the order of sending.
 *
 * @throws ERR_VIGA_NOT_A_TERM with the path to what is no term; ERR_VIGA_NO_SUCH_NAME for a name nobody has.
 */
export function send<M>(to: Pid<M>, message: M): void
export function send(to: Name | Ref, message: unknown): void
export function send(to: Destination, message: unknown): void {
  const engine = activeEngine()
  if (to instanceof Pid) engine.send(to, engine.isFar(to) ? message : copyTerm(message))
  else if (to instanceof Ref) engine.sendAlias(to, engine.isFar(to) ? message : copyTerm(message))
  else engine.send(resolveName(to, 'send'), copyTerm(message))
}

function resolveName(name: Name, where: string): Pid {
  const text = nameText(name, where)
  const pid = activeEngine().whereis(text)
  if (pid === undefined)
    throw new VigaError(ErrorCode.NoSuchName, `${where}: no process is registered as ${JSON.stringify(text)}`)
  return pid
}

/** The acting process, which is charged for it; code of a process that has ended may not act. */
function acting(what: string): Process {
  const process = currentProcess()
  activeEngine().charge(1)
  refuseIfEnded(process, what)
  return process
}

function checkRef(ref: unknown, where: string): void {
  if (!(ref instanceof Ref)) throw new VigaError(ErrorCode.BadArgument, `${where}: ${describe(ref)} is no reference`)
}

/** Links the current process with `pid`, both ways; once, however often called. A dead `pid` delivers an exit signal 'noproc'. */
export function link(pid: Pid): void {
  checkPid(pid, 'link')
  activeEngine().link(acting('link()'), pid)
}

/** Removes the link. No exit message from it arrives afterwards. */
export function unlink(pid: Pid): void {
  checkPid(pid, 'unlink')
  activeEngine().unlink(acting('unlink()'), pid)
}

export interface MonitorOptions {
  /**
   * Makes the reference an alias too, to which others can send: until `unalias` ('explicit'), also until the DOWN or
   * `demonitor` ('demonitor'), also until the first message through it ('reply').
   */
  readonly alias?: 'explicit' | 'demonitor' | 'reply'
}

const aliasModes = { explicit: AliasMode.Explicit, demonitor: AliasMode.Demonitor, reply: AliasMode.Reply } as const

function aliasModeOf(mode: 'explicit' | 'demonitor' | 'reply' | undefined, where: string): AliasMode {
  if (mode === undefined) return AliasMode.None
  if (typeof mode !== 'string' || !Object.hasOwn(aliasModes, mode))
    throw new VigaError(ErrorCode.BadArgument, `${where}: alias is ${describe(mode)}; explicit, demonitor and reply are allowed`)
  return aliasModes[mode]
}

/**
 * Watches a process: one {@link Down} when it ends, at once with 'noproc' when there is none. Monitors stack: each call is one
 * more. O(1).
 */
export function monitor(target: Pid | Name, options: MonitorOptions = {}): Ref {
  const engine = activeEngine()
  const process = acting('monitor()')
  const ref = newRef(process.pid)
  const mode = aliasModeOf(options.alias, 'monitor')
  if (target instanceof Pid) {
    engine.monitor(process, target, ref, mode, null)
    return ref
  }
  const name = nameText(target, 'monitor')
  const pid = engine.whereis(name)
  if (pid === undefined) engine.monitorMissing(process, ref, name)
  else engine.monitor(process, pid, ref, mode, name)
  return ref
}

/** Ends a monitor; false when it was over. `flush` also removes its DOWN from the mailbox. */
export function demonitor(ref: Ref, options: { readonly flush?: boolean } = {}): boolean {
  checkRef(ref, 'demonitor')
  const process = acting('demonitor()')
  const flush = options.flush === true
  const found = activeEngine().demonitor(process, ref, flush)
  if (flush && process.putAside !== null)
    forgetPutAside(process, (message) => isDown(message, ref))
  return found
}

/** Removes messages that a selective receive has put aside. */
function forgetPutAside(process: Process, test: (message: unknown) => boolean): void {
  const engine = activeEngine()
  const putAside = process.putAside
  if (putAside === null) return
  const removed = putAside.removeWhere(test)
  if (putAside.length === 0) process.putAside = null
  if (engine.current === process) engine.heldDelta -= removed
  else engine.holdOutside(process, -removed)
}

/** A reference to which others can send until {@link unalias}; with 'reply', until the first message through it. */
export function alias(mode: 'explicit' | 'reply' = 'explicit'): Ref {
  const process = acting('alias()')
  const ref = newRef(process.pid)
  activeEngine().alias(process, ref, aliasModeOf(mode, 'alias'))
  return ref
}

/** Ends an alias: what is sent to it from now on goes nowhere. False when it was over. */
export function unalias(ref: Ref): boolean {
  checkRef(ref, 'unalias')
  return activeEngine().unalias(acting('unalias()'), ref)
}

/**
 * `exit(reason)` ends the current process by throwing {@link Exit}. `exit(pid, reason)` sends an exit signal: it ends `pid`
 * unless that traps exits (then it is a message) or the reason is 'normal'; 'kill' cannot be trapped.
 */
export function exit(reason: unknown): never
export function exit(pid: Pid, reason: unknown): void
export function exit(pidOrReason: unknown, reason?: unknown): void {
  if (arguments.length < 2) throw new Exit(copyReason(pidOrReason))
  checkPid(pidOrReason, 'exit')
  const process = acting('exit()')
  const copy = copyTerm(reason)
  const engine = activeEngine()
  if (samePid(process.pid, pidOrReason) && process.pid.index !== 0 && mustEnd(process, copy)) {
    if (copy !== 'kill') throw new Exit(copy)
    // The signal ends it even if the code around catches what is thrown.
    engine.signalExit(process, pidOrReason, copy)
    throw new Exit('killed')
  }
  engine.signalExit(process, pidOrReason, copy)
}

/** Whether an exit signal to oneself ends the process at once. */
function mustEnd(process: Process, reason: unknown): boolean {
  if (reason === 'kill') return true
  const engine = activeEngine()
  const trapping = engine.setTrapExit(process, false)
  if (trapping) engine.setTrapExit(process, true)
  return !trapping
}

/** Whether exit signals become {@link ExitMessage}s in the current process. Returns the old value. */
export function trapExit(trap: boolean): boolean {
  return activeEngine().setTrapExit(acting('trapExit()'), trap)
}
