import type { TraceContext } from './trace-context.js'

/** What a message travels in whose sender is in a trace. Made by viga only, like the requests of request.ts. */
export class TracedMessage {
  readonly context: TraceContext
  /** A term, or one of viga's requests. */
  readonly message: unknown

  constructor(context: TraceContext, message: unknown) {
    this.context = context
    this.message = message
  }
}
