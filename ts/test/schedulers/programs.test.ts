/** Whole programs that use two schedulers, of every kind that Node runs, on viga as it is built. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkout, Project } from './project.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const { typescript } = (process as { features: { typescript?: unknown } }).features
const readsTypes = typescript !== undefined && typescript !== false

/** Its definitions are in its entry, whose top level waits for the start of one of them. */
const entry = `
import { genServer, type Pid, receive, reply, schedulerId, self, send, spawnWith } from 'viga'
console.log('top level of', schedulerId())
export const Counter = genServer(import.meta, { init: (n: number) => n, call: { get: (n: number) => reply([schedulerId(), n], n) } })
export function* tell(to: Pid<unknown>): Generator {
  send(to, schedulerId())
}
if (schedulerId() === 1) {
  const counter = await Counter.start(4, { scheduler: 2 })
  console.log(JSON.stringify(await counter.call.get()))
  spawnWith({ scheduler: 2 }, import.meta, tell, self())
  console.log(await receive())
}
`
const expected = ['top level of 1', 'top level of 2', '[2,4]', '2', '']

const common = `
const { genServer, receive, reply, schedulerId, self, send, spawnWith } = require('viga')
const meta = { url: require('node:url').pathToFileURL(__filename).href }
console.log('top level of', schedulerId())
exports.Counter = genServer(meta, { init: (n) => n, call: { get: (n) => reply([schedulerId(), n], n) } })
exports.tell = function* tell(to) {
  send(to, schedulerId())
}
async function main() {
  const counter = await exports.Counter.start(4, { scheduler: 2 })
  console.log(JSON.stringify(await counter.call.get()))
  spawnWith({ scheduler: 2 }, meta, exports.tell, self())
  console.log(await receive())
}
if (schedulerId() === 1) void main()
`

/** What has to go on in another thread keeps the program alive, and nothing else does. */
const lasting = `
import { receive, schedulerId, spawnWith } from 'viga'
export async function work() {
  await receive({ timeout: 50 })
  setTimeout(() => console.log('done on', schedulerId()), 50)
  await receive()
}
if (schedulerId() === 1) spawnWith({ scheduler: 2 }, import.meta, work)
`

const dataModule = `
import { receive, self, spawnWith } from 'viga'
const url = 'data:text/javascript,' + encodeURIComponent(
  \`import { schedulerId, send } from '\${import.meta.resolve('viga')}'; export const tell = (to) => send(to, schedulerId())\`)
const { tell } = await import(url)
spawnWith({ scheduler: 2 }, { url }, tell, self())
console.log(await receive())
`

const definitions = `
import { genServer, reply, schedulerId } from 'viga'
export const Counter = genServer(import.meta, { init: (n: number) => n, call: { get: (n: number) => reply([schedulerId(), n], n) } })
`

/** What vitest has transformed is read by the other thread as it stands. */
const vitestTest = `
import { expect, test } from 'vitest'
import { Runtime } from 'viga'
import { Counter } from './definitions.js'

test('a counter on another scheduler', async () => {
  await using runtime = Runtime.start({ schedulers: 2 })
  const counter = await Counter.start(4, { scheduler: 2 })
  expect(await counter.call.get()).toEqual([2, 4])
  expect(runtime.engine).toBe('native')
})
`

describe.runIf(native)('a program on two schedulers', () => {
  let project: Project
  beforeAll(async () => {
    project = await Project.withDependencies('tsx', 'vitest')
    process.env['VIGA_FLAGS'] = '+S 2'
  })
  afterAll(() => {
    delete process.env['VIGA_FLAGS']
    project.remove()
  })

  const lines = async (...args: readonly string[]): Promise<string[]> => (await project.run(...args)).split('\n')

  test('of ES modules', async () => {
    const source = entry.replaceAll(/(?:, type Pid|: Pid<unknown>|: Generator|: number)/g, '')
    expect(await lines(project.write('entry.mjs', source))).toEqual(expected)
  })

  test('of CommonJS', async () => {
    expect((await lines(project.write('entry.cjs', common))).toSorted()).toEqual(expected.toSorted())
  })

  test('of TypeScript, through tsx', async () => {
    expect(await lines('--import', 'tsx', project.write('through-tsx.ts', entry))).toEqual(expected)
  })

  test.runIf(readsTypes)('of TypeScript, by Node itself', async () => {
    expect(await lines('--no-warnings', project.write('by-itself.ts', entry))).toEqual(expected)
  })

  test.each(['forks', 'threads'])('of tests that vitest runs, in %s', async (pool) => {
    project.write('definitions.ts', definitions)
    project.write('counter.test.ts', vitestTest)
    const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs')
    expect(await project.run(vitest, 'run', '--pool', pool, '--reporter', 'json')).toMatch(/"numPassedTests":1,/)
  })

  test('lives as long as something is to be done on the other', async () => {
    expect(await lines(project.write('lasting.mjs', lasting))).toEqual(['done on 2', ''])
  })

  test('with a module that is a URL of its own, given on the command line', async () => {
    expect(await lines('--input-type=module', '--eval', dataModule)).toEqual(['2', ''])
  })
})
