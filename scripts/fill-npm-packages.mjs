/**
 * Makes a release of the binaries in prebuilds/: each goes into its package npm/<platform>-<arch>[-<libc>]/ as viga.node, and
 * the main package.json gets these packages as optional dependencies, so that an installation fetches one binary only.
 *
 *   node scripts/fill-npm-packages.mjs             refuses unless every package gets its binary
 *   node scripts/fill-npm-packages.mjs --partial   fills those there are (to try it on one machine)
 *
 * prebuilds/ is empty afterwards: a binary travels in one package. Meant for a checkout that is thrown away after a release.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from './package-root.mjs'

const manifestFile = join(packageRoot, 'package.json')
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

/** Where prebuildify leaves the binary of a package. On systems with one libc it writes the tag glibc all the same. */
function prebuiltFor({ os, cpu, libc = ['glibc'] }) {
  return join(packageRoot, 'prebuilds', `${os[0]}-${cpu[0]}`, `viga.${libc[0]}.node`)
}

const main = readJson(manifestFile)
const folders = readdirSync(join(packageRoot, 'npm')).map((name) => join(packageRoot, 'npm', name))
const missing = folders.map((folder) => prebuiltFor(readJson(join(folder, 'package.json')))).filter((file) => !existsSync(file))

if (missing.length > 0 && !process.argv.includes('--partial')) {
  process.stderr.write(`fill-npm-packages: these binaries are missing, so nothing was done:\n${missing.join('\n')}\n`)
  process.exit(1)
}

const optionalDependencies = {}
for (const folder of folders) {
  const manifest = readJson(join(folder, 'package.json'))
  const prebuilt = prebuiltFor(manifest)
  if (!existsSync(prebuilt)) continue
  copyFileSync(prebuilt, join(folder, 'viga.node'))
  writeJson(join(folder, 'package.json'), { ...manifest, version: main.version })
  optionalDependencies[manifest.name] = main.version
  process.stdout.write(`${manifest.name} ${main.version}: ${prebuilt}\n`)
}
rmSync(join(packageRoot, 'prebuilds'), { recursive: true, force: true })
writeJson(manifestFile, { ...main, optionalDependencies })
