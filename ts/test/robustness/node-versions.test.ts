import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** Other versions of Node to run the programs on: paths of their binaries, separated as in PATH. */
const named = (process.env['VIGA_NODES'] ?? '').split(delimiter).filter((path) => path !== '')
if (named.length === 0) console.log('other versions of Node: NOT RUN, VIGA_NODES names no binaries')

async function run(node: string, program: string): Promise<{ code: number | null; output: string; errors: string }> {
  const file = fileURLToPath(new URL(`../programs/${program}.ts`, import.meta.url))
  const child = spawn(node, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output, errors }
}

describe.each([process.execPath, ...named])('on %s', (node) => {
  test('a bit of everything works, and the program ends by itself', { timeout: 60_000 }, async () => {
    expect(await run(node, 'bit-of-everything')).toEqual({ code: 0, output: '42 killed 40 3 row\n', errors: '' })
  })

  test('threads end with the program', { timeout: 60_000 }, async () => {
    expect(await run(node, 'exits-with-threads')).toEqual({ code: 3, output: '', errors: '' })
  })

  test('what is left waiting when the runtime stops is told, and a rejection nobody hears stays in its process', { timeout: 60_000 }, async () => {
    const { code, output, errors } = await run(node, 'stops-in-the-middle')
    expect({ code, output }).toEqual({ code: 0, output: 'ERR_VIGA_RUNTIME_STOPPED\nends\n' })
    expect(errors).toContain('ended: Error: nobody hears')
  })
})
