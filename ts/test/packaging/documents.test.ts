/** What is written in more than one place says the same everywhere. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { load } from 'js-yaml'
import { afterEach, describe, expect, it } from 'vitest'
import { ErrorCode } from '../../src/errors.js'
import { VERSION } from '../../src/version.js'
import { checkout } from './installed-package.js'

const read = (...path: string[]): string => readFileSync(join(checkout, ...path), 'utf8')

interface Manifest {
  readonly name: string
  readonly version: string
  readonly scripts: Readonly<Record<string, string>>
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
}
const manifest = JSON.parse(read('package.json')) as Manifest
const platforms = readdirSync(join(checkout, 'npm'))
const platformManifest = (folder: string): Manifest => JSON.parse(read('npm', folder, 'package.json')) as Manifest

describe('docs/errors.md', () => {
  const sections = read('docs', 'errors.md').split(/^## /m).slice(1)

  it('has each code of ts/src/errors.ts once, in the same order, and no other', () => {
    expect(sections.map((section) => section.split('\n')[0])).toEqual(Object.values(ErrorCode))
  })

  it('gives a cause and a remedy for each', () => {
    for (const section of sections) expect(section).toMatch(/\*\*Cause\.\*\* [\s\S]+\*\*Remedy\.\*\* \S/)
  })
})

describe('the version', () => {
  it('is one in the package, the code, the crates and the packages of binaries', () => {
    expect(VERSION).toBe(manifest.version)
    expect(/\[workspace\.package\]\nversion = "(.+)"/.exec(read('Cargo.toml'))?.[1]).toBe(manifest.version)
    for (const folder of platforms) expect(platformManifest(folder).version).toBe(manifest.version)
  })
})

describe('the lock file', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Readonly<Record<string, { readonly resolved?: string; readonly optionalDependencies?: Readonly<Record<string, string>> }>>
  }

  it('names no place to fetch packages from', () => {
    const withPlace = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined)
    expect(withPlace).toEqual([])
    expect(read('.npmrc')).toContain('omit-lockfile-registry-resolved=true')
  })

  it('has the packages for every platform, without which npm ci refuses it', () => {
    const names = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)))
    const missing = Object.values(lock.packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies).filter((name) => !names.has(name)))
    expect(missing).toEqual([])
  })
})

describe('commands in the documents', () => {
  it.each(['README.md', 'CONTRIBUTING.md', 'docs/install.md', 'docs/prebuilds.md', '.ci/run'])('of %s exist', (file) => {
    const used = [...read(file).matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name as string)
    expect(used.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([])
  })
})

describe('links between the documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(checkout, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]

  it.each(documents)('of %s lead somewhere', (file) => {
    const folder = file.split('/').slice(0, -1)
    const targets = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target as string)
    for (const target of targets) expect(() => readdirOrRead(join(checkout, ...folder, target))).not.toThrow()
  })
})

function readdirOrRead(path: string): void {
  try {
    readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error
  }
}

interface Workflow {
  readonly on: object
  readonly jobs: Readonly<Record<string, { readonly 'runs-on': string; readonly steps: readonly { readonly run?: string; readonly uses?: string }[] }>>
}

describe('workflows', () => {
  it.each(readdirSync(join(checkout, '.github', 'workflows')))('%s is YAML whose steps do something', (file) => {
    const workflow = load(read('.github', 'workflows', file)) as Workflow
    expect(Object.keys(workflow.on).length).toBeGreaterThan(0)
    for (const job of Object.values(workflow.jobs)) {
      expect(job['runs-on']).toBeTypeOf('string')
      for (const step of job.steps) expect(step.run ?? step.uses).toBeTypeOf('string')
    }
  })

  it('builds a binary for each package of binaries', () => {
    const workflow = load(read('.github', 'workflows', 'release.yml')) as {
      jobs: { prebuild: { strategy: { matrix: { include: { package: string }[] } } } }
    }
    const built = workflow.jobs.prebuild.strategy.matrix.include.map((target) => target.package)
    expect(built.toSorted()).toEqual(platforms.toSorted())
  })
})

/** Path of the binary of a package of binaries, in a checkout and in the package. */
function binaryOf(folder: string): string {
  const { os = [], cpu = [], libc = ['glibc'] } = platformManifest(folder)
  return join('prebuilds', `${os[0]}-${cpu[0]}`, `viga.${libc[0]}.node`)
}

describe('scripts/fill-npm-packages.mjs', () => {
  let release: string
  afterEach(() => rmSync(release, { recursive: true, force: true }))

  function checkoutForRelease(): string {
    release = mkdtempSync(join(tmpdir(), 'viga-release-'))
    for (const path of ['package.json', 'npm', 'scripts'])
      cpSync(join(checkout, path), join(release, path), { recursive: true, filter: (source) => basename(source) !== 'prebuilds' })
    return release
  }

  function fill(...args: string[]) {
    return spawnSync(process.execPath, [join(release, 'scripts', 'fill-npm-packages.mjs'), ...args], { encoding: 'utf8' })
  }

  it('puts each binary into its package, where node-gyp-build finds it', () => {
    checkoutForRelease()
    for (const folder of platforms) {
      mkdirSync(dirname(join(release, binaryOf(folder))), { recursive: true })
      writeFileSync(join(release, binaryOf(folder)), folder)
    }
    expect(fill().status).toBe(0)
    for (const folder of platforms) {
      expect(readFileSync(join(release, 'npm', folder, binaryOf(folder)), 'utf8')).toBe(folder)
      expect(readdirSync(join(release, 'npm', folder, 'prebuilds'), { recursive: true })).toHaveLength(2)
    }
  })

  it('does nothing when a binary is missing', () => {
    checkoutForRelease()
    const { status, stderr } = fill()
    expect(status).toBe(1)
    expect(stderr).toContain('linux-x64')
    for (const folder of platforms) expect(readdirSync(join(release, 'npm', folder))).not.toContain('prebuilds')
  })
})
