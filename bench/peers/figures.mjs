/** Operations a second since `start` (of performance.now()). */
export function rateSince(start, operations) {
  return { per_second: (operations * 1_000) / (performance.now() - start) }
}

/** Resident memory in bytes, after a full collection. */
export function residentBytes() {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage.rss()
}

/** A promise, and what settles it. */
export function settled() {
  let resolve
  const promise = new Promise((settle) => (resolve = settle))
  return { promise, resolve }
}
