/** What `npm test` counts: nothing that failed may look as if it had not been there. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { checkout } from './installed-package.js'

interface Counts {
  readonly passed: number
  readonly failed: number
}

async function script<T>(...path: string[]): Promise<T> {
  return (await import(pathToFileURL(join(checkout, 'scripts', 'test-parts', ...path)).href)) as T
}

const { countCargo, loomTargets } = await script<{
  countCargo(run: { status: number; output: string }): Counts
  loomTargets(): { crate: string; target: string[] }[]
}>('cargo.mjs')
const { countReport } = await script<{ countReport(report: object): Counts }>('vitest.mjs')

describe('cargo', () => {
  const line = (result: string, passed: number, failed: number): string =>
    `\ntest result: ${result}. ${passed} passed; ${failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n`

  it('is counted over all its test programs', () => {
    expect(countCargo({ status: 0, output: line('ok', 12, 0) + line('ok', 3, 0) })).toEqual({ passed: 15, failed: 0 })
    expect(countCargo({ status: 101, output: line('ok', 12, 0) + line('FAILED', 3, 2) })).toEqual({ passed: 15, failed: 2 })
  })

  it('counts as one failure when it fails without a failed test', () => {
    expect(countCargo({ status: 101, output: `${line('ok', 12, 0)}error: could not compile` })).toEqual({ passed: 12, failed: 1 })
  })

  it('walks the loom models of each crate that has some', () => {
    expect(loomTargets()).toEqual(expect.arrayContaining([{ crate: 'viga-scheduler', target: ['--test', 'loom'] }]))
  })
})

describe('vitest', () => {
  const passing = { status: 'passed', assertionResults: [{ status: 'passed' }] }

  it('is counted by its report', () => {
    const failing = { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] }
    expect(countReport({ numPassedTests: 2, numFailedTests: 1, testResults: [passing, failing] })).toEqual({ passed: 2, failed: 1 })
  })

  it('counts a file that did not load as one failure', () => {
    const broken = { status: 'failed', assertionResults: [] }
    expect(countReport({ numPassedTests: 1, numFailedTests: 0, testResults: [passing, broken] })).toEqual({ passed: 1, failed: 1 })
  })
})
