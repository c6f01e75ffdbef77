/** Runs the examples of the guides: the blocks of a page are one program, and `// =>` says what a line gives. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** The program of a page: a function of `check`, which is called with each line that says what it gives. */
function programOf(page: string): { readonly source: string; readonly checks: number } {
  const blocks = [...readFileSync(join(checkout, page), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code as string)
  const imports: string[] = []
  const body: string[] = []
  let checks = 0
  for (const line of blocks.join('\n').split('\n')) {
    const expectation = /^(.+?) \/\/ => (.+)$/.exec(line)
    if (line.startsWith('import ')) imports.push(line.replace("'viga'", `'${join(checkout, 'ts/src/index.ts')}'`))
    else if (expectation !== null) {
      checks++
      body.push(`check(${expectation[1]}, ${expectation[2]}, ${JSON.stringify(line)})`)
    } else body.push(line)
  }
  const source = `${imports.join('\n')}\nexport async function run(check: (given: unknown, wanted: unknown, line: string) => void) {\n${body.join('\n')}\n}\n`
  return { source, checks }
}

test.each(['docs/gen-server.md', 'docs/supervisor.md'])('%s', async (page) => {
  const { source, checks } = programOf(page)
  const folder = mkdtempSync(join(tmpdir(), 'viga-guide-'))
  try {
    const file = join(folder, 'guide.ts')
    writeFileSync(file, source)
    const program = (await import(/* @vite-ignore */ file)) as { run: (check: unknown) => Promise<void> }
    let checked = 0
    await program.run((given: unknown, wanted: unknown, line: string) => {
      checked++
      expect({ line, given }).toEqual({ line, given: wanted })
    })
    expect(checked).toBe(checks)
    expect(checks).toBeGreaterThan(5)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
