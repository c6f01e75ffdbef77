import { type ModuleMeta, moduleUrl } from './blueprint.js'
import { findName, loadModule, notExported } from './definition-loader.js'
import { isScheduler } from './module-import.js'

/** Milliseconds that importing a module again may take. One that takes longer is still busy with its own top level. */
const PATIENCE = 50

const fromSources = import.meta.url.endsWith('.ts')

/**
 * In a test that vitest runs, modules are instances of vitest's; what the built package imports would be others, evaluated once more.
 * Only viga's own sources are read by vitest too.
 */
function isReadOtherwise(): boolean {
  return process.env['VITEST'] !== undefined && !fromSources && !isScheduler()
}

const made = new Map<string, number>()

/**
 * Where other isolates find a definition: its module and the name under which that exports it. A definition does not know the name;
 * it is looked for, by identity, when it is first needed.
 *
 * A module whose top level awaits the start of its own definition cannot be looked into before that is through. Meanwhile the
 * definition goes by its place among those of the module ('#1' is the first), which the other side looks for among the exports. So
 * do definitions in tests that vitest runs.
 */
export class DefinitionHome {
  readonly #meta: ModuleMeta
  readonly #definition: object
  /** The how manieth definition of its module it is, from 1. */
  readonly place: number
  #name: string | null = null
  #search: Promise<void> | null = null

  constructor(meta: ModuleMeta, definition: object) {
    this.#meta = meta
    this.#definition = definition
    this.place = (made.get(meta.url) ?? 0) + 1
    made.set(meta.url, this.place)
  }

  /** @throws ERR_VIGA_DEFINITION_NOT_FOUND for a module that other isolates cannot import. */
  get url(): string {
    return moduleUrl(this.#meta, 'start')
  }

  /** Null until {@link find} has found it. */
  get name(): string | null {
    return this.#name
  }

  /** Finds the name. @throws ERR_VIGA_DEFINITION_NOT_FOUND when the module does not export the definition. */
  async find(): Promise<void> {
    if (this.#search === null) {
      this.#search = this.#look()
      // Who finds its patience at an end does not hear of it any more; the other side then says the same.
      this.#search.catch(() => undefined)
    }
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE)))
    try {
      await Promise.race([this.#search, patience])
    } finally {
      clearTimeout(timer)
    }
    this.#name ??= `#${this.place}`
  }

  /** Finds the name for later, if it can be found: what is wrong with it is told to who needs it. */
  findSoon(): void {
    this.find().catch(() => undefined)
  }

  async #look(): Promise<void> {
    if (isReadOtherwise()) return
    const module = await loadModule(this.url)
    const name = findName(module, this.#definition)
    if (name === undefined)
      throw notExported(this.url, module, 'the server definition that should start on another scheduler', 'export it there by a name of its own')
    this.#name = name
  }
}
