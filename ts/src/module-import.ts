import { tsxHooks } from './boot-from-sources.js'
import { ErrorCode, VigaError } from './errors.js'

const TYPESCRIPT = /\.[cm]?tsx?$/

let inWorker = false
/** tsx has been registered in this isolate; twice would break it. */
let tsx: Promise<void> | undefined

/** From here on this isolate is one that viga started, to which the loaders of the main thread do not reach. */
export function markAsScheduler(): void {
  inWorker = true
}

/** True in a thread that viga started. */
export function isScheduler(): boolean {
  return inWorker
}

/**
 * Imports the module at `url`. In a thread that viga started, TypeScript goes through tsx where the program does (vitest counts),
 * or where Node cannot read it by itself; tsx is looked for from the module's folder, then from viga's.
 *
 * @throws ERR_VIGA_DEFINITION_NOT_FOUND for TypeScript that nothing here can read; otherwise what the module throws.
 */
export async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  const isTypeScript = inWorker && url.startsWith('file:') && TYPESCRIPT.test(new URL(url).pathname)
  if (!isTypeScript || hasOtherLoader()) return await importNow(url)
  if (!stripsTypes() || parentUsesTsx()) await (tsx ??= registerTsx(url))
  try {
    return await importNow(url)
  } catch (error) {
    if (tsx !== undefined || !isBeyondStripping(error)) throw error
    await (tsx ??= registerTsx(url))
    return await importNow(url)
  }
}

async function importNow(url: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(url)) as Readonly<Record<string, unknown>>
}

function commandLine(): string {
  return [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ')
}

/** Loaders that worker threads get from the command line as the main thread does. */
function hasOtherLoader(): boolean {
  return /ts-node|swc-node|@swc|esbuild-register/.test(commandLine())
}

/** tsx on the command line registers itself in the main thread alone; vitest reads TypeScript in a way of its own. */
function parentUsesTsx(): boolean {
  return /\btsx\b/.test(commandLine()) || process.env['VITEST'] !== undefined
}

/** Node reads TypeScript by leaving out its types. */
function stripsTypes(): boolean {
  const { features } = process as { features: { typescript?: unknown } }
  return features.typescript !== undefined && features.typescript !== false
}

/** More than types would have to be left out, or './x.js' means './x.ts'. */
function isBeyondStripping(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || code === 'ERR_MODULE_NOT_FOUND'
}

async function registerTsx(url: string): Promise<void> {
  const entries = findTsx(url) ?? findTsx(import.meta.url)
  if (entries === undefined) {
    if (stripsTypes()) return
    throw new VigaError(
      ErrorCode.DefinitionNotFound,
      `${url} is TypeScript, which Node ${process.versions.node} cannot read in the thread of a scheduler: install tsx (npm i -D tsx), ` +
        'start Node with --import tsx, use Node 22.18 or later, or compile it first',
    )
  }
  for (const entry of entries) ((await import(entry)) as { register(): void }).register()
}

/** Where tsx's hooks for import and for require are, as seen from the module at `from`. */
function findTsx(from: string): readonly string[] | undefined {
  try {
    return tsxHooks(from)
  } catch {
    // Not installed there.
    return undefined
  }
}
