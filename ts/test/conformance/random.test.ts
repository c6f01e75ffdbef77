import { afterAll, describe, expect, test } from 'vitest'
import { freshRuntime, inProcess } from '../fresh-runtime.js'
import { Erlang } from './erlang.js'
import { type Bodies, runScenario } from './interpreter.js'
import { randomScenarios } from './random-scenarios.js'
import { type Scenario, signalsWithinAStep } from './scenario.js'

freshRuntime()

const COUNT = Number(process.env['VIGA_SCENARIOS'] ?? 1_000)
const seed = Number(process.env['VIGA_SEED'] ?? Date.now() % 1_000_000_000)

const erlang = Erlang.prepare()
if (erlang === undefined) console.warn('viga: erl is not installed: random scenarios have NOT been compared with Erlang')
afterAll(() => erlang?.dispose())

async function logOf(scenario: Scenario, bodies: Bodies): Promise<string[]> {
  return inProcess(() => runScenario(scenario, bodies))
}

function differ(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b)
}

/** Leaves out steps as long as the two still differ, a few at a time first. */
async function shrink(real: Erlang, scenario: Scenario, bodies: Bodies): Promise<Scenario> {
  let smallest = scenario
  for (let size = Math.ceil(scenario.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    const candidates = Array.from({ length: Math.ceil(smallest.steps.length / size) }, (_, index) => ({
      title: `without ${index * size} to ${(index + 1) * size - 1}`,
      steps: smallest.steps.filter((_step, position) => position < index * size || position >= (index + 1) * size),
    }))
    const logs = real.logs(candidates)
    for (const candidate of candidates)
      if (differ(logs.get(candidate.title), await logOf(candidate, bodies))) {
        smallest = candidate
        size *= 2
        break
      }
  }
  return smallest
}

describe.runIf(erlang !== undefined)(`random scenarios, VIGA_SEED=${seed}`, () => {
  const scenarios = randomScenarios(COUNT, seed)
  const expected = erlang?.logs(scenarios)

  test.each<[Bodies, Scenario[]]>([
    ['generator', scenarios],
    ['async', scenarios.filter((scenario) => !signalsWithinAStep(scenario))],
  ])('give the same logs as in Erlang, with %s bodies', { timeout: 300_000 }, async (bodies, chosen) => {
    console.info(`viga: comparing ${chosen.length} random scenarios, ${bodies} bodies, with Erlang, VIGA_SEED=${seed}`)
    const real = erlang as Erlang
    for (const scenario of chosen) {
      if (!differ(await logOf(scenario, bodies), expected?.get(scenario.title))) continue
      const smallest = await shrink(real, scenario, bodies)
      expect({ steps: smallest.steps, log: await logOf(smallest, bodies) }).toEqual({
        steps: smallest.steps,
        log: real.logs([smallest]).get(smallest.title),
      })
    }
  })
})
