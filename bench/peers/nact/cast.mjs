import { rateSince } from '../figures.mjs'
import { dispatch, inSystem, nextName, query, spawn } from './system.mjs'

/** Casts and a query, which is answered when all of them have been handled. */
function casts(count) {
  return inSystem(async (system) => {
    const server = spawn(system, (state = 0, { add, sender }) => {
      if (sender === undefined) return state + add
      dispatch(sender, state)
      return state
    }, nextName())
    const start = performance.now()
    for (let i = 0; i < count; i++) dispatch(server, { add: 1 })
    const handled = await query(server, (sender) => ({ sender }), 120_000)
    if (handled !== count) throw new Error(`${handled} of ${count} casts were handled`)
    return rateSince(start, count)
  })
}

export const jobs = { casts }
