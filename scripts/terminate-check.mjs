/**
 * `npm run check:terminate -- [--full] [--programs N] [--scenario NAME]`
 *
 * Ends isolates in the middle of everything, round after round (terminate-parts/rounds.mjs), with the addon under AddressSanitizer and
 * the walks of its feature hard-checks. Fails on a report, a defect that the addon notices, a crash, a hang and an unexpected exit code.
 *
 * The short form takes less than a minute once the addon is built, on this Node and those that VIGA_NODES names (paths, separated as in
 * PATH). The full form takes several, on Node 20, 24 and 26, which it installs with npm unless VIGA_NODES names some.
 *
 * Node itself is not instrumented, but what it allocates and frees is: control blocks and other memory of ArrayBuffers that the addon uses
 * too late is reported. In return libuv may use handles of the addon's too late: freed memory is filled with zeros, at which it crashes.
 */
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, realpathSync, renameSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureDist } from './build-dist.mjs'
import { ensureNative, hasCargo } from './ensure-native.mjs'
import { packageRoot } from './package-root.mjs'

const { values } = parseArgs({
  options: { full: { type: 'boolean', default: false }, programs: { type: 'string' }, scenario: { type: 'string' } },
})

/**
 * Rounds of a program, and programs of the short form and of the full one. Threads that keep ending soon are started again after longer
 * and longer pauses, so that many rounds in one program would take long.
 */
const scenarios = {
  exit: { rounds: 8, programs: [1, 8] },
  throw: { rounds: 6, programs: [1, 8] },
  memory: { rounds: 3, programs: [1, 8] },
  terminate: { rounds: 10, programs: [1, 8] },
  stop: { rounds: 8, programs: [1, 8] },
  nested: { rounds: 8, programs: [1, 8] },
  mainExit: { rounds: 1, programs: [4, 40] },
}
/**
 * Node's process.exit() may wait for ever for a thread that compiles and waits for a collection by the main one: a fault of Node's that is
 * known, and not viga's to find.
 */
const nodeOptions = { mainExit: ['--no-concurrent-sparkplug', '--no-concurrent-recompilation'] }

/** A program that has not ended by then hangs. */
const MOST_SECONDS = 60
const folder = join(packageRoot, 'build', 'terminate-check')
const addon = join(folder, 'build', 'Release', 'viga.node')
const fullVersions = [20, 24, 26]

/** The library that has to be in the program before the addon is; or why there is none. */
function findRuntime() {
  if (process.platform !== 'linux') return { reason: `this is ${process.platform}, and the sanitizer's runtime is preloaded on Linux only` }
  if (!hasCargo()) return { reason: 'cargo is not installed' }
  const { status, stdout } = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' })
  const file = status === 0 ? stdout.trim() : ''
  return existsSync(file) ? { runtime: realpathSync(file) } : { reason: 'gcc with its libasan is not installed' }
}

