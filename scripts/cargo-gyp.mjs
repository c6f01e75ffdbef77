/**
 * Stands in for node-gyp under prebuildify, which calls it as `rebuild --target=... --arch=... --release` and then takes the
 * first *.node of build/Release. The addon uses Node-API only, so the Node version asked for does not matter.
 */
import { rmSync } from 'node:fs'
import { arch as hostArch } from 'node:os'
import { join } from 'node:path'
import { buildAddon } from './ensure-native.mjs'
import { packageRoot } from './package-root.mjs'

const asked = new Map(process.argv.slice(2).flatMap((word) => {
  const match = /^--([a-z-]+)=(.*)$/.exec(word)
  return match === null ? [] : [[match[1], match[2]]]
}))
const arch = asked.get('arch') ?? hostArch()

try {
  if (arch !== hostArch() && !process.env['VIGA_CARGO_TARGET'])
    throw new Error(`prebuild for ${arch} on ${hostArch()}: set VIGA_CARGO_TARGET to a Rust target triple of that architecture`)
  rmSync(join(packageRoot, 'build', 'Release'), { recursive: true, force: true })
  buildAddon()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
