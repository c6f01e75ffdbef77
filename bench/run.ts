/** `npm run bench`: see bench/README.md for what is measured, and how. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { catalogue, type EngineName } from './catalogue.js'
import { beamLine } from './engines/beam.js'
import type { Line } from './engines/contestant.js'
import { packageLine } from './engines/package.js'
import { threadsLine } from './engines/threads.js'
import { buildPrograms, vigaLine } from './engines/viga.js'
import { type Options, parseOptions, usage, UsageError } from './options.js'
import { table } from './report.js'
import { type Result, runSuite } from './rounds.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

async function linesFor(engines: readonly EngineName[], fromSource: boolean): Promise<Line[]> {
  const lines: Line[] = []
  const programs = engines.includes('native') || engines.includes('pure') ? await buildPrograms(root, fromSource) : undefined
  if (programs !== undefined) process.stderr.write(`measuring ${programs.subject}\n`)
  for (const engine of engines) {
    if (engine === 'beam') lines.push(beamLine(root))
    else if (engine === 'worker_threads') lines.push(threadsLine(root))
    else if (engine === 'nact' || engine === 'effect') lines.push(packageLine(engine, root))
    else if (programs !== undefined) lines.push(vigaLine(engine, programs))
  }
  return lines
}

/** Tells at once of each result: a JSON line, or a line on stderr while the table grows. */
function teller(options: Options, results: Result[]): (result: Result) => void {
  return (result) => {
    results.push(result)
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
    if ('missing' in result) process.stderr.write(`${result.suite}: ${result.engine} is missing: ${result.missing}\n`)
    else if ('error' in result) process.stderr.write(`${result.suite}, ${result.metric}: ${result.engine} failed: ${result.error}\n`)
    else if (!options.json) process.stderr.write(`${result.suite}, ${result.metric}: ${result.engine} ${Math.round(result.median * 1_000) / 1_000} ${result.unit}\n`)
  }
}

function save(text: string, options: Options): string {
  const day = new Date().toISOString().slice(0, 10)
  const file = join(root, 'bench', 'results', `${day}.md`)
  const erlang = spawnSync('erl', ['-noshell', '-eval', 'io:format("~s", [erlang:system_info(otp_release)]), halt().'], { encoding: 'utf8' })
  const peer = erlang.status === 0 ? `, Erlang/OTP ${erlang.stdout}` : ''
  const heading = [
    `# Figures of ${day}`,
    '',
    `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${process.platform} ${process.arch}, Node ${process.versions.node}${peer}. ${options.smoke ? 'A smoke run: the figures mean nothing.' : `Medians of ${options.runs} runs, all engines turn by turn in one go.`}`,
    'In parentheses: how many times better than Erlang (beam), in the better of its two forms. What each metric',
    'shows, and what it does not: bench/README.md.',
    '',
  ]
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${heading.join('\n')}\n${text}\n`)
  return file
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const lines = await linesFor(options.engines, options.fromSource)
  const results: Result[] = []
  const tell = teller(options, results)
  for (const suite of catalogue) if (options.suites.includes(suite.name)) await runSuite(suite, lines, options, tell)
  const text = table(results, options.engines)
  if (!options.json) process.stdout.write(`${text}\n`)
  if (options.save) process.stderr.write(`saved ${save(text, options)}\n`)
  if (results.some((result) => 'error' in result)) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}
