import { performance } from 'node:perf_hooks'
import { Registry } from '../../ts/src/index.js'
import { type Figures, inPlainProcess, type Jobs, rateSince, shuffled } from './jobs.js'

type Rooms = Registry<string, null>

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `room:${i + 1}`)
}

function inRegistry(work: (rooms: Rooms) => Figures): Figures {
  const rooms = Registry.start<string, null>({ name: 'bench' })
  const figures = work(rooms)
  rooms.stop()
  return figures
}

function registerAll(rooms: Rooms, keys: readonly string[]): void {
  for (const key of keys) if (!rooms.register(key, null).registered) throw new Error(`${key} is taken`)
}

function register(count: number): Figures {
  const keys = keysOf(count)
  return inRegistry((rooms) => {
    const start = performance.now()
    registerAll(rooms, keys)
    return rateSince(start, count)
  })
}

function lookup(count: number): Figures {
  const keys = keysOf(count)
  return inRegistry((rooms) => {
    registerAll(rooms, keys)
    const order = shuffled(keys)
    const start = performance.now()
    for (const key of order) if (rooms.lookup(key).length !== 1) throw new Error(`nobody is registered as ${key}`)
    return rateSince(start, count)
  })
}

export const jobs: Jobs = {
  register: (count) => inPlainProcess(() => register(count)),
  lookup: (count) => inPlainProcess(() => lookup(count)),
}
