/** Traces go from scheduler to scheduler. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Pid, receive, Runtime, self, send, sendAfter, spawnWith, trace, type TraceContext } from '../../src/index.js'
import { Follower, follower } from './modules/traced.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'
const meta = { url: new URL('./modules/traced.ts', import.meta.url).href }
const context = (n: number): TraceContext => ({ traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-000000000000000${n}-01` })
const withState: TraceContext = { ...context(2), tracestate: 'vendor=a,other=b' }

describe.runIf(native).each([
  ['turned on by an option, everywhere', true],
  ['turned on here, and there by what arrives', false],
])('tracing, %s', (_how, tracing) => {
  let runtime: Runtime
  beforeAll(() => {
    runtime = Runtime.start({ schedulers: 2, tracing })
    trace.enable()
  })
  afterAll(() => runtime[Symbol.asyncDispose]())

  test('takes spawns, messages and timers along', async () => {
    const pid = trace.run(context(1), () => spawnWith({ scheduler: 2 }, meta, follower, self<unknown>())) as Pid<unknown>
    expect(await receive()).toEqual([2, context(1)])
    trace.run(withState, () => send(pid, 'go'))
    expect(await receive()).toEqual([2, withState])
    send(pid, 'go')
    expect(await receive()).toEqual([2, undefined])
    trace.run(context(3), () => sendAfter(1, pid, 'go'))
    expect(await receive()).toEqual([2, context(3)])
  })

  test('takes calls along', async () => {
    const server = await Follower.start({ scheduler: 2 })
    expect(await trace.run(context(4), () => server.call.where())).toEqual([2, context(4)])
    expect(await server.call.where()).toEqual([2, undefined])
  })
})
