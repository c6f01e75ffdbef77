/** Runs a command, passes its output on as it comes, and keeps it for counting. */
import { spawn } from 'node:child_process'
import { packageRoot } from '../package-root.mjs'

/** Resolves to { status, output }; a command that cannot be started has status -1. Standard input is empty. */
export function runCommand(command, args, { env = {}, cwd = packageRoot } = {}) {
  process.stdout.write(`\n$ ${[...Object.entries(env).map(([name, value]) => `${name}=${value}`), command, ...args].join(' ')}\n`)
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks = []
    child.stdout.on('data', (chunk) => {
      chunks.push(chunk)
      process.stdout.write(chunk)
    })
    child.stderr.on('data', (chunk) => {
      chunks.push(chunk)
      process.stderr.write(chunk)
    })
    const end = (status, note) => resolve({ status, output: Buffer.concat(chunks).toString() + note })
    child.on('error', (error) => {
      process.stderr.write(`${error.message}\n`)
      end(-1, error.message)
    })
    child.on('close', (status, signal) => end(status ?? -1, signal === null ? '' : `ended by ${signal}`))
  })
}

export async function canRun(command, args = ['--version']) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: packageRoot, stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('close', (status) => resolve(status === 0))
  })
}
