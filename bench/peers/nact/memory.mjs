import { residentBytes } from '../figures.mjs'
import { inSystem, nextName, spawn } from './system.mjs'

export const jobs = {
  waiting: (count) =>
    inSystem(async (system) => {
      const before = residentBytes()
      for (let i = 0; i < count; i++) spawn(system, (state) => state, nextName())
      return { bytes: (residentBytes() - before) / count }
    }),
}
