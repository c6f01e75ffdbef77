import { EventEmitter } from 'node:events'
import { createContext, runInContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Incoming } from '../../src/engine/native/incoming.js'
import { FRAGMENT, Outgoing } from '../../src/engine/native/outgoing.js'
import { Binary } from '../../src/binary.js'
import { VigaError } from '../../src/errors.js'
import { Pid } from '../../src/pid.js'
import { Ref } from '../../src/ref.js'
import { CallRequest, CastRequest, SystemRequest } from '../../src/request.js'
import { copyReason, copyTerm } from '../../src/term/copy.js'
import { letStay, letTravel } from '../../src/term/direct-request.js'
import { Shared } from '../../src/term/shared.js'
import { anyTerm } from '../term/terms.js'
import { SharedAddonHere } from './shared-addon.js'

/** An outgoing buffer whose crossings keep the records, as the core does, and a way to read what a handle names. */
class Loopback {
  readonly outgoing: Outgoing
  readonly core: SharedAddonHere
  flushes = 0
  attached: Uint8Array | null = null
  readonly #incoming: Incoming
  readonly #crossed = new Map<number, Uint8Array>()

  /** The receiver has what isolates share from `core`, as another isolate would. */
  constructor(size?: number, core = new SharedAddonHere()) {
    this.core = core
    this.#incoming = new Incoming(new Uint8Array(0), new Shared(core))
    this.outgoing = new Outgoing(
      {
        flush: () => {
          this.flushes++
          this.#crossed.set(this.flushes, this.outgoing.bytes.slice(0, this.outgoing.position))
          this.outgoing.reset()
        },
        attach: (bytes) => {
          this.attached = bytes
        },
      },
      new Shared(core),
      size,
    )
  }

  read(handle: number): unknown {
    return this.#read(this.outgoing.bytes.slice(), handle)
  }

  readCrossed(crossing: number, handle: number): unknown {
    return this.#read(this.#crossed.get(crossing) as Uint8Array, handle)
  }

  #read(bytes: Uint8Array, handle: number): unknown {
    this.#incoming.attach(bytes)
    return this.#incoming.read((handle & ~FRAGMENT) * 8)
  }

  pass(value: unknown): unknown {
    this.outgoing.reset()
    return this.read(this.outgoing.put(value))
  }

  refusal(value: unknown, name?: string): unknown {
    try {
      this.outgoing.put(value, name)
      return undefined
    } catch (error) {
      return error
    }
  }
}

function refusalOfCopy(value: unknown, name?: string): unknown {
  try {
    copyTerm(value, name)
    return undefined
  } catch (error) {
    return error
  }
}

const prototypes: readonly (object | null)[] = [
  null,
  ...[Object, Array, Map, Set, Date, Error, TypeError, RangeError, Uint8Array, Binary, Pid, Ref].map((of) => of.prototype as object),
  ...[CallRequest, CastRequest, SystemRequest].map((of) => of.prototype as object),
]

/** Everything there is to see of a term: prototypes, the order of properties, hidden ones too. */
function facts(term: unknown): unknown {
  if (typeof term !== 'object' || term === null) return Object.is(term, -0) ? '-0' : term
  const own = Reflect.ownKeys(term).map((key) => {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(term, key) as PropertyDescriptor
    return [key, facts(value), ArrayBuffer.isView(term) ? null : flags]
  })
  const inner =
    term instanceof Map
      ? [...term].map(([key, value]) => [facts(key), facts(value)])
      : term instanceof Set
        ? [...term].map(facts)
        : term instanceof Date
          ? term.getTime()
          : term instanceof Binary
            ? [...term]
            : null
  return [prototypes.indexOf(Object.getPrototypeOf(term) as object), own, inner]
}

/** Requests as viga's own servers share them with their callers. */
class Lookup {
  readonly op: string
  readonly argument: unknown

  constructor(op: string, argument: unknown) {
    this.op = op
    this.argument = argument
  }
}
letTravel(Lookup, 'test.lookup', ({ op, argument }) => [op, argument])
class Work {
  readonly run = (): number => 1
}
letStay(Work, 'the function stays on its scheduler')

class Socket {
  readonly fd = 3
}

function withHoles(length: number): unknown[] {
  const array: unknown[] = new Array<unknown>(length)
  array[1] = 1
  return array
}

