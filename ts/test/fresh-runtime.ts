import { afterEach, beforeEach } from 'vitest'
import { type Coroutine, type CrashReport, isDown, receive, Runtime, type RuntimeOptions, spawnMonitor } from '../src/index.js'

/** Gives every test of the file a runtime of its own and returns the crash reports of the test in progress. */
export function freshRuntime(options: RuntimeOptions = {}): CrashReport[] {
  const reports: CrashReport[] = []
  let runtime: Runtime | undefined
  beforeEach(() => {
    reports.length = 0
    runtime = Runtime.start({ onCrash: (report) => reports.push(report), ...options })
  })
  afterEach(() => runtime?.stop())
  return reports
}

/** Runs `body` as a process of its own and gives its result, or throws what it threw. */
export async function inProcess<T>(body: () => Coroutine<T>): Promise<T> {
  let result: { value: T } | undefined
  let failure: { thrown: unknown } | undefined
  const { ref } = spawnMonitor(function* (): Coroutine<void> {
    try {
      result = { value: yield* body() }
    } catch (thrown) {
      failure = { thrown }
    }
  })
  const down = await receive((message) => isDown(message, ref))
  if (failure !== undefined) throw failure.thrown
  if (result === undefined) throw new Error(`the process was ended by a signal: ${JSON.stringify(down)}`)
  return result.value
}
