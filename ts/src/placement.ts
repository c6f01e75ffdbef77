import type { DefinitionHome } from './definition-home.js'
import { ErrorCode, VigaError } from './errors.js'
import type { BaseOperation } from './process/operation.js'
import { settled } from './process/promise-operation.js'
import { activeEngine } from './runtime-state.js'
import { HERE, placeOf } from './scheduler-place.js'

/** Where a server that was given a scheduler starts, decided when its start begins. */
export class Placement {
  readonly #scheduler: number
  readonly #home: DefinitionHome | null
  #place: number | null = null
  #search: BaseOperation<void> | null = null

  constructor(scheduler: number, home: DefinitionHome | null) {
    this.#scheduler = scheduler
    this.#home = home
  }

  /**
   * What must be found out before the start: where others find the definition. Null when nothing must, or all has been.
   *
   * @throws ERR_VIGA_BAD_ARGUMENT for a scheduler that is not there; ERR_VIGA_DEFINITION_NOT_FOUND for a server without `import.meta`.
   */
  get search(): BaseOperation<void> | null {
    if (this.#place === null) {
      this.#place = placeOf(activeEngine(), this.#scheduler, 'start')
      if (this.#place !== HERE) this.#search = searchFor(this.#home, this.#place)
    }
    return this.#search
  }

  found(): void {
    this.#search = null
  }

  /** HERE, or another scheduler, on which `home` is found. */
  get place(): number {
    return this.#place ?? HERE
  }

  /** Of a server that starts on another scheduler. */
  get home(): DefinitionHome {
    return this.#home as DefinitionHome
  }
}

function searchFor(home: DefinitionHome | null, place: number): BaseOperation<void> | null {
  if (home === null)
    throw new VigaError(
      ErrorCode.DefinitionNotFound,
      `start: the server should start on scheduler ${place}, but its module is not known there: define it with genServer(import.meta, ...) and export it`,
    )
  return home.name === null ? settled(home.find()) : null
}
