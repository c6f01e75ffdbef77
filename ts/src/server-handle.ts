import { type CallOptions, CallOperation } from './call.js'
import { castDirectly } from './cast.js'
import { ServerHandleBase } from './server-handle-base.js'
import type { ServerRef } from './server-ref.js'
import { copyTerm } from './term/copy.js'

const TARGET: unique symbol = Symbol('viga.target')
const OPTIONS: unique symbol = Symbol('viga.options')

/** Requests to one server: an instance of a class made once per definition, with one method per request. */
class Client {
  readonly [TARGET]: ServerRef
  readonly [OPTIONS]: CallOptions | undefined

  constructor(target: ServerRef, options: CallOptions | undefined) {
    this[TARGET] = target
    this[OPTIONS] = options
  }
}

export type ClientClass = new (target: ServerRef, options: CallOptions | undefined) => object

/** The class whose methods make the calls called `names`. A request is the term [name, ...arguments]. */
export function callClientClass(names: readonly string[]): ClientClass {
  class CallClient extends Client {}
  for (const name of names)
    defineMethod(CallClient, name, function (this: Client, a: unknown, b: unknown) {
      switch (arguments.length) {
        case 0:
          return new CallOperation(this[TARGET], [name], this[OPTIONS])
        case 1:
          return new CallOperation(this[TARGET], [name, a], this[OPTIONS])
        case 2:
          return new CallOperation(this[TARGET], [name, a, b], this[OPTIONS])
        default:
          return new CallOperation(this[TARGET], [name, ...arguments], this[OPTIONS])
      }
    })
  return CallClient
}

/** The class whose methods make the casts called `names`. */
export function castClientClass(names: readonly string[]): ClientClass {
  class CastClient extends Client {}
  for (const name of names)
    defineMethod(CastClient, name, function (this: Client, ...args: readonly unknown[]) {
      castDirectly(this[TARGET], [name, ...args.map((arg) => copyTerm(arg, 'request'))])
    })
  return CastClient
}

function defineMethod(
  owner: { readonly prototype: object },
  name: string,
  method: (this: Client, ...args: unknown[]) => unknown,
): void {
  Object.defineProperty(owner.prototype, name, { value: method, configurable: true, writable: true })
}

/** A server of one definition: its calls and casts as methods. */
export class ServerHandle<out Calls extends object = object, out Casts extends object = object> extends ServerHandleBase {
  /** Requests with a reply: `await counter.call.add(5)`. */
  readonly call: Calls
  /** Requests without: `counter.cast.reset()`. */
  readonly cast: Casts
  readonly #clients: readonly [ClientClass, ClientClass]

  /** Use `start` or `at` of a definition. */
  constructor(target: ServerRef, clients: readonly [ClientClass, ClientClass], options: CallOptions | undefined) {
    super(target)
    this.#clients = clients
    this.call = new clients[0](target, options) as Calls
    this.cast = new clients[1](target, options) as Casts
  }

  /** The same server with other options for calls: `counter.with({ timeout: 100 }).call.get()`. */
  with(options: CallOptions): ServerHandle<Calls, Casts> {
    return new ServerHandle<Calls, Casts>(this.target, this.#clients, options)
  }
}
