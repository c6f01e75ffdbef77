import { afterAll, describe, expect, test } from 'vitest'
import { freshRuntime, inProcess } from '../fresh-runtime.js'
import { Erlang } from './erlang.js'
import { runScenario } from './interpreter.js'
import { randomScenarios } from './random-scenarios.js'
import type { Scenario } from './scenario.js'

freshRuntime()

const COUNT = Number(process.env['VIGA_SCENARIOS'] ?? 1_000)
const seed = Number(process.env['VIGA_SEED'] ?? Date.now() % 1_000_000_000)

const erlang = Erlang.prepare()
if (erlang === undefined) console.warn('viga: erl is not installed: random scenarios have NOT been compared with Erlang')
afterAll(() => erlang?.dispose())

async function logOf(scenario: Scenario): Promise<string[]> {
  return inProcess(() => runScenario(scenario))
}

/** Leaves out steps as long as the two still differ, a few at a time first. */
async function shrink(real: Erlang, scenario: Scenario): Promise<Scenario> {
  let smallest = scenario
  for (let size = Math.ceil(scenario.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    const candidates = Array.from({ length: Math.ceil(smallest.steps.length / size) }, (_, index) => ({
      title: `without ${index * size} to ${(index + 1) * size - 1}`,
      steps: smallest.steps.filter((_step, position) => position < index * size || position >= (index + 1) * size),
    }))
    const logs = real.logs(candidates)
    for (const candidate of candidates)
      if (JSON.stringify(logs.get(candidate.title)) !== JSON.stringify(await logOf(candidate))) {
        smallest = candidate
        size *= 2
        break
      }
  }
  return smallest
}

describe.runIf(erlang !== undefined)(`random scenarios, VIGA_SEED=${seed}`, () => {
  test(`${COUNT} give the same logs as in Erlang`, { timeout: 300_000 }, async () => {
    const real = erlang as Erlang
    console.info(`viga: comparing ${COUNT} random scenarios with Erlang, VIGA_SEED=${seed}`)
    const scenarios = randomScenarios(COUNT, seed)
    const expected = real.logs(scenarios)
    for (const scenario of scenarios) {
      const log = await logOf(scenario)
      if (JSON.stringify(log) === JSON.stringify(expected.get(scenario.title))) continue
      const smallest = await shrink(real, scenario)
      expect({ steps: smallest.steps, log: await logOf(smallest) }).toEqual({
        steps: smallest.steps,
        log: real.logs([smallest]).get(smallest.title),
      })
    }
  })
})
