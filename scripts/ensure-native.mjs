/**
 * Makes sure that the addon is there and not older than its sources, and says in one line what it did.
 *
 *   node scripts/ensure-native.mjs            builds build/Release/viga.node when it has to
 *   node scripts/ensure-native.mjs --force    lets cargo decide, whatever the file's age
 *
 * Without cargo it falls back to a prebuilt binary, or to none: the package then runs on the pure engine.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMain, packageRoot } from './package-root.mjs'

const require = createRequire(import.meta.url)

export const addonFile = join(packageRoot, 'build', 'Release', 'viga.node')

/** What decides whether the addon is stale. Tests and benches of the crates do not end up in it. */
const sourceRoots = ['crates', 'Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml']
const notSources = new Set(['target', 'tests', 'benches', 'node_modules'])

export function hasCargo() {
  return spawnSync('cargo', ['--version'], { cwd: packageRoot, stdio: 'ignore' }).status === 0
}

function newestChange(path) {
  const entry = statSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return 0
  if (!entry.isDirectory()) return entry.mtimeMs
  let newest = 0
  for (const child of readdirSync(path)) if (!notSources.has(child)) newest = Math.max(newest, newestChange(join(path, child)))
  return newest
}

export function isAddonFresh() {
  const built = statSync(addonFile, { throwIfNoEntry: false })
  if (built === undefined) return false
  return sourceRoots.every((root) => newestChange(join(packageRoot, root)) <= built.mtimeMs)
}

/** A prebuilt binary for this machine, or undefined. */
export function prebuiltFile() {
  try {
    const load = require('node-gyp-build')
    return load.resolve(packageRoot)
  } catch {
    return undefined
  }
}

/**
 * Builds the addon with @napi-rs/cli into `outputDirectory`. The file appears there by a rename: processes that have the old
 * one mapped keep it whole.
 */
export function buildAddon(outputDirectory = join(packageRoot, 'build', 'Release')) {
  const begun = new Date()
  mkdirSync(join(packageRoot, 'build'), { recursive: true })
  const staging = mkdtempSync(join(packageRoot, 'build', 'napi-'))
  try {
    const napi = fileURLToPath(import.meta.resolve('@napi-rs/cli/package.json'))
    const cli = join(napi, '..', require(napi).bin.napi)
    const target = process.env['VIGA_CARGO_TARGET']
    const result = spawnSync(
      process.execPath,
      [cli, 'build', '--release', '-p', 'viga-node', '--output-dir', staging, ...(target ? ['--target', target] : [])],
      { cwd: packageRoot, stdio: ['ignore', 'inherit', 'inherit'] },
    )
    if (result.status !== 0) throw new Error(`building the addon failed: napi build ended with ${result.status ?? result.signal}`)
    const built = join(staging, 'viga.node')
    if (!existsSync(built)) throw new Error(`building the addon failed: napi build left no viga.node but ${readdirSync(staging).join(', ')}`)
    // Sources edited while cargo ran must count as newer than the binary.
    utimesSync(built, begun, begun)
    mkdirSync(outputDirectory, { recursive: true })
    renameSync(built, join(outputDirectory, 'viga.node'))
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/**
 * Returns 'fresh', 'built', 'prebuilt' or 'absent'. Throws when cargo is there and the build fails: a broken build is no
 * reason to test something else quietly.
 */
export function ensureNative({ force = false, say = (line) => process.stderr.write(`${line}\n`) } = {}) {
  if (!force && isAddonFresh()) {
    say('native engine: build/Release/viga.node is up to date')
    return 'fresh'
  }
  if (hasCargo()) {
    say(`native engine: ${existsSync(addonFile) ? 'sources changed' : 'no binary yet'}, building it with cargo (the first time takes a minute or two)`)
    buildAddon()
    say('native engine: built build/Release/viga.node')
    return 'built'
  }
  const prebuilt = prebuiltFile()
  if (prebuilt !== undefined) {
    say(`native engine: cargo is not installed; using ${prebuilt}`)
    return 'prebuilt'
  }
  say('native engine: cargo is not installed and there is no prebuilt binary; viga runs on the pure engine here')
  return 'absent'
}

if (isMain(import.meta.url)) {
  try {
    ensureNative({ force: process.argv.includes('--force') })
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
