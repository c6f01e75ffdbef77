/** The packed and installed package: both module kinds, one runtime, types, binaries that do not load, cost of importing. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transformSync } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkout, type InstalledPackage, installPackage } from './installed-package.js'

let installed: InstalledPackage
/** What the automatic choice must come to here. */
let expectedEngine: 'native' | 'pure'
const copies: InstalledPackage[] = []

beforeAll(() => {
  installed = installPackage()
  expectedEngine = installed.binary === undefined ? 'pure' : 'native'
  process.stdout.write(`packaging tests: the package runs on the ${expectedEngine} engine here\n`)
}, 900_000)

afterAll(() => installed.remove())

afterEach(() => {
  for (const copy of copies.splice(0)) copy.remove()
})

function spoiltCopy(): InstalledPackage {
  const copy = installed.copy()
  copies.push(copy)
  return copy
}

const echoProgram = `
  const parent = self()
  const echo = spawn(function* () {
    const { text } = yield* receive()
    send(parent, text.toUpperCase())
  })
  send(echo, { text: 'hello' })
  receive({ timeout: 5000 }).then((reply) => console.log(JSON.stringify({ reply, engine: systemInfo().engine })))
`
const echoNames = '{ receive, self, send, spawn, systemInfo }'
const echoModule = `import ${echoNames} from 'viga'\n${echoProgram}`
const echoScript = `const ${echoNames} = require('viga')\n${echoProgram}`

describe('the tarball', () => {
  it('holds the build, the binaries and the papers, and nothing else', () => {
    const unexpected = installed.files.filter((path) => !/^(?:package\.json|README\.md|LICENSE|dist\/.+|prebuilds\/.+\.node)$/.test(path))
    expect(unexpected).toEqual([])
    expect(installed.files).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'dist/index.cjs',
        'dist/index.mjs',
        'dist/index.d.cts',
        'dist/index.d.mts',
        'dist/scheduler-worker.cjs',
        'dist/dirty-worker.cjs',
      ]),
    )
  })

  it('asks for no script at installation', () => {
    const manifest = JSON.parse(readFileSync(join(installed.folder, 'node_modules/viga/package.json'), 'utf8'))
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(manifest.scripts).not.toHaveProperty(name)
    expect(manifest.gypfile).toBe(false)
    expect(Object.keys(manifest.dependencies)).toEqual(['node-gyp-build'])
  })
})

describe('an installed package', () => {
  it.each([
    ['an ES module', 'echo.mjs', echoModule],
    ['CommonJS', 'echo.cjs', echoScript],
  ])('runs a process from %s', (_kind, file, source) => {
    const { status, stdout, stderr } = installed.run(file, source, { VIGA_ENGINE: expectedEngine })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ reply: 'HELLO', engine: expectedEngine })
  })

  it('has one runtime for import and require in one program', () => {
    const { stdout, stderr } = installed.run(
      'both.mjs',
      `import { createRequire } from 'node:module'
       import * as imported from 'viga'
       const required = createRequire(import.meta.url)('viga')
       imported.register('here', imported.self())
       const names = Object.keys(required)
       console.log(JSON.stringify({
         sameNames: JSON.stringify(names.toSorted()) === JSON.stringify(Object.keys(imported).toSorted()),
         sameValues: names.every((name) => required[name] === imported[name]),
         sameProcess: imported.samePid(required.whereis('here'), imported.self()),
       }))`,
      { VIGA_ENGINE: expectedEngine },
    )
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ sameNames: true, sameValues: true, sameProcess: true })
  })

  it('refuses to run beside a second copy in one thread', () => {
    const copy = spoiltCopy()
    cpSync(join(copy.folder, 'node_modules/viga'), join(copy.folder, 'plugin/node_modules/viga'), { recursive: true })
    copy.write('plugin/use.mjs', "import { self } from 'viga'\nexport const use = () => self()\n")
    const { stdout } = copy.run(
      'two.mjs',
      `import { self } from 'viga'
       import { use } from './plugin/use.mjs'
       self()
       try { use() } catch (error) { console.log(error.code) }`,
      { VIGA_ENGINE: expectedEngine },
    )
    expect(stdout.trim()).toBe('ERR_VIGA_DUPLICATE_PACKAGE')
  })
})

describe('the types of an installed package', () => {
  const typedProgram = `
    import { type Pid, receive, self, send, spawn } from 'viga'
    interface Hello { readonly text: string; readonly from: Pid<string> }
    const echo: Pid<Hello> = spawn<Hello>(function* () {
      const { text, from } = yield* receive<Hello>()
      send(from, text)
    })
    send(echo, { text: 'hello', from: self<string>() })
    // @ts-expect-error -- text is a string
    send(echo, { text: 1, from: self<string>() })
  `

  it.each([
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'nodenext', moduleResolution: 'nodenext' },
    { module: 'preserve', moduleResolution: 'bundler' },
  ])('are found from both module kinds with $module', (kind) => {
    const copy = spoiltCopy()
    copy.writeProgram(kind, { 'module.mts': typedProgram, 'script.cts': typedProgram })
    expect(copy.typeCheck()).toMatchObject({ status: 0, stdout: '' })
  })
})

