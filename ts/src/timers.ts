import { ErrorCode, VigaError } from './errors.js'
import { Pid } from './pid.js'
import { type Name, nameText } from './names.js'
import { activeEngine } from './runtime-state.js'
import { copyTerm } from './term/copy.js'
import { describe } from './term/refusal.js'

/** A timer started by {@link sendAfter}. */
export class Timer {
  readonly id: number

  constructor(id: number) {
    this.id = id
  }
}

/** Longest time a timer takes: 2^32 - 1 ms, 49 days. */
export const LONGEST_TIMER = 4_294_967_295

/**
 * Sends `message` to `to` after `milliseconds`; never before, and about 1 ms later at most on a scheduler that keeps up. The
 * timer ends with its target. Start, cancel and read are O(1).
 *
 * @throws ERR_VIGA_BAD_ARGUMENT for a time that is none; ERR_VIGA_NOT_A_TERM.
 */
export function sendAfter<M>(milliseconds: number, to: Pid<M>, message: M): Timer
export function sendAfter(milliseconds: number, to: Name, message: unknown): Timer
export function sendAfter(milliseconds: number, to: Pid | Name, message: unknown): Timer {
  if (typeof milliseconds !== 'number' || !(milliseconds >= 0 && milliseconds <= LONGEST_TIMER))
    throw new VigaError(
      ErrorCode.BadArgument,
      `sendAfter: the time is ${describe(milliseconds)}; milliseconds from 0 to ${LONGEST_TIMER} are allowed`,
    )
  const engine = activeEngine()
  const pid = to instanceof Pid ? to : engine.whereis(nameText(to, 'sendAfter'))
  if (pid === undefined)
    throw new VigaError(ErrorCode.NoSuchName, `sendAfter: no process is registered as ${JSON.stringify(nameText(to, 'sendAfter'))}`)
  engine.charge(1)
  return new Timer(engine.startTimer(Math.ceil(milliseconds), pid, copyTerm(message)))
}

function idOf(timer: unknown, where: string): number {
  if (timer instanceof Timer) return timer.id
  throw new VigaError(ErrorCode.BadArgument, `${where}: ${describe(timer)} is no timer; what sendAfter gave is allowed`)
}

/** Cancels a timer: milliseconds that were left, or false when it has fired or was cancelled. */
export function cancelTimer(timer: Timer): number | false {
  const engine = activeEngine()
  engine.charge(1)
  const left = engine.cancelTimer(idOf(timer, 'cancelTimer'))
  return left < 0 ? false : left
}

/** Milliseconds left, or false when it has fired or was cancelled. */
export function readTimer(timer: Timer): number | false {
  const engine = activeEngine()
  engine.charge(1)
  const left = engine.readTimer(idOf(timer, 'readTimer'))
  return left < 0 ? false : left
}
