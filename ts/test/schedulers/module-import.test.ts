/** How the thread of a scheduler reads the modules of a program, TypeScript among them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'viga-import-'))
const reader = join(folder, 'viga', 'reader.mjs')
const strips = (process as { features: { typescript?: unknown } }).features.typescript

function write(file: string, source: string): string {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), source)
  return pathToFileURL(join(folder, file)).href
}

beforeAll(async () => {
  await build({ entryPoints: [join(checkout, 'ts/src/module-import.ts')], outfile: reader, bundle: true, platform: 'node', format: 'esm' })
  for (const project of ['esm', 'common']) {
    mkdirSync(join(folder, project, 'node_modules'), { recursive: true })
    symlinkSync(join(checkout, 'node_modules', 'tsx'), join(folder, project, 'node_modules', 'tsx'))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Read {
  readonly value?: unknown
  readonly code?: string
  readonly message?: string
}

/** What the thread of a scheduler gets that imports `urls`, one after the other: the export `value` of each. */
async function read(urls: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Read[]> {
  const env: NodeJS.ProcessEnv = { ...process.env, ...variables }
  if (variables['VITEST'] === undefined) delete env['VITEST']
  const boot = `import(${JSON.stringify(pathToFileURL(reader).href)}).then(async ({ importModule, markAsScheduler }) => {
    markAsScheduler()
    const read = []
    for (const url of ${JSON.stringify(urls)})
      await importModule(url).then(
        (module) => read.push({ value: module.value ?? module.default?.value }),
        ({ code, message }) => read.push({ code, message }),
      )
    require('node:worker_threads').parentPort.postMessage(read)
  })`
  return await new Promise((resolve, reject) => {
    const worker = new Worker(boot, { eval: true, env })
    worker.on('message', resolve)
    worker.on('error', reject)
  })
}

test('JavaScript and data URLs as they are', async () => {
  const urls = [write('plain.mjs', 'export const value = 1'), write('plain.cjs', 'exports.value = 2'), 'data:text/javascript,export const value = 3']
  expect(await read(urls)).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }])
})

test.each([{}, { VITEST: 'true' }, { NODE_OPTIONS: '--import=tsx' }])(
  'TypeScript with everything it has, where the project has tsx, with %o',
  async (variables) => {
    write('esm/package.json', '{ "type": "module" }')
    write('esm/dependency.ts', 'export const two: number = 2')
    const enums = write('esm/enums.ts', 'export enum Kind { A = 1 }; export const value: number = Kind.A')
    const imports = write('esm/imports.ts', "import { two } from './dependency.js'\nexport const value: number = two")
    const common = write('common/common.cts', 'const value: number = 3\nmodule.exports = { value }')
    expect(await read([enums, imports, common], variables)).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }])
  },
)

test('without tsx what Node reads by itself, or an error that says what to add', async () => {
  const [outcome] = await read([write('bare/package.json', '{ "type": "module" }'), write('bare/a.ts', 'export const value: number = 4')].slice(1))
  if (strips) expect(outcome).toEqual({ value: 4 })
  else
    expect(outcome).toMatchObject({
      code: 'ERR_VIGA_DEFINITION_NOT_FOUND',
      message: expect.stringMatching(/a\.ts is TypeScript, which Node .* install tsx/) as string,
    })
})
