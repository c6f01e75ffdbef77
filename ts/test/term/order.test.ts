import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareTerms } from '../../src/term/order.js'
import { anyTerm } from './terms.js'
import { ascending } from './vectors.js'

it('puts the vectors in the documented order', () => {
  for (const [i, [lower, a]] of ascending.entries())
    for (const [j, [higher, b]] of ascending.entries())
      expect(`${lower} / ${higher}: ${Math.sign(compareTerms(a, b))}`).toBe(`${lower} / ${higher}: ${Math.sign(i - j)}`)
})

it('is a total order', () => {
  fc.assert(
    fc.property(anyTerm, anyTerm, anyTerm, (a, b, c) => {
      expect(Math.sign(compareTerms(a, b))).toBe(-Math.sign(compareTerms(b, a)) + 0)
      expect(compareTerms(a, a)).toBe(0)
      if (compareTerms(a, b) <= 0 && compareTerms(b, c) <= 0) expect(compareTerms(a, c)).toBeLessThanOrEqual(0)
    }),
  )
})

it('takes 0 and -0 for equal, 1 and 1n not', () => {
  expect(compareTerms(0, -0)).toBe(0)
  expect(compareTerms([1], [1n])).toBeLessThan(0)
})
