import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
/** Collects all garbage now: V8's `gc`, which it shows when asked to. */
export const collectGarbage = runInNewContext('gc') as () => void

/** Bytes held now, in V8's heap and in buffers beside it, once garbage is gone. */
export async function bytesHeld(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
