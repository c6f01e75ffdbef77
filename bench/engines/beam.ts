import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from '../catalogue.js'
import { absent, type Contestant, type Line } from './contestant.js'

interface Form {
  readonly name: string
  readonly flags: readonly string[]
  /** What jobs may ask for that this form takes part in. */
  readonly schedulers: readonly Job['schedulers'][]
}

/** Schedulers: one, and as many as there are cores, of which rarely the same is best everywhere; two for what needs two. */
const forms: readonly Form[] = [
  { name: '+S 1:1', flags: ['+S', '1:1'], schedulers: [undefined, 1] },
  { name: 'default schedulers', flags: [], schedulers: [undefined] },
  { name: '+S 2:2', flags: ['+S', '2:2'], schedulers: [2] },
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
    contestants: forms.map(({ name, flags, schedulers }): Contestant => ({
      engine: 'beam',
      form: name,
      takes: (asked) => schedulers.includes(asked),
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
