/** `npm run demo`: the chat example, with the addon built first when it has to be. Arguments go to the example. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureNative } from './ensure-native.mjs'
import { packageRoot } from './package-root.mjs'

try {
  ensureNative()
} catch (error) {
  process.stderr.write(`${error.message}\nThe demo goes on with what can be loaded.\n`)
}
const example = join(packageRoot, 'examples', 'chat', 'main.ts')
const demo = spawn(process.execPath, ['--import', 'tsx', example, ...process.argv.slice(2)], { cwd: packageRoot, stdio: 'inherit' })
// The demo stops in good order, so it is waited for, and told when only this process was.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => demo.kill(signal))
demo.on('error', (error) => process.stderr.write(`${error.message}\n`))
demo.on('close', (status) => (process.exitCode = status ?? 1))
