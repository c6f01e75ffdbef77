import type { Job, Suite } from './catalogue.js'
import { type JobFigures, runChild } from './child.js'
import type { Contestant, Line } from './engines/contestant.js'
import { best, type Figure, summarise } from './figures.js'

export type Result =
  | Figure
  | { readonly suite: string; readonly engine: string; readonly missing: string }
  | { readonly suite: string; readonly engine: string; readonly form?: string; readonly metric: string; readonly error: string }

export interface Plan {
  readonly runs: number
  readonly smoke: boolean
}

/** A run of a full benchmark may take this long, a smoke run that long; milliseconds. */
const TIME_LIMIT = 180_000
const SMOKE_TIME_LIMIT = 30_000

/**
 * Runs a suite, turn by turn: for each job as many rounds as there are runs, in each round every engine once, one after the
 * other, each in a fresh process of the operating system. A smoke run gives all jobs of a suite to one process.
 */
export async function runSuite(suite: Suite, lines: readonly Line[], plan: Plan, emit: (result: Result) => void): Promise<void> {
  const able = lines.filter((line) => {
    if (!suite.jobs.some((job) => job.engines.includes(line.engine))) return false
    const missing = line.missing(suite.name)
    if (missing !== undefined) emit({ suite: suite.name, engine: line.engine, missing })
    return missing === undefined
  })
  for (const jobs of groups(suite, plan)) await runJobs(suite, jobs, able, plan, emit)
}

/** Jobs of one group run in one process, so they need the same schedulers. */
function groups(suite: Suite, plan: Plan): Job[][] {
  if (!plan.smoke) return suite.jobs.map((job) => [job])
  const together = suite.jobs.filter((job) => !job.alone)
  const needs = [...new Set(together.map((job) => job.schedulers))]
  const alone = suite.jobs.filter((job) => job.alone).map((job) => [job])
  return [...needs.map((schedulers) => together.filter((job) => job.schedulers === schedulers)), ...alone]
}

async function runJobs(suite: Suite, jobs: readonly Job[], lines: readonly Line[], plan: Plan, emit: (result: Result) => void) {
  const schedulers = jobs[0]?.schedulers
  const contestants = lines.flatMap((line) => line.contestants).filter((contestant) => contestant.takes(schedulers))
  const runs = new Map(contestants.map((contestant) => [contestant, [] as JobFigures[]]))
  for (let round = 0; round < plan.runs; round++)
    for (const contestant of turned(contestants, round)) {
      const own = jobs.filter((job) => job.engines.includes(contestant.engine))
      if (own.length === 0) continue
      const command = contestant.command(suite.name, own.map((job) => request(job, plan)), schedulers)
      const outcome = await runChild(command, plan.smoke ? SMOKE_TIME_LIMIT : TIME_LIMIT)
      runs.get(contestant)?.push(outcome.figures)
      for (const { metrics, key } of own)
        for (const metric of metrics)
          if (outcome.figures.get(key)?.get(metric.key) === undefined)
            emit({
              suite: suite.name,
              engine: contestant.engine,
              ...(contestant.form === undefined ? {} : { form: contestant.form }),
              metric: metric.name,
              error: outcome.failure ?? 'the program ended well but gave no such figure',
            })
    }
  for (const job of jobs) for (const line of lines) emitFigures(suite, job, line, runs, emit)
}

/** Starts each round with another contestant, so that no one always follows the same one. */
function turned(contestants: readonly Contestant[], round: number): Contestant[] {
  const first = round % Math.max(1, contestants.length)
  return [...contestants.slice(first), ...contestants.slice(0, first)]
}

function request(job: Job, { smoke }: Plan): string {
  const warmUp = smoke ? Math.min(job.warmUp, job.smokeSize) : job.warmUp
  return `${job.key}=${smoke ? job.smokeSize : job.size},${warmUp}`
}

/** Of the forms of an engine the best one counts. */
function emitFigures(suite: Suite, job: Job, line: Line, runs: ReadonlyMap<Contestant, readonly JobFigures[]>, emit: (result: Result) => void) {
  for (const metric of job.metrics) {
    const figures = line.contestants.flatMap((contestant) => {
      const values = (runs.get(contestant) ?? []).flatMap((figuresOfRun) => figuresOfRun.get(job.key)?.get(metric.key) ?? [])
      return values.length === 0 ? [] : [summarise(suite.name, line.engine, metric, contestant.form, values)]
    })
    const figure = best(figures)
    if (figure !== undefined) emit(figure)
  }
}
