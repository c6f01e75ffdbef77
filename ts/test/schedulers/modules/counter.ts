import { genServer, reply, type Pid, receive, schedulerId, self, send } from '../../../src/index.js'

export const Counter = genServer(import.meta, {
  init: (start: number) => start,
  call: {
    get: (n) => reply(n, n),
    add: (n, by: number) => reply(n + by, n + by),
    where: (n) => reply({ scheduler: schedulerId(), pid: self() }, n),
    crash: (n): ReturnType<typeof reply<number, number>> => {
      throw new Error(`crash at ${n}`)
    },
  },
  cast: { set: (_, to: number) => to },
})

/** Not exported: no other scheduler can find it. */
const Hidden = genServer(import.meta, { init: () => 0 })
export const startHidden = (scheduler: number) => Hidden.start({ scheduler })

export default genServer(import.meta, { init: (text: string) => text, call: { text: (text) => reply(text, text) } })

/** Sends what it was given, and where it runs, to `to`. */
export function* tell(to: Pid<unknown>, ...given: readonly unknown[]): Generator {
  send(to, { scheduler: schedulerId(), given })
  yield* receive()
}

export async function tellAsync(to: Pid<unknown>, given: unknown): Promise<void> {
  send(to, { scheduler: schedulerId(), given })
  await receive()
}

export { tell as tellUnderAnotherName }
