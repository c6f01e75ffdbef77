/** `npm run demo`: the chat example, with the addon built first when it has to be. Arguments go to the example. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureNative } from './ensure-native.mjs'
import { packageRoot } from './package-root.mjs'

try {
  ensureNative()
} catch (error) {
  process.stderr.write(`${error.message}\nThe demo goes on with what can be loaded.\n`)
}
const example = join(packageRoot, 'examples', 'chat', 'main.ts')
const { status, error } = spawnSync(process.execPath, ['--import', 'tsx', example, ...process.argv.slice(2)], {
  cwd: packageRoot,
  stdio: 'inherit',
})
if (error !== undefined) process.stderr.write(`${error.message}\n`)
process.exitCode = status ?? 1
