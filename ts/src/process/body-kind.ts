const generatorPrototype: unknown = Object.getPrototypeOf(function* () {})
const asyncPrototype: unknown = Object.getPrototypeOf(async () => {})

export function isGeneratorFunction(value: unknown): boolean {
  return typeof value === 'function' && Object.getPrototypeOf(value) === generatorPrototype
}

export function isAsyncFunction(value: unknown): boolean {
  return typeof value === 'function' && Object.getPrototypeOf(value) === asyncPrototype
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
