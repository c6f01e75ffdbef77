import * as fc from 'fast-check'
import { Binary } from '../../src/binary.js'
import { Pid } from '../../src/pid.js'
import { Ref } from '../../src/ref.js'
import { makeError } from '../../src/term/error-term.js'

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const anyString = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 250, maxLength: 300 }))

/** Any term, of moderate size. */
export const anyTerm: fc.Arbitrary<unknown> = fc.letrec<{ term: unknown; record: Record<string, unknown> }>((tie) => ({
  record: fc.dictionary(anyString, tie('term'), { maxKeys: 5, noNullPrototype: true }),
  term: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(undefined, null, true, false),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    anyString,
    fc.string({ unit: 'grapheme' }).map((name) => Symbol.for(name)),
    fc.uint8Array(),
    fc.uint8Array().map((bytes) => Binary.from(bytes)),
    fc.date(),
    fc.tuple(uint32, uint32).map(([index, serial]) => new Pid(index, serial)),
    fc.tuple(uint32, uint32, fc.maxSafeNat()).map(([index, serial, id]) => new Ref(index, serial, id)),
    fc.array(tie('term'), { maxLength: 6 }),
    tie('record'),
    fc.array(fc.tuple(tie('term'), tie('term')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('term'), { maxLength: 4 }).map((elements) => new Set(elements)),
    fc
      .tuple(fc.constantFrom('Error', 'TypeError', 'Mine'), fc.string(), fc.option(fc.string(), { nil: undefined }), tie('term'))
      .map(([name, message, stack, cause]) => makeError(name, message, stack, cause, { code: 'E_MINE' })),
  ),
})).term
