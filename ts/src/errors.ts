/**
 * Every error viga raises on bad input has a code of this list, kept in step with docs/errors.md by a test. The message says
 * what was given, what is allowed and where.
 */
export const ErrorCode = {
  /** The process table is full. */
  SystemLimit: 'ERR_VIGA_SYSTEM_LIMIT',
  /** An argument has a value the call does not take. */
  BadArgument: 'ERR_VIGA_BAD_ARGUMENT',
  /** A start-up flag that does not exist, with a value it does not take, or that comes too late. */
  BadFlag: 'ERR_VIGA_BAD_FLAG',
  /** A message, row or reason holds something that is not a term. */
  NotATerm: 'ERR_VIGA_NOT_A_TERM',
  /** The name is registered already. */
  NameTaken: 'ERR_VIGA_NAME_TAKEN',
  /** No process has the name. */
  NoSuchName: 'ERR_VIGA_NO_SUCH_NAME',
  /** The process is not alive. */
  NoProcess: 'ERR_VIGA_NO_PROCESS',
  /** The calling process has ended; what still runs of it may not act. */
  ProcessEnded: 'ERR_VIGA_PROCESS_ENDED',
  /** A second receive was begun while one was pending in the same process. */
  ReceivePending: 'ERR_VIGA_RECEIVE_PENDING',
  /** `yield*` or `await` was used where the body is of another kind. */
  WrongBody: 'ERR_VIGA_WRONG_BODY',
  /** The runtime has been started already, or with other options. */
  RuntimeStarted: 'ERR_VIGA_RUNTIME_STARTED',
  /** The runtime has been stopped. */
  RuntimeStopped: 'ERR_VIGA_RUNTIME_STOPPED',
  /** The engine asked for cannot be had here. */
  EngineUnavailable: 'ERR_VIGA_ENGINE_UNAVAILABLE',
  /** Another copy of viga runs in this isolate. */
  DuplicatePackage: 'ERR_VIGA_DUPLICATE_PACKAGE',
  /** No such table, or not yours to use in this way. */
  BadTable: 'ERR_VIGA_BAD_TABLE',
  /** No such registry. */
  NoSuchRegistry: 'ERR_VIGA_NO_SUCH_REGISTRY',
  /** A child specification is not one. */
  BadChildSpec: 'ERR_VIGA_BAD_CHILD_SPEC',
  /** A process that was started did not come up: its init stopped, failed, ignored or took too long. */
  StartFailed: 'ERR_VIGA_START_FAILED',
  /** The supervisor has no such child. */
  NoSuchChild: 'ERR_VIGA_NO_SUCH_CHILD',
  /** The child is in no state for what was asked: running, restarting, or there already. */
  ChildState: 'ERR_VIGA_CHILD_STATE',
  /** The operation was given up through its AbortSignal. */
  Aborted: 'ERR_VIGA_ABORTED',
  /** What should start on another scheduler is not exported by its module there, or the module cannot be loaded. */
  DefinitionNotFound: 'ERR_VIGA_DEFINITION_NOT_FOUND',
  /** The queue of a dirty pool is full, and the job was not to wait. */
  DirtyQueueFull: 'ERR_VIGA_DIRTY_QUEUE_FULL',
  /** The worker of a dirty pool ended while it ran the job. */
  DirtyWorkerDied: 'ERR_VIGA_DIRTY_WORKER_DIED',
  /** A function in a dirty pool used the runtime, which is not there. */
  InDirtyWorker: 'ERR_VIGA_IN_DIRTY_WORKER',
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** An error of viga's own, told apart by `code`. */
export class VigaError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(`${message} (${code})`, options)
    this.name = 'VigaError'
    this.code = code
  }
}

/**
 * Thrown to end the process that throws it, with `reason` as its exit reason: what `exit(reason)` throws, and what a call
 * throws when the server is gone or does not answer. Catching it keeps the process alive, as in Erlang.
 */
export class Exit extends Error {
  readonly reason: unknown

  constructor(reason: unknown) {
    super(`exit: ${describeReason(reason)}`)
    this.name = 'Exit'
    this.reason = reason
  }
}

/** Most characters of a line that tells of a reason, of a string in it, and most parts and levels of it that are told of. */
const LONGEST_LINE = 500
const LONGEST_STRING = 200
const MOST_PARTS = 8
const MOST_LEVELS = 4

/** One line for a reason, for messages and reports: of a large one its beginning. Never throws. O(1). */
export function describeReason(reason: unknown): string {
  try {
    return cut(textOf(reason, 0, false), LONGEST_LINE)
  } catch {
    return 'a reason that could not be read'
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}...`
}

function textOf(value: unknown, level: number, quoted: boolean): string {
  if (typeof value === 'string') return quoted ? JSON.stringify(cut(value, LONGEST_STRING)) : cut(value, LONGEST_STRING)
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Error) return `${value.name}: ${cut(value.message, LONGEST_STRING)}`
  if ('error' in value && value.error instanceof Error) return textOf(value.error, level, quoted)
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (level === MOST_LEVELS) return '...'
  if (Array.isArray(value)) return `[${partsOf(value, (part: unknown) => textOf(part, level + 1, quoted))}]`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return String(value)
  return `{${partsOf(Object.entries(value), ([key, part]) => `${JSON.stringify(cut(key, LONGEST_STRING))}:${textOf(part, level + 1, true)}`)}}`
}

function partsOf<T>(parts: readonly T[], text: (part: T) => string): string {
  return parts.slice(0, MOST_PARTS).map(text).concat(parts.length > MOST_PARTS ? ['...'] : []).join(', ')
}
