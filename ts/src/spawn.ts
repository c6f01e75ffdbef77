import { functionBlueprint, isModuleMeta, type ModuleMeta } from './blueprint.js'
import { ErrorCode, VigaError } from './errors.js'
import { Priority } from './engine/engine.js'
import type { Pid } from './pid.js'
import { isMovable } from './movable-function.js'
import { isGeneratorFunction } from './process/body-kind.js'
import { CallbackProcess, type Work } from './process/callback-process.js'
import { FunctionProcess } from './process/function-process.js'
import { type Coroutine, GeneratorProcess } from './process/generator-process.js'
import { refuseIfEnded } from './process/operation.js'
import type { Process } from './process/process.js'
import { newRef, type Ref } from './ref.js'
import { activeEngine, currentProcess, wantScheduler } from './runtime-state.js'
import { HERE, placeOf } from './scheduler-place.js'
import { copyTerm } from './term/copy.js'
import { describe } from './term/refusal.js'

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
  /** The scheduler to run on, from 1; the parent's unless given. On another one it takes `import.meta` before the body. */
  readonly scheduler?: number
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

/** The process that runs `body`. */
export function processFor(body: unknown, args: readonly unknown[]): Process {
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
 * Starts what spawn was given, a body and its arguments or import.meta before them, as a child of the current process. After
 * import.meta, arguments are terms and copied, so that it makes no difference where the process starts.
 */
function begin(
  first: unknown,
  rest: readonly unknown[],
  options: SpawnOptions,
  monitor: Ref | null,
  where: string,
): Pid<unknown> {
  const engine = activeEngine()
  const parent = currentProcess()
  refuseIfEnded(parent, 'spawn()')
  const meta = typeof first !== 'function' && isModuleMeta(first) ? first : null
  const body = meta === null ? first : rest[0]
  const args = meta === null ? rest : rest.slice(1).map((arg, place) => copyTerm(arg, `argument ${place + 1}`))
  const process = processFor(body, args)
  process.label = options.label
  const priority = options.priority === undefined ? Priority.Normal : priorityOf(options.priority, where)
  const place = placeOf(engine, options.scheduler, where)
  if (place !== HERE) {
    process.blueprint = functionBlueprint(meta, body, args, options.label, where)
    wantScheduler(place)
  } else if (meta !== null && options.scheduler === undefined && engine.schedulers > 1 && isMovable(meta, body)) {
    process.blueprint = functionBlueprint(meta, body, args, options.label, where)
  }
  return engine.spawn(process, parent, options.link === true, monitor, priority, place) as Pid<unknown>
}

const plain: SpawnOptions = {}
const linked: SpawnOptions = { link: true }

/**
 * Starts a process and returns its pid. `args` go to `body` as they are: by reference, so that a socket can be handed over
 * to its process.
 *
 * With `import.meta` before the body, which its module then exports, the same process can start on any scheduler (see
 * {@link spawnWith}). Its arguments are terms then, and it gets copies of them, wherever it starts.
 *
 * @throws ERR_VIGA_SYSTEM_LIMIT when the process table is full; ERR_VIGA_NOT_A_TERM for arguments after `import.meta`.
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
export function spawn<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  meta: ModuleMeta,
  body: Body<A>,
  ...args: A
): Pid<M>
export function spawn(first: unknown, ...rest: readonly unknown[]): Pid<unknown> {
  return begin(first, rest, plain, null, 'spawn')
}

/** Like {@link spawn}, linked to the caller before it runs. */
export function spawnLink<M = unknown, S = unknown>(body: CallbackBody<M, S>): Pid<M>
export function spawnLink<M = unknown, A extends readonly unknown[] = readonly unknown[]>(body: Body<A>, ...args: A): Pid<M>
export function spawnLink<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  meta: ModuleMeta,
  body: Body<A>,
  ...args: A
): Pid<M>
export function spawnLink(first: unknown, ...rest: readonly unknown[]): Pid<unknown> {
  return begin(first, rest, linked, null, 'spawnLink')
}

/** Like {@link spawn}, monitored by the caller before it runs: its end is a {@link Down} with `ref`. */
export function spawnMonitor<M = unknown, S = unknown>(body: CallbackBody<M, S>): { pid: Pid<M>; ref: Ref }
export function spawnMonitor<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  body: Body<A>,
  ...args: A
): { pid: Pid<M>; ref: Ref }
export function spawnMonitor<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  meta: ModuleMeta,
  body: Body<A>,
  ...args: A
): { pid: Pid<M>; ref: Ref }
export function spawnMonitor(first: unknown, ...rest: readonly unknown[]): { pid: Pid<unknown>; ref: Ref } {
  const ref = newRef(currentProcess().pid)
  return { pid: begin(first, rest, plain, ref, 'spawnMonitor'), ref }
}

/**
 * Like {@link spawn}, with options.
 *
 * On another scheduler the function is found by its name among the exports of its module. What can be checked here is checked at
 * once; a module that does not have it there ends the process with ERR_VIGA_DEFINITION_NOT_FOUND.
 *
 * @throws ERR_VIGA_BAD_ARGUMENT for a scheduler that the system does not have; ERR_VIGA_DEFINITION_NOT_FOUND for a body that no other
 * scheduler could find: no `import.meta`, or no name.
 *
 * @example
 * export function* crunch(from: number, to: number) { ... }
 * const pid = spawnWith({ scheduler: 2 }, import.meta, crunch, 0, 1_000)
 */
export function spawnWith<M = unknown, S = unknown>(options: SpawnOptions, body: CallbackBody<M, S>): Pid<M>
export function spawnWith<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  options: SpawnOptions,
  body: Body<A>,
  ...args: A
): Pid<M>
export function spawnWith<M = unknown, A extends readonly unknown[] = readonly unknown[]>(
  options: SpawnOptions,
  meta: ModuleMeta,
  body: Body<A>,
  ...args: A
): Pid<M>
export function spawnWith(options: SpawnOptions, first: unknown, ...rest: readonly unknown[]): Pid<unknown> {
  return begin(first, rest, options, null, 'spawnWith')
}