/** What must be refused, or taken in spite of its looks, put somewhere into a term. */
const odd: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  new Socket(),
  () => 1,
  function main() {},
  Symbol('mine'),
  Symbol.for('\ud800'),
  Symbol.for('x'.repeat(70_000)),
  Promise.resolve(),
  new Float64Array(1),
  new EventEmitter(),
  new (class Rows extends Array {})(),
  new (class Index extends Map {})(),
  Object.create(null),
  Object.assign(Object.create(null), { a: -0 }),
  JSON.parse('{"__proto__": {"admin": true}, "b": [1]}'),
  runInContext('({ a: [1, { b: new Map() }] })', createContext()),
  runInContext('({ a: [1, { b: 2 }] })', createContext()),
  { constructor: 1, a: 2 },
  { constructor: Object, a: 2 },
  Object.create({ inherited: 1 }),
  withHoles(8),
  withHoles(2),
  Buffer.from('abc'),
  { get open(): never { throw new Error('shut') } },
  Object.assign(new TypeError('bad', { cause: { socket: new Socket() } }), { code: 1 }),
  Object.assign(new AggregateError([new Error('a'), 1], 'all'), { more: [1] }),
  { [Symbol.for('hidden')]: {}, shown: 1, 2: 'two', 1: 'one' },
)
const withOdd = fc.oneof(
  odd,
  fc.tuple(anyTerm, odd),
  fc.record({ a: anyTerm, b: fc.tuple(odd) }),
  fc.tuple(anyTerm, odd).map(([key, value]) => new Map([[key, value], [value, key]])),
  odd.map((value) => new Set([1, value])),
  odd.map((value) => new Error('around', { cause: value })),
)

describe('a message between schedulers', () => {
  const loop = new Loopback()

  it('arrives as a copy would be', () => {
    fc.assert(
      fc.property(anyTerm, (term) => {
        const arrived = loop.pass(term)
        expect(facts(arrived)).toStrictEqual(facts(copyTerm(term)))
      }),
    )
  })

  it('is refused where a copy is, with the same words, and else arrives', () => {
    fc.assert(
      fc.property(withOdd, fc.constantFrom(undefined, 'request'), (term, name) => {
        const expected = refusalOfCopy(term, name)
        expect(loop.refusal(term, name)).toStrictEqual(expected)
        if (expected === undefined) expect(facts(loop.pass(term))).toStrictEqual(facts(copyTerm(term)))
      }),
      { numRuns: 500 },
    )
  })

  it('is refused when it contains itself or is nested more than 1,000 levels deep, and only then', () => {
    const around: unknown[] = []
    around.push({ around })
    expect(loop.refusal(around)).toStrictEqual(refusalOfCopy(around))
    const wraps = [
      (inner: unknown) => [inner],
      (inner: unknown) => ({ inner }),
      (inner: unknown) => new Map([[1, inner]]),
      (inner: unknown) => new Set([inner]),
      (inner: unknown) => new Error('x', { cause: inner }),
    ]
    for (const wrap of wraps)
      for (const innermost of [1, new Date(0), new Uint8Array(1), new Error('deep')])
        for (const levels of [997, 998, 999, 1000, 1001]) {
          let deep: unknown = innermost
          for (let level = 0; level < levels; level++) deep = wrap(deep)
          const expected = refusalOfCopy(deep)
          expect(loop.refusal(deep)).toStrictEqual(expected)
          if (expected === undefined) expect(() => loop.pass(new CastRequest(deep))).not.toThrow()
        }
  })

  it('shares nothing within it', () => {
    const shared = { n: 1 }
    const [a, b] = loop.pass([shared, shared]) as [unknown, unknown]
    expect(a).toStrictEqual(b)
    expect(a).not.toBe(b)
  })

  it('may be one of the requests of viga', () => {
    const from = new Ref(1, 2, 3)
    for (const request of [
      new CallRequest(from, ['add', 1]),
      new CastRequest({ a: 1 }),
      new SystemRequest(from, 'start', { args: [0], name: undefined }),
      new SystemRequest(from, 'stop', 'normal'),
      new SystemRequest(from, 'status', undefined),
      new SystemRequest(from, 'change_code', { extra: 1 }),
    ])
      expect(facts(loop.pass(request))).toStrictEqual(facts(request))
    expect(loop.refusal(new CallRequest(from, { run: () => 1 }), 'request')).toStrictEqual(
      refusalOfCopy({ run: () => 1 }, 'request'),
    )
    expect(loop.refusal([new CastRequest(1)])).toMatchObject({ code: 'ERR_VIGA_NOT_A_TERM' })
  })

  it('may be a request that a server shares with its callers, if it holds no functions', () => {
    const from = new Ref(1, 2, 3)
    const request = new CallRequest(from, new Lookup('which', [Symbol.for('id')]))
    const arrived = loop.pass(request) as CallRequest
    expect(arrived.request).toBeInstanceOf(Lookup)
    expect(arrived).toStrictEqual(request)
    expect(loop.refusal(new CallRequest(from, new Lookup('start', { run: () => 1 })), 'request')).toMatchObject({
      code: 'ERR_VIGA_NOT_A_TERM',
      message: expect.stringContaining('request[1].run: the function run') as string,
    })
    expect(loop.refusal(new CastRequest(new Work()), 'request')).toMatchObject({
      code: 'ERR_VIGA_NOT_A_TERM',
      message: expect.stringContaining('request: the function stays on its scheduler') as string,
    })
    expect(loop.refusal(new CastRequest([new Work()]), 'request')).toMatchObject({
      message: expect.stringContaining('request[0]: an instance of Work') as string,
    })
  })

  it('may be an exit reason, which is never refused', () => {
    for (const reason of ['normal', ['bad', new Socket()], new EventEmitter(), { get a(): never { throw new Error('shut') } }]) {
      loop.outgoing.reset()
      expect(facts(loop.read(loop.outgoing.putReason(reason)))).toStrictEqual(facts(copyReason(reason)))
    }
  })
})

