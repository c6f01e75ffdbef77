import { afterEach, beforeEach, expect, test } from 'vitest'
import { arrive } from '../../src/arrival.js'
import { BlueprintKind } from '../../src/blueprint.js'
import { loadModule } from '../../src/definition-loader.js'
import { type Blueprint, type Engine, SliceEnd, Wake } from '../../src/engine/engine.js'
import { Pid, via } from '../../src/index.js'
import { nameOfTerm, nameTerm } from '../../src/blueprint.js'
import { ArrivingProcess } from '../../src/process/arriving-process.js'
import { GeneratorProcess } from '../../src/process/generator-process.js'
import type { Process } from '../../src/process/process.js'
import { installEnder, setRuntime } from '../../src/runtime-state.js'
import { ServerProcess } from '../../src/server-process.js'

/** An engine of which an arriving process uses two methods. */
class ArrivalDesk {
  readonly current = null
  readonly became: Process[] = []
  readonly ends: unknown[] = []
  #told: () => void = () => undefined

  become(_arriving: Process, real: Process): void {
    this.became.push(real)
  }

  resume(): void {
    this.#told()
  }

  ended(reason: unknown): void {
    this.ends.push(reason)
    this.#told()
  }

  /** The next arrival or end. */
  async next(act: () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#told = resolve
      act()
    })
  }
}

let desk: ArrivalDesk
beforeEach(() => {
  desk = new ArrivalDesk()
  setRuntime(desk as unknown as Engine, undefined)
  installEnder((process, reason) => {
    process.ended = true
    desk.ended(reason)
  })
})
afterEach(() => setRuntime(undefined, undefined))

const modules = new URL('./modules/', import.meta.url)
const blueprint = (module: string, kind: string, name: string, options?: unknown): Blueprint => ({
  kind,
  url: new URL(module, modules).href,
  name,
  args: [1, 'two'],
  options,
})

test('what comes before its module holds its place, and becomes what it is when that is loaded', async () => {
  const process = arrive(blueprint('lonely.ts', BlueprintKind.Function, 'work', { label: 'worker' }))
  expect(process).toBeInstanceOf(ArrivingProcess)
  expect(process.label).toBe('worker')
  await desk.next(() => expect(process.run(Wake.Start)).toBe(SliceEnd.Arriving))
  expect(desk.became[0]).toBeInstanceOf(GeneratorProcess)
  expect(desk.became[0]?.label).toBe('worker')
  expect(arrive(blueprint('lonely.ts', BlueprintKind.Function, 'work'))).toBeInstanceOf(GeneratorProcess)
})

test('killed meanwhile, it becomes nothing', async () => {
  const process = arrive(blueprint('slow.ts', BlueprintKind.Function, 'work'))
  expect(process.run(Wake.Start)).toBe(SliceEnd.Arriving)
  process.ended = true
  process.bury()
  await loadModule(new URL('slow.ts', modules).href)
  await desk.next(() => arrive(blueprint('throws.ts', BlueprintKind.Function, 'work')).run(Wake.Start))
  expect(desk.became).toEqual([])
})

test.each([
  ['lonely.ts', BlueprintKind.Function, 'play', /the function play is not exported by file:.*lonely\.ts, which exports .*work/],
  ['lonely.ts', BlueprintKind.Function, 'number', /the function number is not exported/],
  ['lonely.ts', BlueprintKind.Server, 'work', /the server definition work is not exported/],
  ['lonely.ts', BlueprintKind.Server, '#7', /the server definition #7 is not exported/],
  ['nowhere.ts', BlueprintKind.Function, 'work', /the module file:.*nowhere\.ts could not be loaded/],
  ['throws.ts', BlueprintKind.Function, 'work', /the module file:.*throws\.ts could not be loaded: Error: no luck/],
  ['lonely.ts', 'spaceship', 'work', /a process of kind spaceship cannot start here/],
])('%s: a %s called %s that cannot be made ends with the error', async (module, kind, name, message) => {
  for (const _ of ['not loaded yet', 'loaded'])
    await desk.next(() => {
      const process = arrive(blueprint(module, kind, name))
      expect(process).toBeInstanceOf(ArrivingProcess)
      process.run(Wake.Start)
    })
  for (const reason of desk.ends)
    expect(reason).toMatchObject({ error: { code: 'ERR_VIGA_DEFINITION_NOT_FOUND', message: expect.stringMatching(message) as string } })
})

test('a server is found by its name, or by its place among the definitions of its module', async () => {
  await loadModule(new URL('counter.ts', modules).href)
  const parent = new Pid(0, 0)
  for (const name of ['Counter', '#1', 'default', '#3'])
    expect(arrive(blueprint('counter.ts', BlueprintKind.Server, name, { parent }))).toBeInstanceOf(ServerProcess)
  // The second one is not exported.
  expect(arrive(blueprint('counter.ts', BlueprintKind.Server, '#2', { parent }))).toBeInstanceOf(ArrivingProcess)
})

test('names travel as terms', () => {
  for (const name of ['text', Symbol.for('atom'), undefined, via('rooms', ['blue', 1])]) expect(nameOfTerm(nameTerm(name))).toEqual(name)
  expect(nameTerm(via('rooms', 'blue'))).toEqual(['via', 'rooms', 'blue'])
})
