import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { genServer } from '../../src/index.js'
import defaultServer, { Counter } from './modules/counter.js'

test('a definition is found by identity among the exports of its module', async () => {
  for (const [definition, name] of [
    [Counter, 'Counter'],
    [defaultServer, 'default'],
  ] as const) {
    expect(definition.home?.url).toBe(new URL('./modules/counter.ts', import.meta.url).href)
    await definition.home?.find()
    expect(definition.home?.name).toBe(name)
  }
})

test('one that is not exported is not, and one without a module has no home', async () => {
  const inside = genServer(import.meta, { init: () => 0 })
  await expect(inside.home?.find()).rejects.toThrow(/is not exported by file:.*definition-home\.test\.ts.*ERR_VIGA_DEFINITION_NOT_FOUND/)
  await expect(inside.home?.find()).rejects.toThrow(/is not exported/)
  expect(inside.home?.name).toBeNull()
  expect(genServer({ init: () => 0 }).home).toBeNull()
  await expect(genServer({ url: 'http://there/a.js' }, { init: () => 0 }).home?.find()).rejects.toThrow(/can import file: and data: URLs only/)
})

test('while the top level of the module awaits, a definition goes by its place', async () => {
  const program = fileURLToPath(new URL('./modules/awaits-itself.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program])
  expect(stdout.split('\n').slice(0, 2)).toEqual(['#1 #2 #3', 'A C #3 fulfilled fulfilled rejected'])
})
