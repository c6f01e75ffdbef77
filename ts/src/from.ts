import { ErrorCode, VigaError } from './errors.js'
import { Ref } from './ref.js'
import { activeEngine } from './runtime-state.js'
import { copyTerm } from './term/copy.js'
import { describe } from './term/refusal.js'

declare const replyType: unique symbol

/** Who waits for a reply of type `R`. Sendable: any process may answer, once, until the caller gives up. */
export type From<R = unknown> = Ref & { readonly [replyType]?: (reply: R) => void }

/**
 * Answers a call from anywhere. Dropped when the caller has been answered, has given up or is gone.
 *
 * @throws ERR_VIGA_NOT_A_TERM, ERR_VIGA_BAD_ARGUMENT.
 */
export function answer<R>(from: From<R>, value: R): void {
  if (!(from instanceof Ref))
    throw new VigaError(
      ErrorCode.BadArgument,
      `GenServer.reply: ${describe(from)} is no caller; what handleCall or from() gave is allowed`,
    )
  const engine = activeEngine()
  engine.reply(from, engine.isFar(from) ? value : copyTerm(value, 'reply'))
}
