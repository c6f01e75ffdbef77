/** Runs the example of docs/dirty-pools.md: each block is the file that its first line names, and `// =>` says what a line gives. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freshRuntime } from '../fresh-runtime.js'

freshRuntime({ dirtyCpu: 1 })

const checkout = fileURLToPath(new URL('../../..', import.meta.url))

function sourceOf(block: string): string {
  const imports: string[] = []
  const body: string[] = []
  for (const line of block.replaceAll("'viga'", `'${join(checkout, 'ts/src/index.ts')}'`).replace('./primes.js', './primes.ts').split('\n')) {
    const expectation = /^(.+?) \/\/ => (.+)$/.exec(line)
    if (line.startsWith('import ')) imports.push(line)
    else body.push(expectation === null ? line : `check(${expectation[1]}, ${expectation[2]}, ${JSON.stringify(line)})`)
  }
  const isProgram = block.startsWith('// main.ts')
  return [...imports, ...(isProgram ? ['export async function run(check) {', ...body, '}'] : body)].join('\n')
}

test('the example of the guide', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'viga-guide-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const page = readFileSync(join(checkout, 'docs/dirty-pools.md'), 'utf8')
    for (const [, block, file] of page.matchAll(/```ts\n(\/\/ (\w+\.ts)\n.*?)```/gs)) writeFileSync(join(folder, file as string), sourceOf(block as string))
    const program = (await import(/* @vite-ignore */ join(folder, 'main.ts'))) as { run: (check: unknown) => Promise<void> }
    const lines: string[] = []
    await program.run((given: unknown, wanted: unknown, line: string) => {
      lines.push(line)
      expect({ line, given }).toEqual({ line, given: wanted })
    })
    expect(lines).toHaveLength(4)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
