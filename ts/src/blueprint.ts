/**
 * How a process is described so that another isolate can make it: the module that defines it, the name under which it is
 * exported there, and its arguments.
 */
import type { Blueprint } from './engine/engine.js'
import { ErrorCode, VigaError } from './errors.js'
import type { Pid } from './pid.js'
import { Via } from './registry.js'
import type { ServerName } from './server-name.js'
import { copyTerm } from './term/copy.js'
import { describe } from './term/refusal.js'

/** Where a definition comes from: `import.meta`, or `{ url }` of that kind in a CommonJS module. */
export interface ModuleMeta {
  readonly url: string
}

export function isModuleMeta(value: unknown): value is ModuleMeta {
  return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string' && !('message' in value)
}

/** Kinds of blueprints. */
export const BlueprintKind = { Function: 'function', Server: 'server', Moved: 'moved server', DirtyPool: 'dirty pool' } as const

/** What travels with a server beside the arguments of its init. */
export interface ServerBlueprintOptions {
  readonly parent: Pid
  readonly name: unknown
  readonly label: string | undefined
}

/** A server that goes to another scheduler while it runs. */
export interface MovedServerOptions {
  readonly parent: Pid
  readonly label: string | undefined
  /** Its init is through, and this is its state. */
  readonly running: boolean
  readonly state: unknown
}

/** Stands for the blueprint of a server that is asked for one when it is to go elsewhere (`Process.pack`). */
export const PACKED_LATER: Blueprint = Object.freeze({ kind: BlueprintKind.Moved, url: '', name: '', args: [] })

/** Told apart from the original's URL by this, a second evaluation of a module whose first one failed. */
export const RETRY = 'viga-retry'

/**
 * The URL of `meta` as any isolate can import it.
 *
 * @throws ERR_VIGA_DEFINITION_NOT_FOUND for URLs that only this isolate can (a bundler's, a browser's).
 */
export function moduleUrl(meta: ModuleMeta, where: string): string {
  if (!/^(file|data):/.test(meta.url))
    throw new VigaError(
      ErrorCode.DefinitionNotFound,
      `${where}: the module is ${JSON.stringify(meta.url)}; another scheduler can import file: and data: URLs only`,
    )
  if (!meta.url.includes(RETRY)) return meta.url
  const url = new URL(meta.url)
  if (url.hash.includes(RETRY)) url.hash = ''
  url.searchParams.delete(RETRY)
  return url.href
}

/**
 * The blueprint of a process that runs a function. `args` are terms already.
 *
 * @throws ERR_VIGA_DEFINITION_NOT_FOUND when `body` has no name to find it by, or no module that others can import.
 */
export function functionBlueprint(
  meta: ModuleMeta | null,
  body: unknown,
  args: readonly unknown[],
  label: string | undefined,
  where: string,
): Blueprint {
  const name = typeof body === 'function' ? body.name : ''
  if (meta === null)
    throw new VigaError(
      ErrorCode.DefinitionNotFound,
      `${where}: ${name === '' ? 'the body' : name} should start on another scheduler, but its module is not known: give import.meta before it, as in ` +
        `spawnWith({ scheduler: 2 }, import.meta, ${name === '' ? 'body' : name}), and export it from that module`,
    )
  const url = moduleUrl(meta, where)
  if (name === '')
    throw new VigaError(
      ErrorCode.DefinitionNotFound,
      `${where}: ${describe(body)} without a name should start on another scheduler, which looks for it among the exports of ${url}: ` +
        'export a named function from there, and spawn that',
    )
  return { kind: BlueprintKind.Function, url, name, args, options: label === undefined ? undefined : { label } }
}

/** The name of a server as a term. */
export function nameTerm(name: ServerName | undefined): unknown {
  return name instanceof Via ? ['via', name.registry, copyTerm(name.key, 'name')] : name
}

/** What {@link nameTerm} stands for. */
export function nameOfTerm(term: unknown): ServerName | undefined {
  if (Array.isArray(term)) return new Via(term[1] as string, term[2])
  return term as ServerName | undefined
}
