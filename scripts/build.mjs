/**
 * `npm run build`: the addon (build/Release/viga.node) and dist/. npm runs the script `prebuild` before it, which leaves a
 * stripped binary for this machine in prebuilds/, so that `npm pack` after a build holds everything.
 *
 *   node scripts/build.mjs               builds both
 *   node scripts/build.mjs --if-needed   builds what is older than its sources
 */
import { buildDist, ensureDist } from './build-dist.mjs'
import { ensureNative } from './ensure-native.mjs'

const onlyIfNeeded = process.argv.includes('--if-needed')
try {
  ensureNative({ force: !onlyIfNeeded })
  if (onlyIfNeeded) await ensureDist()
  else {
    await buildDist()
    process.stderr.write('dist: built index.cjs, index.mjs and types\n')
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