function outputOf(command, args) {
  const { status, stdout } = spawnSync(command, args, { cwd: packageRoot, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`)
  return stdout
}

/** Builds the addon with the sanitizer's instructions in it, in a place of its own. */
function buildInstrumented() {
  const host = /^host: (.+)$/m.exec(outputOf('rustc', ['-vV']))[1]
  const target = join(packageRoot, 'target', 'terminate-check')
  const env = {
    ...process.env,
    // The option is not stable. It has no effect on what the compiler does otherwise.
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: '-Zsanitizer=address -Cforce-frame-pointers=yes',
    CARGO_TARGET_DIR: target,
    CARGO_PROFILE_RELEASE_LTO: 'off',
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
    CARGO_PROFILE_RELEASE_OPT_LEVEL: '1',
  }
  const args = ['build', '--release', '-p', 'viga-node', '--features', 'viga-runtime/hard-checks', '--target', host]
  const { status } = spawnSync('cargo', args, { cwd: packageRoot, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error('building the addon with AddressSanitizer failed')
  mkdirSync(join(addon, '..'), { recursive: true })
  copyFileSync(join(target, host, 'release', 'libviga_node.so'), `${addon}.new`)
  renameSync(`${addon}.new`, addon)
}

function sanitized(runtime) {
  const options = {
    // What a program still holds when it ends is no fault.
    detect_leaks: 0,
    max_free_fill_size: 4096,
    free_fill_byte: 0,
    // Node would take these signals for itself.
    handle_segv: 2,
    handle_sigbus: 2,
  }
  const text = Object.entries(options).map(([name, value]) => `${name}=${value}`).join(':')
  return { LD_PRELOAD: runtime, ASAN_OPTIONS: text, VIGA_PREBUILD: folder }
}

/** The environment to run `node` in, and why it is a plain one if it is. */
function environmentFor(node, { runtime, reason }) {
  if (runtime === undefined) return { env: {}, reason }
  const env = sanitized(runtime)
  const tried = spawnSync(node, ['--eval', `require(${JSON.stringify(addon)})`], { env: { ...process.env, ...env }, encoding: 'utf8' })
  if (tried.status === 0) return { env }
  return { env: {}, reason: `this Node does not start under it: ${tried.signal ?? tried.status} ${tried.stderr.trim().split('\n')[0]}` }
}

function installNodes() {
  const place = join(folder, 'nodes')
  mkdirSync(place, { recursive: true })
  const binaryOf = (version) => join(place, 'node_modules', `node${version}`, 'bin', 'node')
  const missing = fullVersions.filter((version) => !existsSync(binaryOf(version)))
  if (missing.length > 0) {
    const names = missing.map((version) => `node${version}@npm:node@${version}`)
    const { status } = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', place, ...names], { stdio: 'inherit' })
    if (status !== 0) throw new Error(`installing Node ${missing.join(', ')} failed; VIGA_NODES may name binaries instead`)
  }
  return fullVersions.map(binaryOf)
}

function nodes() {
  const named = (process.env['VIGA_NODES'] ?? '').split(delimiter).filter((path) => path !== '')
  if (values.full && named.length === 0) return installNodes()
  return [process.execPath, ...named]
}

/** Runs one program of rounds. Undefined when all was well, else what was not. */
function play(node, scenario, rounds, environment) {
  return new Promise((resolve) => {
    const file = join(packageRoot, 'scripts', 'terminate-parts', 'rounds.mjs')
    const env = { ...process.env, RUST_BACKTRACE: '1', ...environment }
    delete env['VIGA_FLAGS']
    const child = spawn(node, [...(nodeOptions[scenario] ?? []), file, scenario, String(rounds)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    let hangs = false
    const timer = setTimeout(() => {
      hangs = true
      child.kill('SIGKILL')
    }, MOST_SECONDS * 1_000)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const end = hangs ? `it had not ended after ${MOST_SECONDS} s` : signal !== null ? `${signal} ended it` : `exit code ${code}`
      resolve(failureOf(output, end, code === 0))
    })
  })
}

function failureOf(output, end, endedWell) {
  const report = /==\d+==ERROR: AddressSanitizer[^]*/.exec(output)?.[0]
  if (report !== undefined)
    return `a report, ${report.includes('viga.node') ? 'in the addon' : 'outside the addon, of memory that may be the addon\'s'}:\n${report.slice(0, 6_000)}`
  if (/panicked at|ERR_VIGA_DEFECT/.test(output)) return `a defect that the addon noticed:\n${output.slice(0, 6_000)}`
  return endedWell ? undefined : `${end}:\n${output.slice(-3_000)}`
}

async function main() {
  const sanitizer = findRuntime()
  await ensureDist()
  if (sanitizer.runtime !== undefined) buildInstrumented()
  const form = values.full ? 1 : 0
  const counts = { passed: 0, failed: 0 }
  for (const node of nodes()) {
    const version = outputOf(node, ['--version']).trim()
    const { env, reason } = environmentFor(node, sanitizer)
    if (reason !== undefined) ensureNative()
    console.log(`Node ${version}: ${reason === undefined ? 'under AddressSanitizer' : `WITHOUT AddressSanitizer: ${reason}`}`)
    for (const [scenario, { rounds, programs }] of Object.entries(scenarios)) {
      if (values.scenario !== undefined && values.scenario !== scenario) continue
      const begun = performance.now()
      const times = Number(values.programs ?? programs[form])
      let failure
      let played = 0
      for (; played < times && failure === undefined; played++) failure = await play(node, scenario, rounds, env)
      const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
      console.log(`  ${scenario}: ${failure === undefined ? 'passed' : 'FAILED'}, ${rounds * played} rounds in ${seconds} s`)
      if (failure === undefined) counts.passed++
      else counts.failed++
      if (failure !== undefined) console.error(failure)
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`)
  process.exitCode = counts.failed === 0 ? 0 : 1
}

await main()
