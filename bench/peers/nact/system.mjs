import nact from 'nact'

export const { dispatch, query, spawn, spawnStateless, start, stop } = nact

/** A system for one run; pass what `work` returns on and stop the system. */
export async function inSystem(work) {
  const system = start()
  try {
    return await work(system)
  } finally {
    stop(system)
  }
}

let lastName = 0

/** Names of our own: nact's anonymous ones are random and may collide. */
export function nextName() {
  return `actor-${++lastName}`
}