describe('a binary that does not load', () => {
  const spoilt = [
    ['missing', (copy: InstalledPackage) => rmSync(join(copy.folder, 'node_modules/viga/prebuilds'), { recursive: true, force: true })],
    ['broken', (copy: InstalledPackage) => copy.binary !== undefined && writeFileSync(copy.binary, 'this is no shared library')],
  ] as const

  it.each(spoilt)('%s: the automatic choice is the pure engine, with one line that says so', (_how, spoil) => {
    const copy = spoiltCopy()
    spoil(copy)
    const { status, stdout, stderr } = copy.run('echo.mjs', echoModule)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ reply: 'HELLO', engine: 'pure' })
    expect(stderr).toMatch(/^viga: running on the pure engine: .+\n$/)
  })

  it.each(spoilt)('%s: asking for the native engine is a coded error', (_how, spoil) => {
    const copy = spoiltCopy()
    spoil(copy)
    const { stdout } = copy.run(
      'native.mjs',
      "import { Runtime } from 'viga'\ntry { Runtime.start({ engine: 'native' }) } catch (error) { console.log(error.code) }",
    )
    expect(stdout.trim()).toBe('ERR_VIGA_ENGINE_UNAVAILABLE')
  })
})

/** A program that prints what `load` takes, in milliseconds and in bytes of resident memory. */
function measuring(load: string): string {
  return `
    const rss = process.memoryUsage.rss()
    const begun = performance.now()
    ${load}
    const milliseconds = performance.now() - begun
    console.log(JSON.stringify({ milliseconds, bytes: process.memoryUsage.rss() - rss }))
  `
}

describe('VIGA_PREBUILD', () => {
  it('names a folder whose binary is taken in the place of the package\'s own', () => {
    const copy = spoiltCopy()
    const own = join(copy.folder, 'node_modules/viga/prebuilds')
    // Where no binary could be made there is none to move, and the pure engine runs with or without the variable.
    mkdirSync(own, { recursive: true })
    cpSync(own, join(copy.folder, 'elsewhere/prebuilds'), { recursive: true })
    rmSync(own, { recursive: true })
    const { stdout } = copy.run('echo.mjs', echoModule, { VIGA_PREBUILD: join(copy.folder, 'elsewhere') })
    expect(JSON.parse(stdout)).toEqual({ reply: 'HELLO', engine: expectedEngine })
  })
})

describe('importing the package', () => {
  /** Bounds hold for the best of several runs: what is above the best one is the machine's. */
  it.each([
    ['import', 'cost.mjs', "await import('viga')"],
    ['require', 'cost.cjs', "require('viga')"],
  ])('by %s costs less than 40 ms and 8 MB', (kind, file, load) => {
    const runs = Array.from({ length: 7 }, () => JSON.parse(installed.run(file, measuring(load)).stdout))
    const milliseconds = Math.min(...runs.map((run) => run.milliseconds))
    const megabytes = Math.min(...runs.map((run) => run.bytes)) / 1e6
    process.stdout.write(`${kind} of the package: ${milliseconds.toFixed(1)} ms, ${megabytes.toFixed(1)} MB\n`)
    expect(milliseconds).toBeLessThan(40)
    expect(megabytes).toBeLessThan(8)
  })

  it('starts nothing', () => {
    const { status, stdout } = installed.run(
      'idle.cjs',
      "require('viga')\nconsole.log(JSON.stringify(process.getActiveResourcesInfo()))",
    )
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual([])
  })
})

describe('the example of README.md', () => {
  const readme = readFileSync(join(checkout, 'README.md'), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''

  it('prints what its comments say', () => {
    const expected = [...example.matchAll(/^console\.log\(.*\) \/\/ (.+)$/gm)].map(([, text]) => text)
    expect(expected.length).toBeGreaterThan(0)
    const { code } = transformSync(example, { loader: 'ts', format: 'esm', target: 'node20' })
    const { status, stdout, stderr } = installed.run('example.mjs', code, { VIGA_ENGINE: expectedEngine })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toEqual(expected)
  })

  it('has the types it shows', () => {
    const copy = spoiltCopy()
    copy.writeProgram({ module: 'nodenext', moduleResolution: 'nodenext' }, { 'example.mts': example })
    expect(copy.typeCheck()).toMatchObject({ status: 0, stdout: '' })
  })
})
