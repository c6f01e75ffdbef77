import { BlueprintKind, type MovedServerOptions, nameOfTerm, type ServerBlueprintOptions } from './blueprint.js'
import { findFunction, loadedModule, loadModule, type Module, notExported } from './definition-loader.js'
import { DirtyPoolProcess } from './dirty-pool-process.js'
import type { DirtyKind } from './dirty-settings.js'
import type { Blueprint } from './engine/engine.js'
import { ErrorCode, VigaError } from './errors.js'
import { ArrivingProcess } from './process/arriving-process.js'
import type { Process } from './process/process.js'
import { findDefinition } from './server-definition.js'
import { ServerProcess } from './server-process.js'
import { processFor } from './spawn.js'

/**
 * The process that `blueprint` describes: at once when its module has been loaded, else one that stands for it until then. What
 * cannot be made ends with the error, like any process. Never throws.
 */
export function arrive(blueprint: Blueprint): Process {
  if (blueprint.kind === BlueprintKind.DirtyPool) return new DirtyPoolProcess(blueprint.args[0] as DirtyKind)
  const module = loadedModule(blueprint.url)
  const process = module === undefined ? undefined : madeOf(module, blueprint)
  return process ?? arriving(blueprint)
}

function madeOf(module: Module, blueprint: Blueprint): Process | undefined {
  try {
    return build(module, blueprint)
  } catch {
    // The arriving process meets the same error, and ends with it.
    return undefined
  }
}

function arriving(blueprint: Blueprint): Process {
  const process = new ArrivingProcess(async () => build(await loadModule(blueprint.url), blueprint))
  process.label = labelOf(blueprint)
  return process
}

function labelOf(blueprint: Blueprint): string | undefined {
  return (blueprint.options as { readonly label?: string } | undefined)?.label
}

function build(module: Module, blueprint: Blueprint): Process {
  const process = bodyOf(module, blueprint)
  process.label = labelOf(blueprint)
  return process
}

function bodyOf(module: Module, blueprint: Blueprint): Process {
  const { kind, url, name, args } = blueprint
  switch (kind) {
    case BlueprintKind.Function: {
      const body = findFunction(module, name)
      if (typeof body === 'function') return processFor(body, args)
      throw notExported(url, module, `the function ${name}`, `export it there under this name`)
    }
    case BlueprintKind.Server: {
      const definition = findDefinition(module, name)
      if (definition === undefined)
        throw notExported(url, module, `the server definition ${name}`, 'export what genServer(import.meta, ...) gives')
      const { parent, name: registered } = blueprint.options as ServerBlueprintOptions
      return new ServerProcess(definition.compiled, parent, { args, name: nameOfTerm(registered) })
    }
    case BlueprintKind.Moved: {
      const definition = findDefinition(module, name)
      if (definition === undefined)
        throw notExported(url, module, `the server definition ${name}`, 'export what genServer(import.meta, ...) gives')
      const options = blueprint.options as MovedServerOptions
      const server = new ServerProcess(definition.compiled, options.parent)
      server.unpack(options)
      return server
    }
    default:
      throw new VigaError(ErrorCode.DefinitionNotFound, `a process of kind ${kind} cannot start here; another version of viga sent it`)
  }
}
