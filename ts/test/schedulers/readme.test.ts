/** Runs the example of README.md for all cores: each block is the file that its first line names, and its comments say what it prints. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkout, Project } from './project.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'

describe.runIf(native)('the example of README.md for all cores', () => {
  test('prints what its comments say', async () => {
    const readme = readFileSync(join(checkout, 'README.md'), 'utf8')
    const project = await Project.withDependencies('tsx')
    try {
      const expected: string[] = []
      for (const [, block, file] of readme.matchAll(/```ts\n(\/\/ (\w+\.ts)\n.*?)```/gs)) {
        project.write(file as string, block as string)
        expected.push(...[...(block as string).matchAll(/^console\.log\(.*\) \/\/ (.+)$/gm)].map(([, text]) => text as string))
      }
      expect(expected).toHaveLength(2)
      expect(await project.run('--import', 'tsx', 'main.ts')).toBe([...expected, ''].join('\n'))
    } finally {
      project.remove()
    }
  })
})
