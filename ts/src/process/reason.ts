import { Exit } from '../errors.js'
import { copyReason } from '../term/copy.js'

/** Exit reason of a process whose code threw: an error and its stack. */
export interface ErrorReason {
  readonly error: unknown
  readonly stack: string
}

/** The exit reason that a thrown value stands for: an {@link Exit}'s own, or {error, stack} for anything else. A copy; never throws. */
export function reasonOfThrown(thrown: unknown): unknown {
  try {
    if (thrown instanceof Exit) return copyReason(thrown.reason)
    const stack = thrown instanceof Error && typeof thrown.stack === 'string' ? thrown.stack : ''
    return { error: copyReason(thrown), stack } satisfies ErrorReason
  } catch {
    // A proxy or a getter that throws when it is looked at; the copy says so.
    return { error: copyReason(thrown), stack: '' } satisfies ErrorReason
  }
}

/** 'normal', 'shutdown' and ['shutdown', ...] are orderly ends: not reported, and no failure for a transient child. */
export function isOrderly(reason: unknown): boolean {
  return (
    reason === 'normal' || reason === 'shutdown' || (Array.isArray(reason) && reason.length === 2 && reason[0] === 'shutdown')
  )
}
