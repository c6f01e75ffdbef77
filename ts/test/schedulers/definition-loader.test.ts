import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { moduleUrl, RETRY } from '../../src/blueprint.js'
import { exportsOf, findFunction, findName, loadedModule, loadModule, notExported } from '../../src/definition-loader.js'

const folder = mkdtempSync(join(tmpdir(), 'viga-loader-'))
afterAll(() => rmSync(folder, { recursive: true }))

function moduleFile(name: string, source: string): string {
  writeFileSync(join(folder, name), source)
  return pathToFileURL(join(folder, name)).href
}

const counted = globalThis as { evaluations?: number }

test('all who ask for a module meanwhile share one import, and it is there at once afterwards', async () => {
  const url = moduleFile('shared.mjs', 'globalThis.evaluations = (globalThis.evaluations ?? 0) + 1; export function work() {}')
  expect(loadedModule(url)).toBeUndefined()
  const first = loadModule(url)
  expect(loadModule(url)).toBe(first)
  const module = await first
  expect(await loadModule(url)).toBe(module)
  expect(loadedModule(url)).toBe(module)
  expect(counted.evaluations).toBe(1)
})

test('a module that throws is tried again when the next one asks, and its error is the cause', async () => {
  const url = moduleFile(
    'moody.mjs',
    'globalThis.tries = (globalThis.tries ?? 0) + 1; if (globalThis.tries < 3) throw new Error(`try ${globalThis.tries}`); export const tries = globalThis.tries',
  )
  for (const attempt of [1, 2])
    await expect(loadModule(url)).rejects.toMatchObject({
      code: 'ERR_VIGA_DEFINITION_NOT_FOUND',
      message: expect.stringContaining(`moody.mjs could not be loaded: Error: try ${attempt}`) as string,
      cause: { message: `try ${attempt}` },
    })
  expect(await loadModule(url)).toMatchObject({ tries: 3 })
  expect(loadedModule(url)).toMatchObject({ tries: 3 })
})

test('a file that comes later is found then', async () => {
  const url = pathToFileURL(join(folder, 'late.mjs')).href
  await expect(loadModule(url)).rejects.toMatchObject({ code: 'ERR_VIGA_DEFINITION_NOT_FOUND' })
  moduleFile('late.mjs', 'export const here = true')
  expect(await loadModule(url)).toMatchObject({ here: true })
})

test('what a module defines when it is evaluated again is known to others by its plain URL', () => {
  expect(moduleUrl({ url: `file:///a.js?${RETRY}=2` }, 'start')).toBe('file:///a.js')
  expect(moduleUrl({ url: `file:///a.js?x=1&${RETRY}=2` }, 'start')).toBe('file:///a.js?x=1')
  expect(moduleUrl({ url: `data:text/javascript,1#${RETRY}=1` }, 'start')).toBe('data:text/javascript,1')
  expect(() => moduleUrl({ url: 'http://localhost/a.js' }, 'start')).toThrow(/start: the module is "http:.*DEFINITION_NOT_FOUND/)
})

test('a function is found by the name it is exported under, or by its own', async () => {
  const url = moduleFile('named.mjs', 'function a() {} function b() {} export { a, b as c }; export default function d() {}')
  const module = await loadModule(url)
  expect(findFunction(module, 'a')).toBe(module['a'])
  expect(findFunction(module, 'b')).toBe(module['c'])
  expect(findFunction(module, 'd')).toBe(module['default'])
  expect(findFunction(module, 'e')).toBeUndefined()
  expect(findName(module, module['c'])).toBe('c')
  expect(findName(module, () => undefined)).toBeUndefined()
  expect(notExported(url, module, 'the function e', 'export it').message).toMatch(
    /the function e is not exported by file:.*named\.mjs, which exports a, c, default; export it \(ERR_VIGA_DEFINITION_NOT_FOUND\)/,
  )
})

test('what a CommonJS module exports is found, however it says so', async () => {
  const url = moduleFile('common.cjs', 'const api = {}; for (const name of ["x", "y"]) api[name] = () => name; module.exports = api')
  const module = await loadModule(url)
  expect([...exportsOf(module).keys()]).toEqual(expect.arrayContaining(['x', 'y']))
  expect((findFunction(module, 'y') as () => string)()).toBe('y')
})
