import { describeReason } from './errors.js'
import type { Pid } from './pid.js'

/** The end of a process by an error, as reported once: to `onCrash` of Runtime.start, or in lines on stderr. */
export interface CrashReport {
  readonly pid: Pid<unknown>
  readonly names: readonly string[]
  readonly label: string | undefined
  readonly reason: unknown
  /** Stack of the error, empty when the reason carries none. */
  readonly stack: string
  /** Parent, its parent, and so on, as far as they are alive. */
  readonly ancestors: readonly Pid[]
}

export type CrashReporter = (report: CrashReport) => void

/** Writes a report as lines on stderr. */
export function reportOnStderr(report: CrashReport): void {
  const { pid, names, label, reason, stack, ancestors } = report
  const named = [...names, ...(label === undefined ? [] : [label])].join(', ')
  const lines = [`viga: process ${String(pid)}${named === '' ? '' : ` (${named})`} ended: ${describeReason(reason)}`]
  if (ancestors.length > 0) lines.push(`    ancestors: ${ancestors.map(String).join(' ')}`)
  if (stack !== '') lines.push(...stack.split('\n').slice(1))
  process.stderr.write(`${lines.join('\n')}\n`)
}
