/**
 * Gets the packages under npm/ ready for a release: copies each binary of prebuilds/ into the package for its platform, in the
 * layout in which node-gyp-build finds it, and gives the package the version of the main one.
 *
 *   node scripts/fill-npm-packages.mjs             refuses unless every package gets its binary
 *   node scripts/fill-npm-packages.mjs --partial   fills those there are (to try it on one machine)
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packageRoot } from './package-root.mjs'

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))

/** Where prebuildify leaves the binary for a package. On systems with one libc it writes the tag glibc all the same. */
function prebuiltPath({ os, cpu, libc = ['glibc'] }) {
  return join('prebuilds', `${os[0]}-${cpu[0]}`, `viga.${libc[0]}.node`)
}

const { version } = readJson(join(packageRoot, 'package.json'))
const packages = readdirSync(join(packageRoot, 'npm')).map((name) => {
  const folder = join(packageRoot, 'npm', name)
  const manifest = readJson(join(folder, 'package.json'))
  return { folder, manifest, path: prebuiltPath(manifest) }
})
const missing = packages.filter(({ path }) => !existsSync(join(packageRoot, path)))

if (missing.length > 0 && !process.argv.includes('--partial')) {
  process.stderr.write(`fill-npm-packages: these binaries are missing, so nothing was done: ${missing.map(({ path }) => path).join(', ')}\n`)
  process.exit(1)
}

for (const { folder, manifest, path } of packages) {
  if (!existsSync(join(packageRoot, path))) continue
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  copyFileSync(join(packageRoot, path), join(folder, path))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`)
  process.stdout.write(`${manifest.name} ${version}: ${path}\n`)
}
