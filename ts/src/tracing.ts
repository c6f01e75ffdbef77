/**
 * How traces travel when tracing is on. An engine is traced by putting methods of this file before its own, on the object itself:
 * an engine that is not traced is untouched, so sending and receiving without tracing cost what they cost without this file.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { EMPTY, type Engine, type SliceEnd } from './engine/engine.js'
import type { Coroutine } from './process/generator-process.js'
import type { Process } from './process/process.js'
import { isGenerator } from './process/body-kind.js'
import { BaseOperation } from './process/operation.js'
import { installPutAside, PutAside } from './process/put-aside.js'
import { RootProcess } from './process/root-process.js'
import { currentProcess, startedEngine } from './runtime-state.js'
import type { TraceContext } from './trace-context.js'
import { TracedMessage } from './traced-message.js'

/** The engine of this isolate that is traced. */
let traced: Engine | undefined
/** What `trace.run` was given, made with the first traced engine: on Node 20 a storage slows every promise. */
let scope: AsyncLocalStorage<TraceContext> | undefined
/** The context that the process in hand had before it took its last message. */
let before: TraceContext | null = null

export function isTraced(): boolean {
  return traced !== undefined && traced === startedEngine()
}

/** Runs `body` in `context`, and what it gives to be awaited or delegated to. */
export function runInTrace<T>(context: TraceContext, body: () => T): T {
  if (scope === undefined || !isTraced()) return body()
  const result = scope.run(context, body)
  if (result instanceof BaseOperation) return new TracedOperation(context, result) as T
  return isGenerator(result) ? (resumedInTrace(context, result as Coroutine<unknown>) as T) : result
}

/** An operation is performed when it is awaited or delegated to, which may be after the run that made it. */
class TracedOperation<T> extends BaseOperation<T> {
  readonly #context: TraceContext
  readonly #operation: BaseOperation<T>

  constructor(context: TraceContext, operation: BaseOperation<T>) {
    super()
    this.#context = context
    this.#operation = operation
  }

  next(): IteratorResult<SliceEnd | undefined, T> {
    return inScope(this.#context, () => this.#operation.next())
  }

  protected promise(): Promise<T> {
    return inScope(this.#context, () => Promise.resolve(this.#operation))
  }
}

function* resumedInTrace(context: TraceContext, coroutine: Coroutine<unknown>): Coroutine<unknown> {
  for (;;) {
    const step = inScope(context, () => coroutine.next())
    if (step.done === true) return step.value
    yield step.value
  }
}

function inScope<T>(context: TraceContext, body: () => T): T {
  return scope === undefined ? body() : scope.run(context, body)
}

/** The context of the running code: that of the innermost run, else that of the message its process has in hand. */
export function currentTrace(): TraceContext | null {
  if (!isTraced()) return null
  return scope?.getStore() ?? currentProcess().context?.trace ?? null
}

/** From now on what is sent, called, spawned and started through `engine` carries the context of whoever does it. Idempotent. */
export function traceEngine(engine: Engine): void {
  if (traced === engine) return
  traced = engine
  scope ??= new AsyncLocalStorage()
  installPutAside((process) => new TracedPutAside(process))
  const { send, sendAlias, call, startTimer, spawn, take, takeOutside } = engine
  engine.send = (to, message) => send.call(engine, to, wrapped(message))
  engine.sendAlias = (alias, message) => sendAlias.call(engine, alias, wrapped(message))
  engine.call = (process, target, ref, request, timeout) => call.call(engine, process, target, ref, wrapped(request), timeout)
  engine.startTimer = (milliseconds, to, message) => startTimer.call(engine, milliseconds, to, wrapped(message))
  engine.spawn = (process, ...further) => {
    lend(process)
    return spawn.call(engine, process, ...further)
  }
  engine.take = () => {
    const message = take.call(engine)
    return message === EMPTY ? EMPTY : opened(engine.current as Process, message)
  }
  engine.takeOutside = (process, timeout) => {
    const message = takeOutside.call(engine, process, timeout)
    return message === EMPTY ? EMPTY : opened(process, message)
  }
}

/** Of an engine that calls one of its methods from another, a message may come here twice. */
function wrapped(message: unknown): unknown {
  const context = currentTrace()
  return context === null || message instanceof TracedMessage ? message : new TracedMessage(context, message)
}

/**
 * The message that `process` has taken, whose context is now that of the process. Code outside any process goes on in many flows at
 * a time, of which it is unknown which one took the message: it has the contexts of its runs alone.
 */
function opened(process: Process, taken: unknown): unknown {
  if (process instanceof RootProcess) return contentOf(taken)
  before = process.context === null ? null : process.context.trace
  if (taken instanceof TracedMessage) {
    process.ownContext().trace = taken.context
    return taken.message
  }
  if (process.context !== null) process.context.trace = null
  return taken
}

/** A process begins in the context of its parent. */
function lend(process: Process): void {
  const trace = currentTrace()
  if (trace === null) return
  process.ownContext().trace = trace
  if (process.blueprint !== null) process.blueprint = { ...process.blueprint, trace }
}

/** `process` has come from another scheduler, where its parent was in `context`. */
export function arriveInTrace(process: Process, context: TraceContext): void {
  const engine = startedEngine()
  if (engine !== undefined) traceEngine(engine)
  process.ownContext().trace = context
}

/**
 * What to give a process that takes a message which came from another scheduler in `context`. The first one that does turns
 * tracing on here, while the take in progress is still one that opens nothing.
 */
export function arrivedMessage(context: TraceContext, message: unknown): unknown {
  if (isTraced()) return new TracedMessage(context, message)
  arriveInTrace(currentProcess(), context)
  return message
}

/** Messages keep their contexts while a selective receive passes them over. */
class TracedPutAside extends PutAside {
  readonly #process: Process

  constructor(process: Process) {
    super()
    this.#process = process
  }

  /** `message` was taken last, and is not taken after all. */
  override add(message: unknown): void {
    const context = this.#process.context
    if (context === null || context.trace === null) super.add(message)
    else super.add(new TracedMessage(context.trace, message))
    if (context !== null) context.trace = before
  }

  override at(position: number): unknown {
    return contentOf(super.at(position))
  }

  override take(position: number): unknown {
    return opened(this.#process, super.take(position))
  }

  override removeWhere(test: (message: unknown) => boolean): number {
    return super.removeWhere((entry) => test(contentOf(entry)))
  }
}

function contentOf(entry: unknown): unknown {
  return entry instanceof TracedMessage ? entry.message : entry
}
