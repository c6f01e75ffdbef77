/**
 * Modules of definitions in this isolate: importing those that other schedulers name, and finding in them what is to be started.
 */
import { RETRY } from './blueprint.js'
import { describeReason, ErrorCode, VigaError } from './errors.js'
import { importModule } from './module-import.js'
import { runOutsideProcesses } from './process/async-context.js'

export type Module = Readonly<Record<string, unknown>>

const loaded = new Map<string, Module>()
const loading = new Map<string, Promise<Module>>()
/** How often the last imports of a module have failed, one after the other. */
const failures = new Map<string, number>()

/** The module at `url`, if it has been loaded through here. */
export function loadedModule(url: string): Module | undefined {
  return loaded.get(url)
}

/**
 * Imports the module at `url`. All who ask while it is being imported share one import; one that failed is tried again when the
 * next one asks.
 *
 * @throws ERR_VIGA_DEFINITION_NOT_FOUND with the module's own error as the cause.
 */
export function loadModule(url: string): Promise<Module> {
  const there = loaded.get(url)
  if (there !== undefined) return Promise.resolve(there)
  let attempt = loading.get(url)
  if (attempt === undefined) {
    attempt = runOutsideProcesses(() => importOnce(url))
    loading.set(url, attempt)
  }
  return attempt
}

async function importOnce(url: string): Promise<Module> {
  const failed = failures.get(url) ?? 0
  try {
    const module = await importModule(failed === 0 ? url : anew(url, failed))
    loaded.set(url, module)
    failures.delete(url)
    return module
  } catch (error) {
    failures.set(url, failed + 1)
    throw new VigaError(ErrorCode.DefinitionNotFound, `the module ${url} could not be loaded: ${describeReason(error)}`, {
      cause: error,
    })
  } finally {
    loading.delete(url)
  }
}

/** Node keeps the error of a module that failed and gives it to everybody who imports the same URL; so it gets another one. */
function anew(url: string, failed: number): string {
  const again = new URL(url)
  if (again.protocol === 'data:') again.hash = `${RETRY}=${failed}`
  else again.searchParams.set(RETRY, String(failed))
  return again.href
}

/** Exports by name. A CommonJS module's are those of its default export too. */
export function exportsOf(module: Module): Map<string, unknown> {
  const found = new Map<string, unknown>(Object.entries(module))
  const whole = module['default']
  if (typeof whole === 'object' && whole !== null)
    for (const [name, value] of Object.entries(whole)) if (!found.has(name)) found.set(name, value)
  return found
}

/** The function that `name` means: exported under it, or called so and exported under another one. */
export function findFunction(module: Module, name: string): unknown {
  const exported = exportsOf(module)
  const direct = exported.get(name)
  if (direct !== undefined) return direct
  for (const value of exported.values()) if (typeof value === 'function' && value.name === name) return value
  return undefined
}

/** The name under which `module` exports `value`. */
export function findName(module: Module, value: unknown): string | undefined {
  for (const [name, exported] of exportsOf(module)) if (exported === value) return name
  return undefined
}

/** The error for `what`, which `module` does not export. */
export function notExported(url: string, module: Module, what: string, remedy: string): VigaError {
  const names = [...exportsOf(module).keys()].join(', ') || 'nothing'
  return new VigaError(ErrorCode.DefinitionNotFound, `${what} is not exported by ${url}, which exports ${names}; ${remedy}`)
}