describe('records in messages', () => {
  it('bring their names until they have come often enough, and are the same either way', () => {
    const loop = new Loopback()
    const record = (n: number) => ({ id: n, 'a-b': 'x', constructor: null, nested: { __proto: 1, 7: 'seven', '\ud800': [n] } })
    for (let n = 0; n < 60; n++) expect(facts(loop.pass(record(n)))).toStrictEqual(facts(record(n)))
    expect(loop.core.shapes).toEqual(['["7","__proto","\\ud800"]', '["id","a-b","constructor","nested"]'])
    const before = loop.outgoing.position
    loop.outgoing.put(record(1))
    expect(loop.outgoing.position - before).toBeLessThan(60)
  })

  it('may have a property called __proto__', () => {
    const loop = new Loopback()
    const record = JSON.parse('{"a": 1, "__proto__": {"admin": true}, "b": 2}') as object
    for (let n = 0; n < 20; n++) expect(facts(loop.pass(record))).toStrictEqual(facts(copyTerm(record)))
    expect(loop.core.shapes).toHaveLength(2)
  })

  it('get no numbers when they are dictionaries', () => {
    const loop = new Loopback()
    for (let n = 0; n < 10_000; n++) loop.outgoing.put({ [`key ${n}`]: n, [`other ${n}`]: n })
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n]))
    for (let n = 0; n < 100; n++) expect(loop.pass(wide)).toStrictEqual(wide)
    expect(loop.core.shapes).toEqual([])
  })

  it('bring their names for ever when there are no numbers left', () => {
    const loop = new Loopback()
    loop.core.defineShape = () => 0
    for (let n = 0; n < 20; n++) expect(loop.pass({ a: n, b: n })).toStrictEqual({ a: n, b: n })
  })

  it('are refused with a number that nothing has', () => {
    const bytes = new Uint8Array([5, 0, 0, 0, 0, 0, 0, 0, 0x19, 9, 0, 0, 0])
    expect(() => new Incoming(bytes, new Shared(new SharedAddonHere())).read(0)).toThrow(/no well-formed term/)
    expect(() => new Incoming(bytes).read(0)).toThrow(/no well-formed term/)
  })
})

