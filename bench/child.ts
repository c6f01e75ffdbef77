import { spawn } from 'node:child_process'
import type { Command } from './engines/contestant.js'

/** Figures by job key and metric key. */
export type JobFigures = ReadonlyMap<string, ReadonlyMap<string, number>>

export interface Outcome {
  readonly figures: JobFigures
  /** Why the child did not come to a good end; what it printed before counts all the same. */
  readonly failure: string | undefined
}

/** Runs a command that prints figures, to its end or to `timeLimit` (ms). */
export function runChild({ file, args, env }: Command, timeLimit: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(file, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let late = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeLimit)
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve({ figures: new Map(), failure: error.message })
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const failure = late ? `not through after ${timeLimit / 1_000} s` : code === 0 ? undefined : describeFailure(code, signal, stderr)
      resolve({ figures: parseFigures(stdout), failure })
    })
  })
}

function describeFailure(code: number | null, signal: string | null, stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  const telling = lines.find((line) => /^\w*(Error|Exit|error|exit)\b/.test(line)) ?? lines[0] ?? 'nothing on stderr'
  return `${signal ?? `exit code ${code}`}: ${telling.trim().slice(0, 400)}`
}

function parseFigures(stdout: string): JobFigures {
  const figures = new Map<string, Map<string, number>>()
  for (const line of stdout.split('\n')) {
    const [word, job, key, value] = line.split('\t')
    if (word !== 'figure' || job === undefined || key === undefined || !Number.isFinite(Number(value))) continue
    const ofJob = figures.get(job) ?? new Map<string, number>()
    figures.set(job, ofJob.set(key, Number(value)))
  }
  return figures
}
