import { ErrorCode, VigaError } from './errors.js'
import { Priority } from './engine/engine.js'
import type { Pid } from './pid.js'
import { isGeneratorFunction } from './process/body-kind.js'
import { CallbackProcess, type Work } from './process/callback-process.js'
import { FunctionProcess } from './process/function-process.js'
import { type Coroutine, GeneratorProcess } from './process/generator-process.js'
import { refuseIfEnded } from './process/operation.js'
import type { Process } from './process/process.js'
import { describe } from './term/refusal.js'
import { newRef, type Ref } from './ref.js'
import { activeEngine, currentProcess } from './runtime-state.js'

/** A generator body, an async one, or a plain function that is the process's whole life. */
export type Body<A extends readonly unknown[]> = (...args: A) => Coroutine | PromiseLike<unknown> | unknown

/**
 * A callback body: `message` is called for each message with the state the last call returned. The cheapest kind: no stack
 * between messages. It ends by throwing (`exit(reason)`), like every body.
 */
export interface CallbackBody<M, S> {
  /** First state; called in the process before its first message. */
  readonly init?: () => S
  readonly message: (message: M, state: S) => S
}

export type PriorityName = 'max' | 'high' | 'normal' | 'low'

const priorities: Readonly<Record<PriorityName, Priority>> = {
  max: Priority.Max,
  high: Priority.High,
  normal: Priority.Normal,
  low: Priority.Low,
}

/** The priority called `name`, or ERR_VIGA_BAD_ARGUMENT. */
export function priorityOf(name: PriorityName, where: string): Priority {
  if (typeof name !== 'string' || !Object.hasOwn(priorities, name))
    throw new VigaError(ErrorCode.BadArgument, `${where}: priority is ${describe(name)}; max, high, normal and low are allowed`)
  return priorities[name]
}

export interface SpawnOptions {
  /** Links the new process to the caller, before it runs. */
  readonly link?: boolean
  readonly priority?: PriorityName
  /** What reports and processInfo call it. */
  readonly label?: string
}

/** Runs a callback body. */
class StatefulProcess<M, S> extends CallbackProcess {
  private readonly body: CallbackBody<M, S>
  private state: S | undefined

  constructor(body: CallbackBody<M, S>) {
    super()
    this.body = body
  }

  protected start(): Work {
    if (this.body.init !== undefined) this.state = this.body.init()
  }

  protected message(message: unknown): Work {
    this.state = this.body.message(message as M, this.state as S)
  }

  protected idle(): Work {
    return undefined
  }

  bury(): void {
    super.bury()
    this.state = undefined
  }
}

function processFor(body: unknown, args: readonly unknown[]): Process {
  if (isGeneratorFunction(body)) return new GeneratorProcess(body as (...args: never[]) => Coroutine, args)
  if (typeof body === 'function') return new FunctionProcess(body as (...args: never[]) => unknown, args)
  if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'function')
    return new StatefulProcess(body as CallbackBody<unknown, unknown>)
  throw new VigaError(
    ErrorCode.BadArgument,
    `spawn: the body is ${body === null ? 'null' : `a ${typeof body}`}; a generator function, an async function, a function or an object with a message method are allowed`,
  )
}

/** Starts `process` as a child of the current one. */
export function spawnProcess(process: Process, link: boolean, monitor: Ref | null, priority: Priority): Pid<unknown> {
  const engine = activeEngine()
  const parent = currentProcess()
  refuseIfEnded(parent, 'spawn()')
  return engine.spawn(process, parent, link, monitor, priority) as Pid<unknown>
}

/**
 * Starts a process and returns its pid. `args` go to `body` as they are: by reference, so that a socket can be handed over
 * to its process.
 *
 * @throws ERR_VIGA_SYSTEM_LIMIT when the process table is full.
 *
 * @example
 * const echo = spawn(function* () {
 *   for (;;) {
 *     const { from, text } = yield* receive<{ from: Pid<string>; text: string }>()
 *     send(from, text.toUpperCase())
 *   }
 * })
 */
export function spawn<M = unknown, S = unknown>(body: CallbackBody<M, S>): Pid<M>
export function spawn<M = unknown, A extends readonly unknown[] = readonly unknown[]>(body: Body<A>, ...args: A): Pid<M>
export function spawn(body: unknown, ...args: readonly unknown[]): Pid<unknown> {
  return spawnProcess(processFor(body, args), false, null, Priority.Normal)
}

/** Like {@link spawn}, linked to the caller before it runs. */
export function spawnLink<M = unknown, S = unknown>(body: CallbackBody<M, S>): Pid<M>
export function spawnLink<M = unknown, A extends readonly unknown[] = readonly unknown[]>(body: Body<A>, ...args: A): Pid<M>
export function spawnLink(body: unknown, ...args: readonly unknown[]): Pid<unknown> {
  return spawnProcess(processFor(body, args), true, null, Priority.Normal)
}

/** Like {@link spawn}, monitored by the caller before it runs: its end is a {@link Down} with `ref`. */
export function spawnMonitor<M = unknown, S = unknown>(body: CallbackBody<M, S>): { pid: Pid<M>; ref: Ref }
export function spawnMonitor<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  body: Body<A>,
  ...args: A
): { pid: Pid<M>; ref: Ref }
export function spawnMonitor(body: unknown, ...args: readonly unknown[]): { pid: Pid<unknown>; ref: Ref } {
  const ref = newRef(currentProcess().pid)
  return { pid: spawnProcess(processFor(body, args), false, ref, Priority.Normal), ref }
}

/** Like {@link spawn}, with options. */
export function spawnWith<M = unknown, S = unknown>(options: SpawnOptions, body: CallbackBody<M, S>): Pid<M>
export function spawnWith<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  options: SpawnOptions,
  body: Body<A>,
  ...args: A
): Pid<M>
export function spawnWith(options: SpawnOptions, body: unknown, ...args: readonly unknown[]): Pid<unknown> {
  const process = processFor(body, args)
  process.label = options.label
  return spawnProcess(process, options.link === true, null, priorityOf(options.priority ?? 'normal', 'spawnWith'))
}

