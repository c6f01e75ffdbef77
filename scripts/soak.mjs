/**
 * `npm run soak -- [--minutes 20 | --seconds 30] [--seed N] [--schedulers N] [--engine E] [--no-crashes]`
 *
 * Processes on 2 to 4 schedulers do things at random for a long time, and everything they did is accounted for: ts/test/soak.
 * It runs in episodes, each in a process of the operating system of its own. The first failure ends it with exit code 1 and
 * the command that repeats the episode, as far as threads repeat anything.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { ensureDist } from './build-dist.mjs'
import { ensureNative } from './ensure-native.mjs'
import { packageRoot } from './package-root.mjs'

/** An episode that has printed nothing for so long hangs, whatever it says of itself: milliseconds. */
const SILENCE = 60_000
const LONGEST_EPISODE = 60
const SHORTEST_EPISODE = 5

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    schedulers: { type: 'string' },
    engine: { type: 'string' },
    'no-crashes': { type: 'boolean' },
  },
})

function numberOf(option, fallback) {
  const number = values[option] === undefined ? fallback : Number(values[option])
  if (Number.isFinite(number) && number >= 0) return number
  throw new Error(`--${option} is ${JSON.stringify(values[option])}; numbers from 0 on are allowed`)
}

/** Compiles each module of the soak by itself, so that all threads find it under its own URL, against the built package. */
async function compile() {
  const sources = join(packageRoot, 'ts', 'test', 'soak')
  const folder = join(packageRoot, 'build', 'soak')
  mkdirSync(folder, { recursive: true })
  const measured = pathToFileURL(join(packageRoot, 'dist', 'index.mjs')).href
  await build({
    entryPoints: readdirSync(sources).filter((file) => /^[a-z-]+\.ts$/.test(file)).map((file) => join(sources, file)),
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20.12',
    format: 'esm',
    logLevel: 'warning',
    plugins: [
      {
        name: 'modules-of-the-soak',
        setup(esbuild) {
          esbuild.onResolve({ filter: /src\/index\.js$/ }, () => ({ path: measured, external: true }))
          esbuild.onResolve({ filter: /^\.\// }, ({ path }) => ({ path, external: true }))
        },
      },
    ],
  })
  return join(folder, 'episode.js')
}

/** Runs one episode; its last line, or why there is none. */
function play(file, seed, schedulers, seconds) {
  return new Promise((resolve) => {
    const args = ['--expose-gc', file, seed, schedulers, seconds, values['no-crashes'] === true ? 0 : 1]
    const env = { ...process.env, ...(values.engine === undefined ? {} : { VIGA_ENGINE: values.engine }) }
    const child = spawn(process.execPath, args.map(String), { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let rest = ''
    let outcome
    let silent = false
    const giveUp = () => {
      silent = true
      child.kill('SIGKILL')
    }
    let timer = setTimeout(giveUp, SILENCE)
    child.stdout.setEncoding('utf8').on('data', (text) => {
      clearTimeout(timer)
      timer = setTimeout(giveUp, SILENCE)
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      for (const line of lines.map((json) => JSON.parse(json)))
        if ('progress' in line) console.log(`  seed ${seed}, ${schedulers} schedulers: ${line.progress}`)
        else outcome = line
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (silent) resolve({ operations: 0, checks: 0, failures: [`the episode hangs: nothing was heard of it for ${SILENCE / 1_000} s`] })
      else resolve(outcome ?? { operations: 0, checks: 0, failures: [`the episode ended with ${signal ?? `exit code ${code}`}`] })
    })
  })
}

async function main() {
  const seconds = numberOf('seconds', numberOf('minutes', 20) * 60)
  const firstSeed = numberOf('seed', Math.floor(Math.random() * 1_000_000))
  const pinned = values.schedulers === undefined ? undefined : numberOf('schedulers')
  if (values.engine !== 'pure') ensureNative()
  await ensureDist()
  const file = await compile()
  const length = Math.min(LONGEST_EPISODE, Math.max(SHORTEST_EPISODE, Math.floor(seconds / 3)))
  const end = Date.now() + seconds * 1_000
  const total = { operations: 0, checks: 0, migrations: 0, failed: 0 }
  for (let seed = firstSeed; Date.now() < end && total.failed === 0; seed++) {
    const schedulers = pinned ?? 2 + (seed % 3)
    const left = Math.ceil((end - Date.now()) / 1_000)
    const { operations, checks, migrations = 0, failures } = await play(file, seed, schedulers, Math.min(length, left))
    total.operations += operations
    total.checks += checks - failures.length
    total.failed += failures.length
    total.migrations += migrations
    if (failures.length === 0) continue
    console.error(failures.join('\n'))
    console.error(`\nagain: npm run soak -- --seed ${seed} --schedulers ${schedulers} --seconds ${length * 3}`)
  }
  console.log(`${total.operations} operations, ${Math.max(0, total.checks)} passed checks, ${total.failed} failed; ${total.migrations} processes have moved`)
  process.exitCode = total.failed === 0 ? 0 : 1
}

await main()
