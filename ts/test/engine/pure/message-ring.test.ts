import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageRing } from '../../../src/engine/pure/message-ring.js'

test('behaves as a queue, whatever is added, taken and removed', () => {
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 4, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ removeMultiplesOf: fc.integer({ min: 2, max: 5 }) }) },
    { weight: 1, arbitrary: fc.constant({ release: true }) },
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const ring = new MessageRing()
      let model: number[] = []
      let last = 0
      for (const step of actions) {
        if ('add' in step)
          for (let n = 0; n < step.add; n++) {
            ring.push(++last)
            model.push(last)
          }
        else if ('take' in step)
          for (let n = 0; n < step.take && model.length > 0; n++) expect(ring.shift()).toBe(model.shift())
        else if ('removeMultiplesOf' in step) {
          ring.removeWhere((message) => (message as number) % step.removeMultiplesOf === 0)
          model = model.filter((message) => message % step.removeMultiplesOf !== 0)
        } else ring.release()
        expect(ring.length).toBe(model.length)
      }
      while (model.length > 0) expect(ring.shift()).toBe(model.shift())
      ring.release()
      expect(ring.bytes).toBe(0)
    }),
  )
})

test('a drained large mailbox gives its memory back', () => {
  const ring = new MessageRing()
  for (let n = 0; n < 10_000; n++) ring.push(n)
  while (ring.length > 0) ring.shift()
  expect(ring.bytes).toBe(0)
})
