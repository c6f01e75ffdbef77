/** The TypeScript tests, by engine. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './command.mjs'

const require = createRequire(import.meta.url)

/** Counts of a report by vitest's json reporter. A file that failed without a failed test (it did not load) counts as one. */
export function countReport(report) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length }
}

async function runVitest(args, env) {
  const vitest = join(require.resolve('vitest/package.json'), '..', 'vitest.mjs')
  const folder = mkdtempSync(join(tmpdir(), 'viga-vitest-'))
  const reportFile = join(folder, 'report.json')
  try {
    const { status } = await runCommand(
      process.execPath,
      [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...args],
      { env },
    )
    const counts = countReport(readReport(reportFile))
    return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    process.stderr.write(`vitest left no report: ${error.message}\n`)
    return { numPassedTests: 0, numFailedTests: 1, testResults: [] }
  }
}

/** Everything but the packaging tests, on one engine. */
export function suiteOn(engine) {
  return runVitest(['--exclude', 'ts/test/packaging/**'], { VIGA_ENGINE: engine })
}

export function packagingTests() {
  return runVitest(['ts/test/packaging'], {})
}
