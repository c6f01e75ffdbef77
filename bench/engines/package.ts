import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { absent, type Line, nodeFlags } from './contestant.js'

/** The line of a JavaScript library, installed by `npm ci` in bench/. */
export function packageLine(engine: 'nact' | 'effect', root: string): Line {
  const manifest = join(root, 'bench', 'node_modules', engine, 'package.json')
  if (!existsSync(manifest)) return absent(engine, `${engine} is not installed; npm ci --prefix bench installs it`)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
  const folder = join(root, 'bench', 'peers', engine)
  const child = join(root, 'bench', 'peers', 'child.mjs')
  return {
    engine,
    contestants: [
      {
        engine,
        form: version,
        takes: () => true,
        command: (suite, jobs) => ({
          file: process.execPath,
          args: [...nodeFlags, child, join(folder, `${suite}.mjs`), ...jobs],
          env: process.env,
        }),
      },
    ],
    missing: () => undefined,
  }
}
