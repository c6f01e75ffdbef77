import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { encodedForTransfer } from './dirty-bytes.js'
import { DIRTY_DATA, type DirtyData, type WorkerAnswer, type WorkerTask } from './dirty-job.js'
import { markDirtyWorker } from './dirty-mark.js'
import { findFunction, loadModule, notExported } from './definition-loader.js'
import { ErrorCode, VigaError } from './errors.js'
import { markAsScheduler } from './module-import.js'
import { copyReason } from './term/copy.js'
import { decodeTerm } from './term/decode.js'
import { VERSION } from './version.js'

const fromSources = import.meta.url.endsWith('.ts')

/**
 * Makes this thread one of the dirty pool that it was started for: from then on it calls the functions it is asked for, one at a time. Called
 * by viga's own worker file, and by those of programs that bundle viga: see docs/dirty-pools.md.
 *
 * @throws ERR_VIGA_BAD_ARGUMENT in a thread that no runtime of the same version has started.
 *
 * @example
 * // dirty.ts, given to Runtime.start({ dirtyWorkerEntry: new URL('./dirty.js', import.meta.url) })
 * import { runDirtyWorker } from 'viga'
 * runDirtyWorker()
 */
export function runDirtyWorker(): void {
  const port = portOfThread()
  markDirtyWorker()
  // Its sources are read by a loader that reads everything else too.
  if (!fromSources) markAsScheduler()
  port.on('message', (task: WorkerTask) => {
    void perform(task).then((answer) => port.postMessage(answer, [answer.bytes.buffer as ArrayBuffer]))
  })
}

function portOfThread(): MessagePort {
  const given: unknown = workerData
  const data =
    !isMainThread && typeof given === 'object' && given !== null
      ? (given as Partial<Record<typeof DIRTY_DATA, DirtyData>>)[DIRTY_DATA]
      : undefined
  if (data === undefined)
    throw new VigaError(
      ErrorCode.BadArgument,
      'runDirtyWorker: this thread was not started for a dirty pool; its file is for Runtime.start({ dirtyWorkerEntry })',
    )
  if (data.version !== VERSION)
    throw new VigaError(
      ErrorCode.BadArgument,
      `runDirtyWorker: viga ${data.version} started this thread, whose file has viga ${VERSION}; bundle both from one installation`,
    )
  return parentPort as MessagePort
}

async function perform({ task, url, name, args }: WorkerTask): Promise<WorkerAnswer> {
  let fn: (...args: readonly unknown[]) => unknown
  try {
    fn = await load(url, name)
  } catch (error) {
    return { task, kind: 'failed', bytes: failure(error as VigaError) }
  }
  let value: unknown
  try {
    value = await fn(...(decodeTerm(args) as readonly unknown[]))
  } catch (thrown) {
    return { task, kind: 'threw', bytes: encodedForTransfer(copyReason(thrown), 'error') }
  }
  try {
    // Copied, not handed over as it is: the module may keep it.
    if (value instanceof Uint8Array) return { task, kind: 'bytes', bytes: new Uint8Array(value) }
    return { task, kind: 'term', bytes: encodedForTransfer(value, 'result') }
  } catch (error) {
    return { task, kind: 'failed', bytes: failure(error as VigaError) }
  }
}

/** The function that the module at `url` exports as `name`. @throws ERR_VIGA_DEFINITION_NOT_FOUND. */
async function load(url: string, name: string): Promise<(...args: readonly unknown[]) => unknown> {
  const module = await loadModule(url)
  const found = findFunction(module, name)
  if (typeof found === 'function') return found as (...args: readonly unknown[]) => unknown
  throw notExported(url, module, `the function ${name}`, 'export it under its name, and give the import.meta of the module that does')
}

/** A coded error as the pool passes it on; the code is added to the message again where it is thrown. */
function failure(error: VigaError): Uint8Array {
  const message = error.message.slice(0, -` (${error.code})`.length)
  return encodedForTransfer([error.code, message, copyReason(error.cause)], 'error')
}
