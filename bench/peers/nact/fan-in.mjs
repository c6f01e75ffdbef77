import { rateSince, settled } from '../figures.mjs'
import { dispatch, inSystem, nextName, spawn } from './system.mjs'

const PRODUCERS = 100

function fanIn(count) {
  return inSystem(async (system) => {
    const end = settled()
    const each = Math.floor(count / PRODUCERS)
    let left = each * PRODUCERS
    let start = 0
    const consumer = spawn(system, () => {
      if (--left === 0) end.resolve(rateSince(start, each * PRODUCERS))
    }, nextName())
    const producers = Array.from({ length: PRODUCERS }, (_, producer) =>
      spawn(system, () => {
        for (let n = each; n > 0; n--) dispatch(consumer, [producer, n])
      }, nextName()),
    )
    start = performance.now()
    for (const producer of producers) dispatch(producer, 'go')
    return end.promise
  })
}

export const jobs = { hundred_producers: fanIn }
