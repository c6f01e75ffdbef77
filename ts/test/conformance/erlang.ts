import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatScenarios, type Scenario } from './scenario.js'

const source = fileURLToPath(new URL('./beam/viga_conformance.erl', import.meta.url))

function run(command: string, args: string[]): { missing: boolean } {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 })
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return { missing: true }
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return { missing: false }
}

/** Real Erlang, with the interpreter compiled; undefined where it is not installed. */
export class Erlang {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static prepare(): Erlang | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'viga-conformance-'))
    if (run('erlc', ['-o', folder, source]).missing) {
      rmSync(folder, { recursive: true })
      return undefined
    }
    return new Erlang(folder)
  }

  /**
   * The logs of all scenarios, by title. One scheduler: what follows from a death has then been sent when the coordinator
   * hears of it.
   */
  logs(scenarios: readonly Scenario[]): Map<string, string[]> {
    const input = join(this.#folder, 'scenarios.txt')
    const output = join(this.#folder, 'logs.txt')
    writeFileSync(input, formatScenarios(scenarios))
    run('erl', ['+S', '1:1', '-noshell', '-pa', this.#folder, '-run', 'viga_conformance', 'main', input, output])
    const logs = new Map<string, string[]>()
    for (const section of readFileSync(output, 'utf8').split('# ').slice(1)) {
      const [title = '', ...lines] = section.split('\n')
      logs.set(
        title,
        lines.filter((line) => line !== ''),
      )
    }
    return logs
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true })
  }
}
