import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TimerNode, TimerWheel } from '../../../src/engine/pure/timer-wheel.js'

class Probe extends TimerNode {
  readonly due: number
  private readonly fired: (probe: Probe) => void

  constructor(due: number, fired: (probe: Probe) => void) {
    super()
    this.due = due
    this.fired = fired
  }

  fire(): void {
    this.fired(this)
  }
}

const action = fc.oneof(
  fc.record({
    start: fc.oneof(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 70_000 }),
      fc.integer({ min: 0, max: 20_000_000 }),
      fc.integer({ min: 0, max: 4_294_967_295 }),
    ),
  }),
  fc.record({ cancel: fc.nat(1_000) }),
  fc.record({ pass: fc.oneof(fc.double({ min: 0, max: 3, noNaN: true }), fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 200_000 })) }),
  fc.constant({ passToNext: true }),
)

test('every timer fires at the first advance of the tick after its time, in order, and once; the next tick is never late', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), fc.double({ min: 0, max: 1e11, noNaN: true }), (actions, begin) => {
      const wheel = new TimerWheel()
      let now = begin
      let live: Probe[] = []
      let fired: Probe[] = []
      const advance = (): void => {
        wheel.advance(now)
        const due = live.filter((probe) => Math.ceil(probe.due) <= Math.floor(now))
        expect(new Set(fired)).toEqual(new Set(due))
        const ticks = fired.map((probe) => Math.ceil(probe.due))
        expect(ticks).toEqual([...ticks].sort((a, b) => a - b))
        live = live.filter((probe) => !due.includes(probe))
        fired = []
      }
      wheel.advance(now)
      for (const step of actions) {
        if ('start' in step) {
          const probe = new Probe(now + step.start, (it) => fired.push(it))
          live.push(probe)
          wheel.start(probe, step.start, now)
        } else if ('cancel' in step) {
          const [probe] = live.splice(step.cancel % Math.max(1, live.length), 1)
          if (probe !== undefined) {
            expect(wheel.cancel(probe)).toBe(true)
            expect(wheel.cancel(probe)).toBe(false)
          }
        } else if ('pass' in step) {
          now += step.pass
          advance()
        } else if (live.length > 0) {
          const next = wheel.nextTick()
          expect(next).toBeLessThanOrEqual(Math.max(Math.floor(now) + 1, Math.min(...live.map((probe) => Math.ceil(probe.due)))))
          now = Math.max(now, next)
          advance()
        }
        expect(wheel.size).toBe(live.length)
        expect(wheel.nextTick() === Infinity).toBe(live.length === 0)
      }
    }),
    { numRuns: 200 },
  )
})

test('a timer started later runs from the moment of arming, and costs nothing when cancelled before', () => {
  const fired: number[] = []
  const wheel = new TimerWheel()
  const probe = new Probe(0, () => fired.push(1))
  wheel.advance(100)
  wheel.startLater(probe, 10)
  expect(wheel.cancel(probe)).toBe(true)
  wheel.armAll(105)
  expect(wheel.size).toBe(0)
  wheel.startLater(probe, 10)
  expect(wheel.cancel(probe)).toBe(true)
  wheel.startLater(probe, 20)
  wheel.armAll(105.5)
  wheel.advance(125)
  expect(fired).toEqual([])
  wheel.advance(126)
  expect(fired).toEqual([1])
})
