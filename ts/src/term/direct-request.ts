/**
 * Requests that viga's own servers share with their callers: objects of classes, which are no terms. Some of them are made of terms
 * and can be made again on another scheduler; those that hold functions stay where they are.
 *
 * The classes say so themselves, for they belong to layers above this one.
 */
import { ErrorCode, VigaError } from '../errors.js'

type RequestClass = new (...parts: never[]) => object

interface Travelling {
  readonly name: string
  readonly partsOf: (request: never) => readonly unknown[]
  readonly make: (parts: readonly unknown[]) => object
}

const travelling = new Map<unknown, Travelling>()
const named = new Map<string, Travelling>()
const staying = new Map<unknown, string>()

/** Requests of this class are made again, under the same `name` in all isolates, from the terms that `partsOf` gives. */
export function letTravel<C extends RequestClass>(
  request: C,
  name: string,
  partsOf: (request: InstanceType<C>) => readonly unknown[],
): void {
  const entry: Travelling = {
    name,
    partsOf,
    make: (parts) => new request(...(parts as ConstructorParameters<C>)),
  }
  travelling.set(request, entry)
  named.set(name, entry)
}

/** Requests of this class are refused between schedulers, in these words: what stays, and what to do instead. */
export function letStay(request: RequestClass, why: string): void {
  staying.set(request, why)
}

/** Name and parts of a request that may travel; undefined for what is no such request. Throws for one that stays. */
export function partsOfRequest(value: object): { readonly name: string; readonly parts: readonly unknown[] } | undefined {
  const { constructor } = value
  const why = staying.get(constructor)
  if (why !== undefined) throw new VigaError(ErrorCode.NotATerm, `request: ${why}`)
  const entry = travelling.get(constructor)
  return entry === undefined ? undefined : { name: entry.name, parts: entry.partsOf(value as never) }
}

/** The request of this name and these parts; undefined when there are none of that name. */
export function requestOf(name: string, parts: readonly unknown[]): object | undefined {
  return named.get(name)?.make(parts)
}
