/**
 * Runs jobs of one suite of a JavaScript library, and prints a line for each figure:
 *
 *   figure <TAB> job <TAB> key <TAB> value
 *
 *   node child.mjs FILE JOB=SIZE,WARMUP ...
 *
 * The file exports `jobs`: programs by key, each of which takes a size and gives its figures.
 */
import { pathToFileURL } from 'node:url'

const [file, ...requests] = process.argv.slice(2)
const { jobs } = await import(pathToFileURL(file).href)
for (const request of requests) {
  const [key, size, warmUp] = request.split(/[=,]/)
  if (jobs[key] === undefined) throw new Error(`${file} has no job ${JSON.stringify(key)}`)
  if (Number(warmUp) > 0) await jobs[key](Number(warmUp))
  for (const [name, value] of Object.entries(await jobs[key](Number(size)))) console.log(`figure\t${key}\t${name}\t${value}`)
}
process.exit(0)
