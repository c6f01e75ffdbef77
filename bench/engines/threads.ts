import { join } from 'node:path'
import { type Line, nodeFlags } from './contestant.js'

/** The line of Node's own threads: `worker_threads` with bare postMessage, no library. */
export function threadsLine(root: string): Line {
  const child = join(root, 'bench', 'peers', 'child.mjs')
  const folder = join(root, 'bench', 'peers', 'worker_threads')
  return {
    engine: 'worker_threads',
    contestants: [
      {
        engine: 'worker_threads',
        form: process.version,
        takes: () => true,
        command: (suite, jobs) => ({ file: process.execPath, args: [...nodeFlags, child, join(folder, `${suite}.mjs`), ...jobs], env: process.env }),
      },
    ],
    missing: () => undefined,
  }
}
