/**
 * The package as its users get it: built, packed, and installed from the tarball into a folder of its own. What is installed
 * is a copy of nothing in the checkout but the tarball, and no install script has run.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
export const checkout = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** What the tests' own environment says about engines must not reach the programs they run. */
function cleanEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env }
  for (const name of Object.keys(environment))
    if (name.startsWith('VIGA_') || name.startsWith('npm_') || name === 'NODE_OPTIONS') delete environment[name]
  return { ...environment, PREBUILDS_ONLY: '1', ...extra }
}

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(command: string, args: readonly string[], cwd: string, environment: NodeJS.ProcessEnv): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: environment, encoding: 'utf8' })
  if (error !== undefined) throw error
  return { status, stdout, stderr }
}

function runOrThrow(command: string, args: readonly string[], cwd: string, environment = process.env): string {
  const { status, stdout, stderr } = run(command, args, cwd, environment)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** npm itself where npm runs the tests, or the one on the path; on Windows the one beside Node, for npm.cmd needs a shell. */
function npm(args: readonly string[], cwd: string): string {
  const besideNode = join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js')
  const cli = process.env['npm_execpath'] ?? (process.platform === 'win32' ? besideNode : undefined)
  return cli === undefined ? runOrThrow('npm', args, cwd) : runOrThrow(process.execPath, [cli, ...args], cwd)
}

interface PackResult {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

/** A folder in which programs run that depend on the installed package. */
export class InstalledPackage {
  readonly folder: string
  /** Paths inside the tarball. */
  readonly files: readonly string[]
  /** The binary inside the installed package; undefined where none could be made. */
  readonly binary: string | undefined

  constructor(folder: string, files: readonly string[]) {
    this.folder = folder
    this.files = files
    const binary = files.find((path) => path.endsWith('.node'))
    this.binary = binary === undefined ? undefined : join(folder, 'node_modules', 'viga', ...binary.split('/'))
  }

  /** Writes a program and runs it with Node. */
  run(file: string, source: string, environment: Readonly<Record<string, string>> = {}): Outcome {
    this.write(file, source)
    return run(process.execPath, [join(this.folder, file)], this.folder, cleanEnvironment(environment))
  }

  write(file: string, source: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true })
    writeFileSync(join(this.folder, file), source)
  }

  /** Writes a TypeScript program and a strict tsconfig.json for it, with the options of `kind`. */
  writeProgram(kind: { readonly module: string; readonly moduleResolution: string }, files: Readonly<Record<string, string>>): void {
    for (const [file, source] of Object.entries(files)) this.write(file, source)
    const compilerOptions = {
      ...kind,
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [dirname(dirname(require.resolve('@types/node/package.json')))],
    }
    this.write('tsconfig.json', JSON.stringify({ compilerOptions, files: Object.keys(files) }))
  }

  /** Runs the project's TypeScript compiler in the folder, on its tsconfig.json. */
  typeCheck(): Outcome {
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
    return run(process.execPath, [compiler, '-p', this.folder], this.folder, cleanEnvironment({}))
  }

  /** An independent copy, to be spoilt. */
  copy(): InstalledPackage {
    const folder = mkdtempSync(join(tmpdir(), 'viga-consumer-'))
    cpSync(this.folder, folder, { recursive: true })
    return new InstalledPackage(folder, this.files)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Prebuilt binaries of the checkout, where they cannot be made anew. */
function stagePrebuilds(staging: string): void {
  const made = runOrThrow(process.execPath, [join(checkout, 'scripts', 'prebuild.mjs'), '--out', staging], checkout)
  process.stdout.write(made)
  const existing = join(checkout, 'prebuilds')
  if (readdirSync(staging).includes('prebuilds') || statSync(existing, { throwIfNoEntry: false }) === undefined) return
  cpSync(existing, join(staging, 'prebuilds'), { recursive: true })
}

/** Builds, packs and installs. Takes some seconds, and a minute or two where the addon is not compiled yet. */
export function installPackage(): InstalledPackage {
  runOrThrow(process.execPath, [join(checkout, 'scripts', 'build.mjs'), '--if-needed'], checkout)
  mkdirSync(join(checkout, 'build'), { recursive: true })
  const staging = mkdtempSync(join(checkout, 'build', 'package-'))
  const folder = mkdtempSync(join(tmpdir(), 'viga-consumer-'))
  try {
    for (const path of ['package.json', 'README.md', 'LICENSE', 'dist'])
      cpSync(join(checkout, path), join(staging, path), { recursive: true })
    stagePrebuilds(staging)
    const packed = JSON.parse(npm(['pack', '--json', '--ignore-scripts'], staging)) as PackResult[] | Record<string, PackResult>
    const [result] = Object.values(packed) as [PackResult]
    // From the checkout's own copy, so that nothing is asked of the network.
    const loader = dirname(require.resolve('node-gyp-build/package.json'))
    const [loaderResult] = Object.values(JSON.parse(npm(['pack', '--json', '--ignore-scripts', loader], staging)) as object) as [PackResult]
    writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "version": "1.0.0" }\n')
    npm(
      ['install', '--offline', '--ignore-scripts', ...[loaderResult, result].map(({ filename }) => join(staging, filename))],
      folder,
    )
    return new InstalledPackage(
      folder,
      result.files.map(({ path }) => path),
    )
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}
