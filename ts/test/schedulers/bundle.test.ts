/** Programs that are bundled, as docs/schedulers.md tells it. */
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkout, Project } from './project.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'

const definitions = `
import { genServer, reply, schedulerId, send, type Pid } from 'viga'
export const Counter = genServer(import.meta, { init: (n: number) => n, call: { get: (n) => reply([schedulerId(), n], n) } })
export function tell(to: Pid<unknown>, given: unknown) {
  send(to, [schedulerId(), given])
}
export const here = import.meta
`
const app = `
import { receive, Runtime, schedulerId, self, spawnWith } from 'viga'
import { Counter, here, tell } from './definitions.js'
await using runtime = Runtime.start(OPTIONS)
const counter = await Counter.start(5, { scheduler: 2 })
spawnWith({ scheduler: 2 }, here, tell, self(), 'far')
console.log(JSON.stringify([schedulerId(), await counter.call.get(), await receive()]))
`

describe.runIf(native)('a bundle', () => {
  let project: Project
  beforeAll(async () => {
    project = await Project.withDependencies('node-gyp-build')
    // Where a program that bundles viga has to put its binaries.
    for (const binaries of ['build', 'prebuilds']) project.link(join(checkout, binaries), binaries)
    project.write('definitions.ts', definitions)
    project.write('scheduler.ts', "import { runScheduler } from 'viga'\nrunScheduler()\n")
  })
  afterAll(() => project.remove())

  async function bundleAndRun(kind: string, options: string, minify: boolean): Promise<unknown> {
    const { folder } = project
    const out = join(folder, kind)
    project.write('app.ts', app.replace('OPTIONS', options))
    await build({
      entryPoints: ['app.ts', 'definitions.ts', 'scheduler.ts'].map((file) => join(folder, file)),
      outdir: out,
      bundle: true,
      platform: 'node',
      target: 'node20.12',
      format: 'esm',
      splitting: true,
      keepNames: true,
      minify,
      ...(kind === 'external' ? { external: ['viga'] } : { external: ['node-gyp-build'], alias: { viga: join(checkout, 'ts/src/index.ts') } }),
    })
    return JSON.parse(await project.run(join(out, 'app.js')))
  }

  test.each([false, true])('without viga in it, minified: %s', async (minify) => {
    expect(await bundleAndRun('external', '{ schedulers: 2 }', minify)).toEqual([1, [2, 5], [2, 'far']])
  })

  test('with viga in it, and a file for its threads', async () => {
    const options = "{ schedulers: 2, workerEntry: new URL('./scheduler.js', import.meta.url) }"
    expect(await bundleAndRun('inside', options, false)).toEqual([1, [2, 5], [2, 'far']])
  })
})
