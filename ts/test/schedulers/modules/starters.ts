/** Processes that start others, and stop everything. */
import { type Coroutine, type Pid, receive, Runtime, self, send } from '../../../src/index.js'
import { Counter } from './counter.js'

/** Starts a server on `scheduler` as each kind of code may, and tells `to` who is linked with it in the end. */
export function* byYield(to: Pid<unknown>, scheduler: number): Coroutine {
  const counter = yield* Counter.startLink(1, { scheduler })
  send(to, { by: self(), where: yield* counter.call.where() })
  yield* receive()
}

export async function byAwait(to: Pid<unknown>, scheduler: number): Promise<void> {
  const counter = await Counter.startLink(1, { scheduler })
  send(to, { by: self(), where: await counter.call.where() })
  await receive()
}

export function stopAll(): void {
  Runtime.current?.stop()
}
