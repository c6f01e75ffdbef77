import { isMainThread, workerData } from 'node:worker_threads'
import { ErrorCode, VigaError } from './errors.js'
import { markAsScheduler } from './module-import.js'
import type { CrashReport } from './report.js'
import { joinRuntime } from './runtime.js'
import { SCHEDULER_DATA, type SchedulerData, type SchedulerMessage } from './scheduler-messages.js'
import { copyReason } from './term/copy.js'
import { encodeTerm } from './term/encode.js'
import { TermWriter } from './term/writer.js'
import { VERSION } from './version.js'

const fromSources = import.meta.url.endsWith('.ts')

/**
 * Makes this thread the scheduler that it was started for. Called by viga's own worker file, and by those of programs that bundle viga:
 * see docs/schedulers.md.
 *
 * @throws ERR_VIGA_BAD_ARGUMENT in a thread that no runtime of the same version has started.
 *
 * @example
 * // scheduler.ts, given to Runtime.start({ workerEntry: new URL('./scheduler.js', import.meta.url) })
 * import { runScheduler } from 'viga'
 * runScheduler()
 */
export function runScheduler(): void {
  const data = dataOfThread()
  // Its sources are read by a loader that reads everything else too.
  if (!fromSources) markAsScheduler()
  const { port } = data
  const tell = (message: SchedulerMessage): void => port.postMessage(message)
  joinRuntime(data, {
    want: (scheduler) => tell({ kind: 'want', scheduler }),
    crash: (report) => tell({ kind: 'crash', report: encodeReport(report) }),
    stop: () => tell({ kind: 'stop' }),
  })
  tell({ kind: 'joined' })
}

function dataOfThread(): SchedulerData {
  const given: unknown = workerData
  const data =
    !isMainThread && typeof given === 'object' && given !== null
      ? (given as Partial<Record<typeof SCHEDULER_DATA, SchedulerData>>)[SCHEDULER_DATA]
      : undefined
  if (data === undefined)
    throw new VigaError(
      ErrorCode.BadArgument,
      'runScheduler: this thread was not started as a scheduler; its file is for Runtime.start({ workerEntry })',
    )
  if (data.version !== VERSION)
    throw new VigaError(
      ErrorCode.BadArgument,
      `runScheduler: viga ${data.version} started this thread, whose file has viga ${VERSION}; bundle both from one installation`,
    )
  return data
}

const writer = new TermWriter()

function encodeReport(report: CrashReport): Uint8Array {
  writer.position = 0
  encodeTerm(writer, copyReason({ ...report }), 'report')
  return writer.written()
}
