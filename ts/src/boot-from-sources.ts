import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/**
 * URLs of tsx's hooks for import and for require, as seen from the module at `from`. Those for import find their other half only when they
 * are themselves loaded as an ES module, which is not what `require` resolves to.
 *
 * @throws what `require.resolve` throws when tsx is not installed there.
 */
export function tsxHooks(from: string): readonly string[] {
  const { resolve } = createRequire(from)
  return ['tsx/esm/api', 'tsx/cjs/api'].map((name) => pathToFileURL(resolve(name).replace(/\.cjs$/, '.mjs')).href)
}

/**
 * A script, for `new Worker` with `eval`, that begins a thread with the TypeScript file at `entry`. Registering tsx there is what makes
 * it read TypeScript; on the command line that is done for the main thread alone.
 */
export function bootFromSources(entry: URL): string {
  const hooks = tsxHooks(import.meta.url).map((hook) => `import(${JSON.stringify(hook)})`)
  return `Promise.all([${hooks.join(', ')}]).then((hooks) => { for (const { register } of hooks) register(); return import(${JSON.stringify(entry.href)}) })`
}
