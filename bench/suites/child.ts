/**
 * Runs jobs of one suite on the engine that VIGA_ENGINE names, and prints a line for each figure:
 *
 *   figure <TAB> job <TAB> key <TAB> value
 *
 *   node child.js SUITE SCHEDULERS JOB=SIZE,WARMUP ...
 *
 * SCHEDULERS is 'default' or how many start at once.
 */
import { Runtime } from '../../ts/src/index.js'
import type { Jobs } from './jobs.js'

const [suite, schedulers, ...requests] = process.argv.slice(2)
const { jobs } = (await import(new URL(`./${suite}.js`, import.meta.url).href)) as { readonly jobs: Jobs }

Runtime.start({ processLimit: 2_000_000, ...(schedulers === 'default' ? {} : { schedulers: Number(schedulers) }) })
for (const request of requests) {
  const [key = '', size, warmUp] = request.split(/[=,]/)
  const job = jobs[key]
  if (job === undefined) throw new Error(`suite ${suite} has no job ${JSON.stringify(key)}; it has ${Object.keys(jobs).join(', ')}`)
  if (Number(warmUp) > 0) await job(Number(warmUp))
  for (const [name, value] of Object.entries(await job(Number(size)))) console.log(`figure\t${key}\t${name}\t${value}`)
}
// A suite may leave processes waiting that would otherwise be ended one by one.
process.exit(0)
