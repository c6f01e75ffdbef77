/** `npm run lint`: oxlint, rustfmt and clippy, each in full before the next. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { canRun, runCommand } from './test-parts/command.mjs'

const require = createRequire(import.meta.url)
const oxlint = join(require.resolve('oxlint/package.json'), '..', require('oxlint/package.json').bin.oxlint)

const commands = [[process.execPath, [oxlint, '--deny-warnings']]]
if (await canRun('cargo'))
  commands.push(
    ['cargo', ['fmt', '--all', '--check']],
    ['cargo', ['clippy', '--workspace', '--all-targets', '--', '-D', 'warnings']],
  )
else process.stderr.write('rustfmt and clippy: NOT RUN: cargo is not installed\n')

for (const [command, args] of commands) {
  const { status } = await runCommand(command, args)
  if (status !== 0) process.exitCode = 1
}
