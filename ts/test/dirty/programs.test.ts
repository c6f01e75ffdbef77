/** Whole programs: when they end, with threads of dirty pools in them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

async function run(program: string): Promise<{ code: unknown; output: string; errors: string }> {
  const file = fileURLToPath(new URL(`./programs/${program}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const [code] = (await once(child, 'close')) as [unknown]
  return { code, output, errors }
}

test('a job keeps the program alive, threads without one do not', { timeout: 60_000 }, async () => {
  const begun = performance.now()
  expect(await run('waits-for-a-job')).toEqual({ code: 0, output: 'woke\nwoke\n', errors: '' })
  // The idle time, after which the threads would end by themselves, is 30 s.
  expect(performance.now() - begun).toBeLessThan(25_000)
})

describe.runIf(process.env['VIGA_ENGINE'] !== 'pure')('a system of two schedulers', () => {
  test('has one pool of a kind for both', { timeout: 60_000 }, async () => {
    const { code, output, errors } = await run('two-schedulers')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(JSON.parse(output)).toEqual({
      answers: [
        [1, 1, 'RangeError: too far'],
        [2, 4, 'RangeError: too far'],
        [2, 4, 'RangeError: too far'],
      ],
      io: { workers: 1, busy: 0, queued: 0, done: 4, failed: 3, cancelled: 2 },
      crashed: ['timeout'],
      names: ['viga.dirty.cpu', 'viga.dirty.io'],
    })
  })
})
