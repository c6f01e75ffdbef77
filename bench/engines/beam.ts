import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { absent, type Contestant, type Line } from './contestant.js'

/** Schedulers: one, as the JavaScript engines have, and as many as there are cores. Rarely is the same one best everywhere. */
const forms: readonly { readonly name: string; readonly flags: readonly string[] }[] = [
  { name: '+S 1:1', flags: ['+S', '1:1'] },
  { name: 'default schedulers', flags: [] },
]

/** Compiles the Erlang programs into a temporary folder, which goes when the benchmark ends. */
export function beamLine(root: string): Line {
  if (!runs('erl', ['-version']) || !runs('erlc', ['-help'])) return absent('beam', 'erl and erlc (Erlang/OTP) are not on the PATH')
  const sources = join(root, 'bench', 'peers', 'beam')
  const folder = mkdtempSync(join(tmpdir(), 'viga-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const files = readdirSync(sources).filter((file) => file.endsWith('.erl'))
  const compiled = spawnSync('erlc', ['-W', '-o', folder, ...files.map((file) => join(sources, file))], { encoding: 'utf8' })
  if (compiled.status !== 0) throw new Error(`erlc could not compile bench/peers/beam:\n${compiled.stdout}${compiled.stderr}`)
  const elixir = elixirFolder()
  const paths = ['-pa', folder, ...(elixir === undefined ? [] : ['-pa', elixir])]
  return {
    engine: 'beam',
    contestants: forms.map(({ name, flags }): Contestant => ({
      engine: 'beam',
      form: name,
      command: (suite, jobs) => ({
        file: 'erl',
        args: [...flags, '+P', '2000000', '-noshell', ...paths, '-run', 'bench_main', 'main', '-extra', suite.replaceAll('-', '_'), ...jobs],
        env: process.env,
      }),
    })),
    missing: (suite) => (suite === 'registry' && elixir === undefined ? 'elixir, whose Registry this is, is not on the PATH' : undefined),
  }
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined
}

function elixirFolder(): string | undefined {
  const found = spawnSync('elixir', ['-e', 'IO.write(:code.lib_dir(:elixir, :ebin))'], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}
