import { parseArgs } from 'node:util'
import { catalogue, type EngineName, engineNames } from './catalogue.js'

export interface Options {
  readonly suites: readonly string[]
  readonly engines: readonly EngineName[]
  readonly runs: number
  readonly json: boolean
  readonly smoke: boolean
  readonly save: boolean
  readonly fromSource: boolean
}

export const usage = `npm run bench -- [suite ...] [options]

  suites         ${catalogue.map(({ name }) => name).join(' ')} (all unless named)
  --engines E,F  ${engineNames.join(',')} (all unless given)
  --runs N       measured runs of each engine, 5 unless given
  --json         one JSON object a line instead of a table
  --smoke        tiny sizes, one run: shows that everything runs, measures nothing
  --save         writes the table to bench/results/YYYY-MM-DD.md too
  --from-source  measures a bundle of ts/src, even where dist is built
`

/** Raised for a command line that asks for what there is not. */
export class UsageError extends Error {}

export function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv)
  const known = catalogue.map(({ name }) => name)
  for (const suite of positionals)
    if (!known.includes(suite)) throw new UsageError(`there is no suite ${JSON.stringify(suite)}; there are ${known.join(', ')}`)
  const engines = values.engines === undefined ? engineNames : values.engines.split(',').map(engineOf)
  const runs = values.runs === undefined ? 5 : Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) throw new UsageError(`--runs is ${JSON.stringify(values.runs)}; whole numbers from 1 on are allowed`)
  return {
    suites: positionals.length === 0 ? known : known.filter((name) => positionals.includes(name)),
    engines: engineNames.filter((name) => engines.includes(name)),
    runs: values.smoke === true ? 1 : runs,
    json: values.json === true,
    smoke: values.smoke === true,
    save: values.save === true,
    fromSource: values['from-source'] === true,
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        engines: { type: 'string' },
        runs: { type: 'string' },
        json: { type: 'boolean' },
        smoke: { type: 'boolean' },
        save: { type: 'boolean' },
        'from-source': { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function engineOf(name: string): EngineName {
  const engine = engineNames.find((known) => known === name)
  if (engine === undefined) throw new UsageError(`there is no engine ${JSON.stringify(name)}; there are ${engineNames.join(', ')}`)
  return engine
}
