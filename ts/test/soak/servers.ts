import { setTimeout as pause } from 'node:timers/promises'
import { type Coroutine, type From, GenServer, genServer, type HandleOf, memory, type Pid, reply, schedulerId, stop } from '../../src/index.js'
import { closeBooks, type Page, pages } from './book.js'
import type { Charter } from './citizen.js'
import { PATIENCE } from './patience.js'
import { Wanderer } from './wanderer.js'

/** What citizens call: it answers at once, later, or with its end. */
export const Echo = genServer(import.meta, {
  init: () => 0,
  call: {
    echo: (count, n: number, payload: unknown) => reply([n + 1, payload] as const, count + 1),
    async slow(count, n: number, milliseconds: number) {
      await pause(milliseconds)
      return reply(n + 1, count + 1)
    },
    die: (count, tag: string) => stop(['shutdown', tag], count),
  },
  cast: {
    /** Answers a call of somebody else. */
    answer(count, caller: From<number>, n: number) {
      GenServer.reply(caller, n)
      return count + 1
    },
  },
})

/** One on each scheduler: hands out the books of its isolate, and starts those who wander from there. */
export const Registrar = genServer(import.meta, {
  init: () => schedulerId(),
  call: {
    pages: (scheduler): ReturnType<typeof reply<Page[], number>> => reply(pages(), scheduler),
    *launch(scheduler, charter: Charter) {
      const { pid } = yield* Wanderer.start(charter)
      return reply(pid as Pid<unknown>, scheduler)
    },
    newRound(scheduler) {
      closeBooks()
      return reply('closed', scheduler)
    },
    /** Collects what V8 holds for nobody, so that binaries are given back. Memory of other schedulers goes to them when this one is idle next. */
    collect(scheduler) {
      globalThis.gc?.()
      return reply(memory(), scheduler)
    },
  },
})

export function* startRegistrar(scheduler: number): Coroutine<HandleOf<typeof Registrar>> {
  const { pid } = yield* Registrar.start({ scheduler })
  return Registrar.at(pid, { timeout: PATIENCE })
}
