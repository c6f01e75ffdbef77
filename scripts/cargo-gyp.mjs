/**
 * Stands in for node-gyp under prebuildify, which calls it as `rebuild --target=... --arch=... --release` in its working
 * folder and then takes the first *.node of build/Release there. The addon uses Node-API only, so the Node version that is
 * asked for does not matter.
 */
import { arch as hostArch } from 'node:os'
import { join } from 'node:path'
import { buildAddon } from './ensure-native.mjs'

const archFlag = process.argv.find((word) => word.startsWith('--arch='))
const arch = archFlag === undefined ? hostArch() : archFlag.slice('--arch='.length)

try {
  if (arch !== hostArch() && !process.env['VIGA_CARGO_TARGET'])
    throw new Error(`prebuild for ${arch} on ${hostArch()}: set VIGA_CARGO_TARGET to a Rust target triple of that architecture`)
  buildAddon(join(process.cwd(), 'build', 'Release'))
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
