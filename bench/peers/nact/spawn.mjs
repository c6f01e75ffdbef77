import { rateSince, settled } from '../figures.mjs'
import { dispatch, inSystem, nextName, spawn, stop } from './system.mjs'

/** A child that answers its first message and stops: an actor has no other way to begin. */
function child(system, parent) {
  const actor = spawn(system, (_state, to, { self }) => {
    dispatch(to, 'done')
    stop(self)
  }, nextName())
  dispatch(actor, parent)
}

/** The parent keeps `alive` children going and spawns a batch when the last of one has spoken. */
function spawnAndExit(count, alive) {
  return inSystem(async (system) => {
    const end = settled()
    const start = performance.now()
    let left = count
    let awaited = 0
    const parent = spawn(system, (_state, _message, { self }) => {
      if (--awaited > 0) return
      if (left <= 0) return end.resolve(rateSince(start, count))
      awaited = Math.min(left, alive)
      left -= awaited
      for (let i = awaited; i > 0; i--) child(system, self)
    }, nextName())
    dispatch(parent, 'begin')
    return end.promise
  })
}

export const jobs = {
  one_at_a_time: (count) => spawnAndExit(count, 1),
  ten_thousand: (count) => spawnAndExit(count, 10_000),
}
