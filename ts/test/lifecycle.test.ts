import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** Runs a program of test/programs to its end. */
async function run(program: string): Promise<{ code: number | null; output: string; errors: string }> {
  const file = fileURLToPath(new URL(`./programs/${program}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const code = await new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
  return { code, output, errors }
}

describe('Node', () => {
  test('exits when processes wait for nothing but each other', async () => {
    expect(await run('waits-for-nothing')).toEqual({ code: 0, output: 'done\n', errors: '' })
  })

  test('stays for timers and receive timeouts', async () => {
    expect(await run('waits-for-a-timer')).toEqual({ code: 0, output: 'tick\ntimeout\n', errors: '' })
  })

  test('does not stay for timers that were cancelled or lost their process', async () => {
    expect(await run('cancels-its-timers')).toEqual({ code: 0, output: 'done\n', errors: '' })
  })

  test('hears nothing of what happens in a process but the report on stderr', async () => {
    const { code, output, errors } = await run('crashes')
    expect({ code, output }).toEqual({ code: 0, output: 'lives on\n' })
    for (const message of ['plain', 'generator', 'async']) expect(errors).toContain(`ended: Error: ${message}`)
    expect(errors.match(/viga: process/g)).toHaveLength(3)
  })
})
