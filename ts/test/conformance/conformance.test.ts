import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { freshRuntime, inProcess } from '../fresh-runtime.js'
import { Erlang } from './erlang.js'
import { runScenario } from './interpreter.js'
import { parseScenarios, signalsWithinAStep } from './scenario.js'

freshRuntime()

const folder = new URL('./scenarios/', import.meta.url)
const groups = readdirSync(folder)
  .sort()
  .map((file) => ({ file, scenarios: parseScenarios(readFileSync(new URL(file, folder), 'utf8')) }))

const erlang = Erlang.prepare()
if (erlang === undefined) console.warn('viga: erl is not installed: the comparison with Erlang has NOT been run')
afterAll(() => erlang?.dispose())
const expected = erlang?.logs(groups.flatMap(({ scenarios }) => scenarios))

test('there are 40 scenarios or more, each with a title of its own', () => {
  const titles = groups.flatMap(({ scenarios }) => scenarios.map(({ title }) => title))
  expect(titles.length).toBeGreaterThanOrEqual(40)
  expect(new Set(titles).size).toBe(titles.length)
})

describe.runIf(expected !== undefined).each(groups)('$file as in Erlang', ({ scenarios }) => {
  test.each(scenarios)('$title', async (scenario) => {
    expect(await inProcess(() => runScenario(scenario))).toEqual(expected?.get(scenario.title))
  })

  test.each(scenarios.filter((scenario) => !signalsWithinAStep(scenario)))('$title, async', async (scenario) => {
    expect(await inProcess(() => runScenario(scenario, 'async'))).toEqual(expected?.get(scenario.title))
  })
})
