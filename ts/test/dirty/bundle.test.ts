/** The built package, in ES modules, in CommonJS, and as a part of a bundle. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
// @ts-expect-error -- a script without types
import { ensureDist } from '../../../scripts/build-dist.mjs'

const checkout = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'viga-dirty-'))

const functions = `
import { Binary, self } from 'viga'
export const square = (n) => n * n
export const binary = () => Binary.from('made there')
export const useRuntime = () => String(self())
export const here = { url: import.meta.url }
`
const program = `
import { Binary, dirty, Runtime } from 'viga'
import { binary, here, square, useRuntime } from './functions.js'
const runtime = Runtime.start(OPTIONS)
const failure = await dirty.io(here, useRuntime).then(String, (error) => error.code)
console.log(JSON.stringify([await dirty.cpu(here, square, 7), (await dirty.cpu(here, binary)) instanceof Binary, failure]))
`
const script = `
const { pathToFileURL } = require('node:url')
const square = (n) => n * n
exports.square = square
const { isMainThread } = require('node:worker_threads')
const { dirty } = require('viga')
if (isMainThread) dirty.cpu({ url: pathToFileURL(__filename).href }, square, 8).then(console.log)
`
const wanted = [49, true, 'ERR_VIGA_IN_DIRTY_WORKER']

beforeAll(async () => {
  await (ensureDist as (say: (line: string) => void) => Promise<void>)(() => undefined)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(checkout, join(folder, 'node_modules', 'viga'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'functions.js'), functions)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

async function run(file: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, file)], { env: { ...process.env, VIGA_ENGINE: 'pure' } })
  return JSON.parse(stdout)
}

test('runs functions of ES modules', async () => {
  writeFileSync(join(folder, 'program.js'), program.replace('OPTIONS', '{}'))
  expect(await run('program.js')).toEqual(wanted)
})

test('runs functions of CommonJS modules', async () => {
  writeFileSync(join(folder, 'script.cjs'), script)
  expect(await run('script.cjs')).toBe(64)
})

test('runs functions of a bundle that it is part of, with a file for its threads', async () => {
  const options = "{ dirtyWorkerEntry: new URL('./thread.js', import.meta.url) }"
  writeFileSync(join(folder, 'program.js'), program.replace('OPTIONS', options))
  writeFileSync(join(folder, 'thread.js'), "import { runDirtyWorker } from 'viga'\nrunDirtyWorker()\n")
  await build({
    entryPoints: ['program.js', 'functions.js', 'thread.js'].map((file) => join(folder, file)),
    outdir: join(folder, 'bundled'),
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20.12',
    format: 'esm',
    keepNames: true,
    external: ['node-gyp-build'],
    alias: { viga: join(checkout, 'ts/src/index.ts') },
  })
  expect(await run('bundled/program.js')).toEqual(wanted)
})

test('says what a bundle without such a file lacks', async () => {
  writeFileSync(join(folder, 'program.js'), program.replace('OPTIONS', '{}').replace('error.code', 'error.message'))
  await build({
    entryPoints: ['program.js', 'functions.js'].map((file) => join(folder, file)),
    outdir: join(folder, 'lacking'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['node-gyp-build'],
    alias: { viga: join(checkout, 'ts/src/index.ts') },
  })
  await expect(run('lacking/program.js')).rejects.toThrow(/dirtyWorkerEntry/)
})
