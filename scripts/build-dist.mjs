/**
 * Builds dist/ from ts/src:
 *
 *   index.cjs      the whole package in one CommonJS file, where the one runtime of an isolate lives
 *   index.mjs      the same exports for `import`, taken from index.cjs, so that import and require share that runtime
 *   *-worker.cjs   what the threads that viga starts begin with
 *   types/         one set of declarations, by tsc
 *   index.d.mts    entry to it for `import`
 *   index.d.cts    entry to it for `require`
 *
 *   node scripts/build-dist.mjs
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import { isMain, packageRoot } from './package-root.mjs'

const require = createRequire(import.meta.url)
export const distFolder = join(packageRoot, 'dist')

/**
 * Entry for `import`: no code of its own, only the names of the CommonJS instance. It is required rather than imported, which
 * would have Node search the whole file for its exports: 4 times the time of loading it, and 8 MB.
 */
function moduleWrapper(names) {
  return [
    "import { createRequire } from 'node:module'",
    '',
    'export const {',
    ...names.toSorted().map((name) => `  ${name},`),
    "} = createRequire(import.meta.url)('./index.cjs')",
    '',
  ].join('\n')
}

/** Files that threads begin with, beside index.cjs, where it looks for them; each calls a function of the package. */
const workerFiles = { 'scheduler-worker.cjs': 'runScheduler', 'dirty-worker.cjs': 'runDirtyWorker' }

function writeWorkerFiles(folder) {
  for (const [file, run] of Object.entries(workerFiles))
    writeFileSync(join(folder, file), `'use strict'\n\nrequire('./index.cjs').${run}()\n`)
}

async function bundle(folder) {
  await build({
    entryPoints: [join(packageRoot, 'ts', 'src', 'index.ts')],
    outfile: join(folder, 'index.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node20.12',
    format: 'cjs',
    // Resolved at run time: it looks for the binary beside the installed package.
    external: ['node-gyp-build'],
    // CommonJS has no import.meta.
    define: { 'import.meta.url': 'vigaModuleUrl' },
    banner: { js: "'use strict'\nconst vigaModuleUrl = require('node:url').pathToFileURL(__filename).href" },
    logLevel: 'warning',
  })
}

function declarations(folder) {
  const compiler = join(require.resolve('typescript/package.json'), '..', 'bin', 'tsc')
  const result = spawnSync(
    process.execPath,
    [compiler, '-p', join(packageRoot, 'tsconfig.types.json'), '--outDir', join(folder, 'types')],
    { cwd: packageRoot, encoding: 'utf8' },
  )
  if (result.status !== 0) throw new Error(`tsc found errors in ts/src:\n${result.stdout}${result.stderr}`)
  // One set of types for both kinds of importers: CommonJS declarations can be imported from either.
  writeFileSync(join(folder, 'types', 'package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(join(folder, 'index.d.mts'), "export * from './types/index.js'\n")
  writeFileSync(join(folder, 'index.d.cts'), "export * from './types/index.js'\n")
}

/** Builds beside dist/ and then takes its place, so that nobody sees half of it. */
export async function buildDist() {
  const begun = new Date()
  mkdirSync(join(packageRoot, 'build'), { recursive: true })
  const staging = mkdtempSync(join(packageRoot, 'build', 'dist-'))
  try {
    const fresh = join(staging, 'new')
    declarations(fresh)
    await bundle(fresh)
    writeWorkerFiles(fresh)
    writeFileSync(join(fresh, 'index.mjs'), moduleWrapper(Object.keys(require(join(fresh, 'index.cjs')))))
    utimesSync(join(fresh, 'index.cjs'), begun, begun)
    if (existsSync(distFolder)) renameSync(distFolder, join(staging, 'old'))
    renameSync(fresh, distFolder)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

function newestSource(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs)
  return newest
}

export function isDistFresh() {
  const built = statSync(join(distFolder, 'index.cjs'), { throwIfNoEntry: false })
  if (built === undefined || !['index.mjs', ...Object.keys(workerFiles)].every((file) => existsSync(join(distFolder, file)))) return false
  const inputs = ['package.json', 'tsconfig.json', 'tsconfig.types.json', 'scripts/build-dist.mjs'].map((path) => join(packageRoot, path))
  const newest = Math.max(newestSource(join(packageRoot, 'ts', 'src')), ...inputs.map((path) => statSync(path).mtimeMs))
  return newest <= built.mtimeMs
}

/** Builds dist/ unless it is newer than its sources. Says in one line which. */
export async function ensureDist(say = (line) => process.stderr.write(`${line}\n`)) {
  if (isDistFresh()) return say('dist: up to date')
  await buildDist()
  say('dist: built index.cjs, index.mjs, worker files and types')
}

if (isMain(import.meta.url)) {
  try {
    await buildDist()
    process.stderr.write('dist: built index.cjs, index.mjs, worker files and types\n')
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
