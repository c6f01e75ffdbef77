import { readdirSync, stat } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { ErrorCode, VigaError } from './errors.js'

/** Threads of libuv's pool unless the environment says something else. */
const DEFAULT_THREADS = 4
const variable = 'UV_THREADPOOL_SIZE'

/** Threads that libuv's pool has, or will have when it is first used, as far as the environment tells. */
export function threadPoolSize(): number {
  const said = Number.parseInt(process.env[variable] ?? '', 10)
  return said > 0 ? Math.min(said, 1_024) : DEFAULT_THREADS
}

/**
 * Gives libuv's pool `threads` threads, and starts them. libuv reads the size once, when the pool is first used, and says
 * neither whether that has happened nor how large the pool is; whether it took the size is seen from the number of threads of
 * the operating system before and after a first use, which starts them all before it returns.
 *
 * @throws ERR_VIGA_BAD_FLAG when the pool runs already, in other than the main thread, or where the threads cannot be counted.
 */
export function sizeThreadPool(threads: number): void {
  if (process.env[variable] === String(threads)) return
  const refuse = (why: string): VigaError =>
    new VigaError(
      ErrorCode.BadFlag,
      `threadPool (+A) is ${threads}, but ${why}; start node with ${variable}=${threads} in its environment, which is allowed always`,
    )
  if (!isMainThread) throw refuse('only the main thread can size the pool that all threads share')
  const before = threadCount()
  if (before === undefined) throw refuse(`whether the pool has been used cannot be told on ${process.platform}`)
  const old = process.env[variable]
  process.env[variable] = String(threads)
  stat('/', () => undefined)
  if ((threadCount() as number) - before >= threads) return
  if (old === undefined) delete process.env[variable]
  else process.env[variable] = old
  throw refuse('the pool has been used already (on Node 20 by the loader of ES modules)')
}

/** Threads of this operating system process, where it tells: on Linux. */
function threadCount(): number | undefined {
  if (process.platform !== 'linux') return undefined
  return readdirSync('/proc/self/task').length
}
