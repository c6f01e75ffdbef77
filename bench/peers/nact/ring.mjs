import { rateSince, settled } from '../figures.mjs'
import { dispatch, inSystem, nextName, spawn } from './system.mjs'

const MEMBERS = 1_000

function hops(count, tokens) {
  return inSystem(async (system) => {
    const end = settled()
    const each = Math.floor(count / tokens)
    let ended = 0
    let start = 0
    const starter = spawn(system, () => {
      if (++ended === tokens) end.resolve(rateSince(start, each * tokens))
    }, nextName())
    let first
    const last = spawn(system, (_state, n) => dispatch(n === 0 ? starter : first, n - 1), nextName())
    first = last
    for (let i = 1; i < MEMBERS; i++) {
      const next = first
      first = spawn(system, (_state, n) => dispatch(n === 0 ? starter : next, n - 1), nextName())
    }
    start = performance.now()
    for (let i = 0; i < tokens; i++) dispatch(first, each - 1)
    return end.promise
  })
}

export const jobs = {
  one_token: (count) => hops(count, 1),
  hundred_tokens: (count) => hops(count, 100),
}
