/** How the start of a child is described, so that a supervisor on another scheduler can start it there. */
import { nameOfTerm, nameTerm } from './blueprint.js'
import type { DefinitionHome } from './definition-home.js'
import type { ServerName } from './server-name.js'
import type { StartOptions } from './start.js'
import { copyTerm } from './term/copy.js'

/** A start function as terms. */
export interface StartBlueprint {
  readonly url: string
  /** Under which the module exports the definition, or its place there ('#1'). */
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: Readonly<Record<string, unknown>>
}

interface Described {
  readonly home: DefinitionHome
  readonly args: readonly unknown[]
  readonly options: StartOptions
}

const described = new WeakMap<object, Described>()

/** `start` starts the definition of `home` with `args` and `options`. */
export function describeStart(start: object, home: DefinitionHome, args: readonly unknown[], options: StartOptions): void {
  described.set(start, { home, args, options })
}

/**
 * What another isolate makes a start function of; undefined for functions that only this one has.
 *
 * @throws ERR_VIGA_DEFINITION_NOT_FOUND for a module that other isolates cannot import; ERR_VIGA_NOT_A_TERM for arguments or options
 *   that stay here.
 */
export function startBlueprint(start: object): StartBlueprint | undefined {
  const known = described.get(start)
  if (known === undefined) return undefined
  const { home, args, options } = known
  const { url } = home
  // Nobody waits for the search here, and the place says the same as the name.
  if (home.name === null) home.findSoon()
  return {
    url,
    name: home.name ?? `#${home.place}`,
    args: args.map((arg, place) => copyTerm(arg, `argument ${place + 1}`)),
    options: copyTerm({ ...options, name: nameTerm(options.name) }, 'options'),
  }
}

/** The options of a blueprint that has arrived. */
export function optionsOf({ options }: StartBlueprint): StartOptions {
  const name: ServerName | undefined = nameOfTerm(options['name'])
  const { name: _, ...others } = options
  return name === undefined ? others : { ...others, name }
}
