/**
 * Makes the binary for this machine: prebuilds/<platform>-<arch>/viga.<libc>.node, built by @napi-rs/cli under prebuildify.
 * Without cargo it says so and makes none: npm runs this script before `npm run build` too, which can do without.
 * Arguments go to prebuildify (`--arch arm64` together with VIGA_CARGO_TARGET builds for another architecture).
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { hasCargo } from './ensure-native.mjs'
import { packageRoot } from './package-root.mjs'

const require = createRequire(import.meta.url)
const prebuildify = join(require.resolve('prebuildify/package.json'), '..', 'bin.js')

if (!hasCargo()) {
  process.stdout.write('prebuild: cargo is not installed, so no binary was made\n')
  process.exit(0)
}

const result = spawnSync(
  process.execPath,
  [
    prebuildify,
    '--napi',
    // node-gyp-build takes an untagged Linux binary for any libc, so it has to be tagged.
    '--tag-libc',
    '--strip',
    '--name',
    'viga',
    '--target',
    process.versions.node,
    // Through a shell, because the command is two words.
    ...(process.platform === 'win32' ? [] : ['--shell', 'sh']),
    '--node-gyp',
    'node scripts/cargo-gyp.mjs',
    ...process.argv.slice(2),
  ],
  { cwd: packageRoot, stdio: ['ignore', 'inherit', 'inherit'] },
)
if (result.status === 0) {
  const folder = join(packageRoot, 'prebuilds')
  for (const machine of existsSync(folder) ? readdirSync(folder) : [])
    for (const file of readdirSync(join(folder, machine)))
      process.stdout.write(`prebuilds/${machine}/${file} ${statSync(join(folder, machine, file)).size} bytes\n`)
}
process.exitCode = result.status ?? 1
