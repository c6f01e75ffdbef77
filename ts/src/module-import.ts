import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { ErrorCode, VigaError } from './errors.js'

const TYPESCRIPT = /\.[cm]?tsx?$/

/** tsx has been asked for in this isolate, by us or by the command line. */
let tsxThere: Promise<void> | undefined

/**
 * Imports the module at `url`. For TypeScript in an isolate that cannot read it by itself, tsx is registered first where it can be
 * found: from the module's folder, or from viga's.
 *
 * @throws ERR_VIGA_DEFINITION_NOT_FOUND for TypeScript that nothing here can read; otherwise what the module throws.
 */
export async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  if (isWorkerOfTypeScript(url)) await (tsxThere ??= registerTsx(url))
  return (await import(url)) as Readonly<Record<string, unknown>>
}

let inScheduler = false

/** From here on this isolate is one that viga started. Others have read their TypeScript by some means already. */
export function markAsScheduler(): void {
  inScheduler = true
}

function isWorkerOfTypeScript(url: string): boolean {
  return inScheduler && url.startsWith('file:') && TYPESCRIPT.test(new URL(url).pathname) && !readsTypeScript()
}

/**
 * A loader given on the command line is in force in worker threads too. Vitest's is not, and what goes through vitest is
 * seldom written for Node's own type stripping: there tsx is preferred.
 */
function readsTypeScript(): boolean {
  const options = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ')
  if (/\btsx\b|ts-node|swc|esbuild-register/.test(options)) return true
  return stripsTypes() && process.env['VITEST'] === undefined
}

function stripsTypes(): boolean {
  const { features } = process as { features: { typescript?: unknown } }
  return features.typescript !== undefined && features.typescript !== false
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
    const require = createRequire(from)
    return ['tsx/esm/api', 'tsx/cjs/api'].map((name) => pathToFileURL(require.resolve(name)).href)
  } catch {
    // Not installed there.
    return undefined
  }
}
