/**
 * Makes the binary for this machine: prebuilds/<platform>-<arch>/viga.<libc>.node, built by @napi-rs/cli under prebuildify.
 * Without cargo it says so and makes none: npm runs this script before `npm run build` too, which can do without.
 *
 *   node scripts/prebuild.mjs                    for this machine
 *   node scripts/prebuild.mjs --arch arm64       for another architecture; VIGA_CARGO_TARGET names its Rust target
 *   node scripts/prebuild.mjs --out FOLDER       into FOLDER/prebuilds
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { hasCargo } from './ensure-native.mjs'
import { isMain, packageRoot } from './package-root.mjs'

const require = createRequire(import.meta.url)

/** Runs prebuildify so that it leaves `prebuilds/` in `outputFolder`. Throws when it fails. */
export function makePrebuild(outputFolder, args = []) {
  mkdirSync(join(packageRoot, 'build'), { recursive: true })
  // A folder of its own: prebuildify moves build/Release/*.node away, which programs may be about to load.
  const staging = mkdtempSync(join(packageRoot, 'build', 'prebuild-'))
  try {
    const result = spawnSync(
      process.execPath,
      [
        join(require.resolve('prebuildify/package.json'), '..', 'bin.js'),
        `--cwd=${staging}`,
        `--out=${outputFolder}`,
        '--name=viga',
        `--target=${process.versions.node}`,
        '--napi',
        // node-gyp-build takes an untagged Linux binary for any libc, so it has to be tagged.
        '--tag-libc',
        '--strip',
        // Through a shell, because the command is two words.
        ...(process.platform === 'win32' ? [] : ['--shell', 'sh']),
        `--node-gyp="${process.execPath}" "${join(packageRoot, 'scripts', 'cargo-gyp.mjs')}"`,
        ...args,
      ],
      { cwd: packageRoot, stdio: ['ignore', 'inherit', 'inherit'] },
    )
    if (result.status !== 0) throw new Error(`prebuildify ended with ${result.status ?? result.signal}`)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

function listPrebuilds(outputFolder) {
  const folder = join(outputFolder, 'prebuilds')
  for (const machine of readdirSync(folder))
    for (const file of readdirSync(join(folder, machine)))
      process.stderr.write(`prebuilds/${machine}/${file}: ${statSync(join(folder, machine, file)).size} bytes\n`)
}

if (isMain(import.meta.url)) {
  try {
    if (hasCargo()) {
      const { values } = parseArgs({ options: { out: { type: 'string', default: packageRoot }, arch: { type: 'string' } } })
      const outputFolder = resolve(values.out)
      makePrebuild(outputFolder, values.arch === undefined ? [] : [`--arch=${values.arch}`])
      listPrebuilds(outputFolder)
    } else process.stderr.write('prebuild: cargo is not installed, so no binary was made\n')
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
