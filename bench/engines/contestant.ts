import type { EngineName, Job } from '../catalogue.js'

/** One way to run an engine. An engine may take part in several forms, of which the best one counts. */
export interface Contestant {
  readonly engine: EngineName
  readonly form: string | undefined
  /** Whether this form takes part in jobs that need so many schedulers. */
  takes(schedulers: Job['schedulers']): boolean
  /** The command that runs jobs (`KEY=SIZE,WARMUP`) of `suite`, which all need `schedulers`, and prints their figures. */
  command(suite: string, jobs: readonly string[], schedulers: Job['schedulers']): Command
}

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** What became of an engine that was asked for. */
export interface Line {
  readonly engine: EngineName
  readonly contestants: readonly Contestant[]
  /** Why the engine cannot run `suite`; undefined when it can. */
  missing(suite: string): string | undefined
}

/** An engine that cannot run at all. */
export function absent(engine: EngineName, reason: string): Line {
  return { engine, contestants: [], missing: () => reason }
}

/** Same V8 settings for every engine that runs in Node. */
export const nodeFlags: readonly string[] = ['--expose-gc', '--max-old-space-size=8192']
