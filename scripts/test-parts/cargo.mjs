/** The Rust tests: the workspace, the allocator with its hard checks, and the models that loom walks. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { packageRoot } from '../package-root.mjs'
import { runCommand } from './command.mjs'

/** Sums cargo's "test result" lines. A command that fails without a failed test (it did not compile) counts as one failure. */
export function countCargo({ status, output }) {
  let passed = 0
  let failed = 0
  for (const [, ok, bad] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    passed += Number(ok)
    failed += Number(bad)
  }
  return { passed, failed: status !== 0 && failed === 0 ? 1 : failed }
}

/** Everything but the addon's glue: it holds no logic, and links against symbols that only Node has. */
export async function workspaceTests() {
  return countCargo(await runCommand('cargo', ['test', '--workspace', '--exclude', 'viga-node', '--no-fail-fast']))
}

export async function hardCheckedAllocator() {
  return countCargo(await runCommand('cargo', ['test', '-p', 'viga-allocator', '--features', 'hard-checks', '--no-fail-fast']))
}

/** Where loom's models are: [{ crate, target }], with the flag that selects each as target. */
export function loomTargets() {
  const targets = []
  for (const crate of readdirSync(join(packageRoot, 'crates'))) {
    const folder = join(packageRoot, 'crates', crate)
    if (holdsModel(join(folder, 'src'))) targets.push({ crate: `viga-${crate}`, target: ['--lib'] })
    for (const file of rustFiles(join(folder, 'tests')))
      if (holdsModel(file)) targets.push({ crate: `viga-${crate}`, target: ['--test', basename(file, '.rs')] })
  }
  return targets
}

function rustFiles(folder) {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return []
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.rs'))
    .map((file) => join(folder, file))
}

function holdsModel(path) {
  const entry = statSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return false
  const files = entry.isDirectory() ? rustFiles(path) : [path]
  return files.some((file) => /\bloom::model\b|\bmodel::Builder\b/.test(readFileSync(file, 'utf8')))
}

export async function loomModels() {
  const total = { passed: 0, failed: 0 }
  for (const { crate, target } of loomTargets()) {
    const { passed, failed } = countCargo(
      await runCommand('cargo', ['test', '--release', '-p', crate, ...target, '--no-fail-fast'], {
        env: {
          RUSTFLAGS: '--cfg loom',
          // Its own folder, or the flag would have everything else compiled again; and quick to link, it runs once.
          CARGO_TARGET_DIR: join(process.env['CARGO_TARGET_DIR'] ?? join(packageRoot, 'target'), 'loom'),
          CARGO_PROFILE_RELEASE_LTO: 'off',
          CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
        },
      }),
    )
    total.passed += passed
    total.failed += failed
  }
  return total
}
