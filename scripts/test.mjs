/**
 * `npm test`: every test there is, part by part, with one line of totals at the end.
 *
 *   node scripts/test.mjs                 all parts
 *   node scripts/test.mjs types pure      some of them: types, pure, native, packaging, rust, hard-checks, loom
 *
 * What cannot run on this machine is named in a line of its own, and is neither passed nor failed. Exits with 1 when
 * anything failed.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ensureNative } from './ensure-native.mjs'
import { hardCheckedAllocator, loomModels, workspaceTests } from './test-parts/cargo.mjs'
import { canRun, runCommand } from './test-parts/command.mjs'
import { packagingTests, suiteOn } from './test-parts/vitest.mjs'

const require = createRequire(import.meta.url)

async function typeCheck() {
  const compiler = join(require.resolve('typescript/package.json'), '..', 'bin', 'tsc')
  const { status } = await runCommand(process.execPath, [compiler, '-p', 'tsconfig.json', '--noEmit'])
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

async function nativeSuite() {
  if (ensureNative() === 'absent') return { notRun: 'cargo is not installed and there is no prebuilt binary' }
  return suiteOn('native')
}

const withCargo = (part) => async () => ((await canRun('cargo')) ? part() : { notRun: 'cargo is not installed' })

/** In the order they run: what tells most in least time comes first. */
const parts = {
  types: { title: 'types (tsc, with the *.test-d.ts)', run: typeCheck },
  pure: { title: 'TypeScript on the pure engine', run: () => suiteOn('pure') },
  native: { title: 'TypeScript on the native engine', run: nativeSuite },
  packaging: { title: 'packaging', run: packagingTests },
  rust: { title: 'Rust workspace', run: withCargo(workspaceTests) },
  'hard-checks': { title: 'allocator with hard checks', run: withCargo(hardCheckedAllocator) },
  loom: { title: 'loom models', run: withCargo(loomModels) },
}

async function runPart({ title, run }) {
  process.stdout.write(`\n=== ${title}\n`)
  const begun = performance.now()
  let result
  try {
    result = await run()
  } catch (error) {
    process.stderr.write(`${error.stack}\n`)
    result = { passed: 0, failed: 1 }
  }
  return { title, seconds: (performance.now() - begun) / 1000, passed: 0, failed: 0, ...result }
}

function resultLine({ title, passed, failed, seconds, notRun }) {
  if (notRun !== undefined) return `  ${title.padEnd(36)} NOT RUN: ${notRun}`
  return `  ${title.padEnd(36)} ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed ${seconds.toFixed(1).padStart(7)} s`
}

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  process.stderr.write(`scripts/test.mjs: no part is called ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}\n`)
  process.exit(2)
}

const results = []
for (const [name, part] of Object.entries(parts)) if (chosen.length === 0 || chosen.includes(name)) results.push(await runPart(part))

process.stdout.write('\n=== results\n')
for (const result of results) process.stdout.write(`${resultLine(result)}\n`)
if (!(await canRun('erl', ['-noshell', '-eval', 'halt().'])))
  process.stdout.write('  comparison with real Erlang          NOT RUN: erl is not installed\n')
const passed = results.reduce((sum, result) => sum + result.passed, 0)
const failed = results.reduce((sum, result) => sum + result.failed, 0)
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
