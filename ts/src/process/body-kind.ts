// Told apart by their constructor, a property that inline caches serve; asking for the prototype is a call into V8's runtime.
const generatorFunction: unknown = (function* () {}).constructor
const asyncFunction: unknown = (async () => {}).constructor

export function isGeneratorFunction(value: unknown): boolean {
  return typeof value === 'function' && value.constructor === generatorFunction
}

export function isAsyncFunction(value: unknown): boolean {
  return typeof value === 'function' && value.constructor === asyncFunction
}

export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** True for what calling a generator function gives. */
export function isGenerator(value: unknown): value is Generator<unknown, unknown, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Symbol.iterator in value &&
    'next' in value &&
    typeof value.next === 'function'
  )
}
