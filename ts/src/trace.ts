import { activeEngine } from './runtime-state.js'
import { checkTraceContext, type TraceContext } from './trace-context.js'
import { currentTrace, isTraced, runInTrace, traceEngine } from './tracing.js'

/**
 * W3C trace contexts that travel with messages, calls, casts, spawns and timers; see docs/tracing.md. viga carries them: spans are
 * made, and given ids, by whoever uses it.
 *
 * @example
 * trace.enable()
 * await trace.run({ traceparent: request.headers.traceparent }, () => server.call.order(7))
 * // in the server: trace.current().traceparent
 */
export const trace = {
  /** Turns tracing on in this runtime until it stops, as `Runtime.start({ tracing: true })` does. */
  enable(): void {
    traceEngine(activeEngine())
  },

  /** Whether tracing is on. */
  get enabled(): boolean {
    return isTraced()
  },

  /**
   * Runs `body`, and what it awaits, in `context`; gives what it gives. An operation or a generator that it gives is performed in
   * `context` too, so `yield* trace.run(context, () => server.call.get())` does what it says. Without tracing it just runs `body`.
   *
   * @throws ERR_VIGA_BAD_ARGUMENT when a header does not have the W3C's syntax, tracing or not.
   */
  run<T>(context: TraceContext, body: () => T): T {
    return runInTrace(checkTraceContext(context, 'trace.run'), body)
  },

  /**
   * The context of the running code: that of the innermost `run` around it, else that of the message its process took last, before
   * the first message that of its parent when it was spawned. Outside processes that of the run alone. Undefined when there is none,
   * and without tracing.
   */
  current(): TraceContext | undefined {
    return currentTrace() ?? undefined
  },
}