describe('binaries in messages', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index)

  it('are copied when they are short', () => {
    const loop = new Loopback()
    expect(String(loop.pass(Binary.from('x'.repeat(64))))).toBe('x'.repeat(64))
    expect(loop.core.memories.size).toBe(0)
  })

  it('arrive as one object when they are long, whose bytes are looked at in place', () => {
    const loop = new Loopback()
    const sent = Binary.from(bytes)
    const [first, again] = loop.pass([sent, sent]) as [Binary, Binary]
    expect(first).toBe(again)
    expect(loop.pass(sent)).toBe(first)
    expect(first.length).toBe(1000)
    expect(loop.core.calls).toBe(2)
    expect(first.toUint8Array()).toStrictEqual(bytes)
    expect(sent.equals(first)).toBe(true)
    expect([...loop.core.memories.values()].map(({ count }) => count)).toEqual([2])
  })

  it('share one memory with their slices, but not when a slice is a small part', () => {
    const loop = new Loopback()
    const sent = Binary.from(bytes)
    const small = sent.slice(100, 200)
    expect((loop.pass(small) as Binary).toUint8Array()).toStrictEqual(bytes.slice(100, 200))
    expect([...loop.core.memories.values()].map(({ bytes: { length } }) => length)).toEqual([100])
    expect(small.toUint8Array()).toStrictEqual(bytes.slice(100, 200))
    const [whole, slice, part] = loop.pass([sent, sent.slice(10, 900), sent.slice(-70)]) as [Binary, Binary, Binary]
    expect(loop.core.memories.size).toBe(2)
    expect(whole.toUint8Array()).toStrictEqual(bytes)
    expect(slice.toUint8Array()).toStrictEqual(bytes.slice(10, 900))
    expect(slice.slice(5, 7).toUint8Array()).toStrictEqual(bytes.slice(15, 17))
    expect([part.at(0), part.at(-1), part.at(70)]).toEqual([bytes[930], bytes[999], undefined])
    expect([...part]).toEqual([...bytes.slice(930)])
  })

  it('stand before the term in the record, each once', () => {
    const loop = new Loopback()
    const [a, b] = [Binary.from(bytes), Binary.from('y'.repeat(100))]
    const handle = loop.outgoing.put({ a, list: [b, a, Binary.from('short')], n: 1 })
    const view = new DataView(loop.outgoing.bytes.buffer, (handle & ~FRAGMENT) * 8)
    expect(view.getUint32(4, true)).toBe(2)
    expect([1, 2].map((place) => view.getBigUint64(8 * place, true))).toEqual([...loop.core.memories.keys()].map(BigInt))
    const arrived = loop.read(handle) as { a: Binary; list: [Binary, Binary, Binary]; n: number }
    expect([arrived.a.equals(a), arrived.list[0].equals(b), arrived.list[1] === arrived.a, arrived.n]).toEqual([true, true, true, 1])
  })

  it('are listed rightly when the buffer fills up within the record, or a getter sends', () => {
    const loop = new Loopback(128)
    const handles: [number, number][] = []
    const put = (value: unknown): void => {
      const handle = loop.outgoing.put(value)
      handles.push([loop.flushes + 1, handle])
    }
    const [a, b] = [Binary.from(bytes), Binary.from('y'.repeat(100))]
    put({
      a,
      get sent() {
        put(['inner', b, 'z'.repeat(30)])
        return b
      },
      rest: Array.from({ length: 40 }, (_, n) => Binary.from(String(n).repeat(70))),
    })
    loop.outgoing.put('x'.repeat(5000))
    const [inner, outer] = handles.map(([crossing, handle]) => loop.readCrossed(crossing, handle)) as [
      [string, Binary, string],
      { a: Binary; sent: Binary; rest: Binary[] },
    ]
    expect([inner[0], inner[1].equals(b), inner[2]]).toEqual(['inner', true, 'z'.repeat(30)])
    expect([outer.a.equals(a), outer.sent.equals(b)]).toEqual([true, true])
    expect(outer.rest.map(String)).toEqual(Array.from({ length: 40 }, (_, n) => String(n).repeat(70)))
  })

  it('are refused when they are gone, or the record does not list them', () => {
    const loop = new Loopback()
    const handle = loop.outgoing.put(Binary.from(bytes))
    loop.core.memories.clear()
    expect(() => loop.read(handle)).toThrow(/no well-formed term/)
    const unlisted = new Uint8Array([13, 0, 0, 0, 0, 0, 0, 0, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    expect(() => new Incoming(unlisted, new Shared(loop.core)).read(0)).toThrow(/no well-formed term/)
  })
})

