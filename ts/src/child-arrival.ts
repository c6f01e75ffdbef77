/** Children whose specification has come from another scheduler. */
import type { CheckedSpec } from './child-spec.js'
import { loadedModule, loadModule, type Module, notExported } from './definition-loader.js'
import { composed, type Steps, step } from './process/composed-operation.js'
import type { Operation } from './process/operation.js'
import { settled } from './process/promise-operation.js'
import { findDefinition } from './server-definition.js'
import { optionsOf, type StartBlueprint } from './start-blueprint.js'

/** A child specification with what another isolate makes its start function of. */
export interface TravellingSpec extends Omit<CheckedSpec, 'start'> {
  readonly start: StartBlueprint
}

/** The specification with a start function of this isolate. */
export function arrivedSpec(spec: CheckedSpec | TravellingSpec): CheckedSpec {
  const { start } = spec
  return typeof start === 'function' ? (spec as CheckedSpec) : { ...spec, start: () => startHere(start) }
}

/** Starts the child, linked, from within its supervisor. Fails with ERR_VIGA_DEFINITION_NOT_FOUND. */
function startHere(start: StartBlueprint): Operation<unknown> {
  const module = loadedModule(start.url)
  if (module !== undefined) return startFrom(module, start)
  return composed(function* (): Steps<unknown> {
    return yield* step(startFrom(yield* step(settled(loadModule(start.url))), start))
  })
}

function startFrom(module: Module, start: StartBlueprint): Operation<unknown> {
  const { url, name, args } = start
  const definition = findDefinition(module, name)
  if (definition === undefined)
    throw notExported(url, module, `the server definition ${name}`, 'export what genServer(import.meta, ...) gives')
  return definition.childStart(args, optionsOf(start))()
}
