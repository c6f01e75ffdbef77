import { rateSince, settled } from '../figures.mjs'
import { dispatch, inSystem, nextName, spawn } from './system.mjs'

function pingpong(count) {
  return inSystem(async (system) => {
    const end = settled()
    const pong = spawn(system, (_state, [ping, n], { self }) => dispatch(ping, [self, n]), nextName())
    let start = 0
    const ping = spawn(system, (_state, [, n], { self }) => {
      if (n > 1) dispatch(pong, [self, n - 1])
      else end.resolve(rateSince(start, count))
    }, nextName())
    start = performance.now()
    dispatch(pong, [ping, count])
    return end.promise
  })
}

export const jobs = { one_scheduler: pingpong }