describe('the outgoing buffer', () => {
  it('holds several records at multiples of 8 bytes', () => {
    const loop = new Loopback()
    const values = ['a', { b: 2 }, [1, 2, 3], 'x'.repeat(1000)]
    const handles = values.map((value) => loop.outgoing.put(value))
    expect(handles.map((handle) => loop.read(handle))).toStrictEqual(values)
    expect(loop.outgoing.position % 8).toBe(0)
    const before = loop.outgoing.position
    expect(loop.outgoing.put('next')).toBe(FRAGMENT | (before / 8))
  })

  it('crosses when a record does not fit, and grows when that is not enough', () => {
    fc.assert(
      fc.property(fc.array(anyTerm, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 12 }), (values, size) => {
        const loop = new Loopback(size * 8)
        const put = values.map((value) => {
          const handle = loop.outgoing.put(value)
          return { value, handle, crossing: loop.flushes + 1 }
        })
        loop.outgoing.put('x'.repeat(5000))
        for (const { value, handle, crossing } of put)
          if (crossing <= loop.flushes) expect(facts(loop.readCrossed(crossing, handle))).toStrictEqual(facts(copyTerm(value)))
        expect(loop.attached).toBe(loop.outgoing.bytes)
      }),
    )
  })

  it('is where it was after a refusal', () => {
    const loop = new Loopback()
    loop.outgoing.put(1)
    const before = loop.outgoing.position
    loop.refusal([1, 2, () => 1])
    expect(loop.outgoing.position).toBe(before)
  })

  it('takes messages sent by a getter of a message', () => {
    const loop = new Loopback(64)
    const handles: [number, number][] = []
    const put = (value: unknown): void => {
      const handle = loop.outgoing.put(value)
      handles.push([loop.flushes + 1, handle])
    }
    const message = {
      first: 'x'.repeat(10),
      get second() {
        put(['inner', 'y'.repeat(30)])
        return 2
      },
      third: ['z'.repeat(40)],
    }
    put(message)
    loop.outgoing.put('x'.repeat(5000))
    expect(handles.map(([crossing, handle]) => loop.readCrossed(crossing, handle))).toStrictEqual([
      ['inner', 'y'.repeat(30)],
      { first: 'x'.repeat(10), second: 2, third: ['z'.repeat(40)] },
    ])
  })

  it('keeps what has been written when a getter crosses', () => {
    const loop = new Loopback()
    loop.outgoing.put('before')
    const message = {
      a: [1, 2],
      get b() {
        loop.outgoing.reset()
        return { c: 3 }
      },
      d: 4,
    }
    expect(loop.read(loop.outgoing.put(message))).toStrictEqual({ a: [1, 2], b: { c: 3 }, d: 4 })
    expect(loop.outgoing.position).toBeLessThan(100)
  })

  it('passes on what a crossing throws', () => {
    const failure = Object.assign(new Error('stopped'), { code: 'ERR_VIGA_RUNTIME_STOPPED' })
    const outgoing = new Outgoing({ flush: () => { throw failure }, attach: () => undefined }, null, 64)
    outgoing.put(1)
    expect(() => outgoing.put('x'.repeat(100))).toThrow(failure)
    expect(() => outgoing.putReason('x'.repeat(100))).toThrow(failure)
  })

  it('gives up a buffer that one large message needed', () => {
    const loop = new Loopback()
    loop.outgoing.put('x'.repeat(5_000_000))
    loop.outgoing.reset()
    expect(loop.outgoing.bytes.length).toBeLessThan(1_000_000)
    expect(loop.attached).toBe(loop.outgoing.bytes)
  })
})

describe('bytes that are no record', () => {
  it.each<[string, number[]]>([
    ['nothing', []],
    ['a length beyond the buffer', [255, 255, 255, 255, 0, 0, 0, 0, 1]],
    ['a term cut short', [1, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0]],
    ['an unknown tag', [1, 0, 0, 0, 0, 0, 0, 0, 0xff]],
    ['a request within a request', [2, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x21]],
    ['a request within an array', [4, 0, 0, 0, 0, 0, 0, 0, 0x0d, 1, 0x21, 1]],
    ['a call from nobody', [2, 0, 0, 0, 0, 0, 0, 0, 0x20, 1]],
    ['an array of more elements than bytes', [5, 0, 0, 0, 0, 0, 0, 0, 0x0e, 255, 255, 255, 255]],
    ['a record of more properties than bytes', [5, 0, 0, 0, 0, 0, 0, 0, 0x0f, 255, 255, 255, 255]],
    ['a direct request of another kind', [9, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x24, 7, 4, 116, 101, 115, 116, 0x0d]],
    ['a direct request of direct requests', [7, 0, 0, 0, 0, 0, 0, 0, 0x24, 7, 0, 0x24, 7, 0, 0x24]],
    ['an atom without a name', [2, 0, 0, 0, 0, 0, 0, 0, 0x18, 0x18]],
  ])('are refused: %s', (_, bytes) => {
    expect(() => new Incoming(new Uint8Array(bytes)).read(0)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_BAD_ARGUMENT' }))
  })

  it('are refused, or are some term, whatever they are', () => {
    const loop = new Loopback()
    fc.assert(
      fc.property(anyTerm, fc.nat(), fc.nat(255), (term, place, byte) => {
        loop.outgoing.reset()
        loop.outgoing.put(term)
        const bytes = loop.outgoing.bytes.slice(0, loop.outgoing.position)
        bytes[place % bytes.length] = byte
        try {
          new Incoming(bytes).read(0)
        } catch (error) {
          expect(error).toBeInstanceOf(VigaError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
