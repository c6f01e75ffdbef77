import { Exit } from '../../src/index.js'

/** Throws. */
export const shut = (): never => {
  throw new Error('shut')
}
/** An object that cannot be looked at in any way. */
export const closedProxy = (): object =>
  new Proxy({}, { get: shut, has: shut, ownKeys: shut, getPrototypeOf: shut, getOwnPropertyDescriptor: shut })

/** Makes of what can be thrown the things that are hardest to look at. */
export const hostileThrown: readonly [string, () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['a function', () => () => 1],
  ['a symbol', () => Symbol('mine')],
  ['a proxy that allows nothing', closedProxy],
  ['a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }],
  ['an object without a prototype', () => Object.create(null) as unknown],
  ['an object whose getter throws', () => ({ get a(): never { return shut() } })],
  ['an error whose stack throws', () => Object.defineProperty(new Error('odd'), 'stack', { get: shut })],
  ['an error whose message throws', () => Object.defineProperty(new Error('odd'), 'message', { get: shut })],
  ['an error with itself as its cause', () => {
    const error = new Error('around')
    error.cause = error
    return error
  }],
  ['an exit whose reason throws', () => Object.defineProperty(new Exit('odd'), 'reason', { get: shut })],
  ['an exit with a function for a reason', () => new Exit(() => 1)],
  ['an exit whose reason contains itself', () => {
    const reason: unknown[] = []
    reason.push(reason)
    return new Exit(reason)
  }],
  ['an exit with a proxy for a reason', () => new Exit(closedProxy())],
]
