/** Workers that tell when they start and stop, and how trees and operations on them end. */
import { expect } from 'vitest'
import {
  type ChildSpec,
  type Down,
  genServer,
  isDown,
  monitor,
  type Pid,
  receive,
  reply,
  self,
  send,
  type StartError,
  stop,
  type SupervisorHandle,
  TIMEOUT,
  trapExit,
  VigaError,
} from '../src/index.js'

export interface Started {
  readonly up: string
  readonly pid: Pid<unknown>
}

/** A server that tells `observer` when it starts and, with `trap`, when it stops. */
export const Worker = genServer({
  init: (name: string, observer: Pid<unknown>, trap: boolean = true) => {
    if (trap) trapExit(true)
    send(observer, { up: name, pid: self() })
    return { name, observer }
  },
  call: { name: (state) => reply(state.name, state) },
  cast: { end: (state, reason: unknown) => stop(reason, state) },
  terminate: ({ name, observer }) => send(observer, { down: name }),
})

export function worker(id: string, overrides: Partial<ChildSpec> = {}): ChildSpec {
  return { ...Worker.child(id, self(), true, { id }), ...overrides }
}

export const isUp = (message: unknown): message is Started => typeof message === 'object' && message !== null && 'up' in message

/** The next `count` events, in order: `+a -b`. */
export async function events(count: number): Promise<string> {
  const seen: string[] = []
  for (let i = 0; i < count; i++) {
    const message = await receive<{ up: string } | { down: string }>(
      (m) => isUp(m) || (typeof m === 'object' && m !== null && 'down' in m),
    )
    seen.push('up' in message ? `+${message.up}` : `-${message.down}`)
  }
  return seen.join(' ')
}

export async function silence(): Promise<void> {
  expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
}

export async function endOf(pid: Pid, act: () => unknown = () => undefined): Promise<unknown> {
  const ref = monitor(pid)
  const acted = act()
  const { reason } = await receive((message): message is Down => isDown(message, ref))
  await acted
  return reason
}

export async function pidOf(tree: SupervisorHandle, id: string): Promise<Pid<unknown>> {
  const child = (await tree.whichChildren()).find((each) => each.id === id)
  return child?.pid as Pid<unknown>
}

export async function failure(operation: PromiseLike<unknown>): Promise<StartError | VigaError> {
  try {
    await operation
  } catch (error) {
    if (error instanceof VigaError) return error
    throw error
  }
  throw new Error('it did not fail')
}

export const startReason = async (operation: PromiseLike<unknown>): Promise<unknown> =>
  ((await failure(operation)) as StartError).reason
