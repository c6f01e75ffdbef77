import { type ModuleMeta, moduleUrl } from './blueprint.js'
import { findFunction, loadModule } from './definition-loader.js'

/** Whether a function is what its module exports under its name; missing until somebody has asked. */
const exported = new WeakMap<object, boolean>()

/**
 * True when other schedulers find `body` by its name, so that a process which has not begun may go there. The first time it is asked
 * of a function it says no, and looks.
 */
export function isMovable(meta: ModuleMeta, body: unknown): boolean {
  if (typeof body !== 'function' || body.name === '') return false
  const known = exported.get(body)
  if (known === undefined) {
    exported.set(body, false)
    lookAt(meta, body).then(
      (found) => exported.set(body, found),
      // Not to be imported: then it stays where it is, which is all that is asked here.
      () => exported.set(body, false),
    )
  }
  return known === true
}

async function lookAt(meta: ModuleMeta, body: { readonly name: string }): Promise<boolean> {
  const module = await loadModule(moduleUrl(meta, 'spawn'))
  return findFunction(module, body.name) === body
}
