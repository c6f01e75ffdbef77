/** A folder with a program in it that depends on viga as it is built. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
// @ts-expect-error -- a script without types
import { ensureDist } from '../../../scripts/build-dist.mjs'

export const checkout = fileURLToPath(new URL('../../..', import.meta.url))

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'viga-project-'))

  /** With viga, and what else of its own dependencies the program needs. */
  static async withDependencies(...names: readonly string[]): Promise<Project> {
    await (ensureDist as (say: (line: string) => void) => Promise<void>)(() => undefined)
    const project = new Project()
    project.write('package.json', '{ "type": "module" }')
    project.link(checkout, join('node_modules', 'viga'))
    for (const name of names) project.link(join(checkout, 'node_modules', name), join('node_modules', name))
    return project
  }

  link(target: string, file: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true })
    symlinkSync(target, join(this.folder, file))
  }

  write(file: string, source: string): string {
    writeFileSync(join(this.folder, file), source)
    return join(this.folder, file)
  }

  /** What the program writes, or a failure with what it wrote on stderr. */
  async run(...args: readonly string[]): Promise<string> {
    const env: NodeJS.ProcessEnv = { ...process.env }
    delete env['VITEST']
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: this.folder, env })
    return stdout
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}
