import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { expect, test } from 'vitest'

/** The file alone, as CommonJS: the loader of ES modules of Node 20 uses libuv's pool before the first line of a program. */
const [bundle] = buildSync({
  entryPoints: [fileURLToPath(new URL('../src/thread-pool.ts', import.meta.url))],
  bundle: true,
  write: false,
  format: 'cjs',
  platform: 'node',
}).outputFiles
const threads = `require('node:fs').readdirSync('/proc/self/task').length`

/** Runs `program` in a node of its own, after the bundle; gives what it prints. */
function run(program: string, size?: string): string {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-'], {
    input: `${(bundle as { text: string }).text}\n${program}`,
    env: size === undefined ? env : { ...env, UV_THREADPOOL_SIZE: size },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return stdout.trim()
}

const onLinux = process.platform === 'linux'

test.runIf(onLinux)('the pool gets its size before its first use, for good', () => {
  const program = `const before = ${threads}; sizeThreadPool(9); console.log(${threads} - before, threadPoolSize())`
  expect(run(program)).toBe('9 9')
  expect(run(program, '3')).toBe('9 9')
})

test.runIf(onLinux)('a size that comes after the first use is refused, and changes nothing', () => {
  const attempt = `try { sizeThreadPool(9) } catch (error) { console.log(error.code, threadPoolSize(), error.message) }`
  expect(run(`require('node:fs').stat('/', () => { ${attempt} })`)).toMatch(/^ERR_VIGA_BAD_FLAG 4 .*\(\+A\) is 9, but the pool has been used already/)
  expect(run(`require('node:fs').stat('/', () => { ${attempt} })`, '5')).toMatch(/^ERR_VIGA_BAD_FLAG 5 /)
})

test('the size that the environment says is accepted anywhere', () => {
  expect(run(`require('node:fs').stat('/', () => { sizeThreadPool(9); console.log(threadPoolSize()) })`, '9')).toBe('9')
})

test('another thread than the main one may not size it', () => {
  const inWorker = `try { sizeThreadPool(9) } catch (error) { console.log(error.message) }`
  const program = `const { Worker, isMainThread } = require('node:worker_threads'); new Worker(source, { eval: true })`
  const source = JSON.stringify(`${(bundle as { text: string }).text}\n${inWorker}`)
  expect(run(`const source = ${source}\n${program}`)).toMatch(/only the main thread.*UV_THREADPOOL_SIZE=9/)
})
