/** Errors as terms: what of them is carried, and how they are made again. */

export interface ErrorFacts {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause: unknown
  /** Own enumerable properties beside these, and an AggregateError's errors. */
  readonly further: Readonly<Record<string, unknown>>
}

type ErrorClass = new (message: string) => Error

const builtIn = new Map<string, ErrorClass>(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map((made) => [made.name, made]),
)

/** What a copy of `error` carries. */
export function errorFacts(error: Error): ErrorFacts {
  const further: Record<string, unknown> = {}
  for (const key of Object.keys(error))
    if (key !== 'name' && key !== 'message' && key !== 'stack' && key !== 'cause' && key !== '__proto__')
      further[key] = (error as unknown as Record<string, unknown>)[key]
  if (error instanceof AggregateError && Object.hasOwn(error, 'errors')) further['errors'] = error.errors as unknown
  return {
    name: nameOf(error),
    message: String(error.message),
    stack: typeof error.stack === 'string' ? error.stack : undefined,
    cause: error.cause,
    further,
  }
}

/** Its `name`, or that of its class where the class has not cared to set one. */
function nameOf(error: Error): string {
  const name = String(error.name)
  if (!builtIn.has(name) || Object.hasOwn(error, 'name')) return name
  const constructor: unknown = error.constructor
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : name
}

/** An error of the built-in class of this name, or an `Error` that bears it. Takes `further` over, no copy is made. */
export function makeError(
  name: string,
  message: string,
  stack: string | undefined,
  cause: unknown,
  further: object,
): Error {
  const made = builtIn.get(name) ?? Error
  // Capturing a stack takes microseconds, and this one would be replaced.
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const error = new made(message)
  Error.stackTraceLimit = limit
  define(error, 'stack', stack)
  if (error.name !== name) define(error, 'name', name)
  if (cause !== undefined) define(error, 'cause', cause)
  return Object.assign(error, further)
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}
