import { rateSince } from '../figures.mjs'
import { dispatch, inSystem, nextName, query, spawn } from './system.mjs'

function calls(count, callers) {
  return inSystem(async (system) => {
    const server = spawn(system, (state = 0, sender) => {
      dispatch(sender, state)
      return state
    }, nextName())
    const each = Math.floor(count / callers)
    const start = performance.now()
    await Promise.all(Array.from({ length: callers }, async () => {
      for (let i = 0; i < each; i++) await query(server, (sender) => sender, 5_000)
    }))
    return rateSince(start, each * callers)
  })
}

export const jobs = {
  one_caller: (count) => calls(count, 1),
  callers_64: (count) => calls(count, 64),
}
