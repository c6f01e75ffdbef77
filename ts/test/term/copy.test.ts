import { EventEmitter } from 'node:events'
import { createContext, runInContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Binary } from '../../src/binary.js'
import { Pid } from '../../src/pid.js'
import { Ref } from '../../src/ref.js'
import { copyReason, copyTerm } from '../../src/term/copy.js'
import { anyTerm } from './terms.js'

function mutableParts(term: unknown, into = new Set<object>()): Set<object> {
  if (typeof term !== 'object' || term === null || into.has(term)) return into
  if (term instanceof Pid || term instanceof Ref || term instanceof Binary) return into
  into.add(term)
  if (term instanceof Map) for (const [key, value] of term) mutableParts(value, mutableParts(key, into))
  else if (term instanceof Set) for (const element of term) mutableParts(element, into)
  else if (term instanceof Error) mutableParts(term.cause, into)
  else if (!(term instanceof Uint8Array)) for (const value of Object.values(term)) mutableParts(value, into)
  return into
}

describe('copyTerm', () => {
  it('gives an equal term that shares nothing mutable', () => {
    fc.assert(
      fc.property(anyTerm, (term) => {
        const copy = copyTerm(term)
        expect(copy).toStrictEqual(term)
        const originals = mutableParts(term)
        for (const part of mutableParts(copy)) expect(originals.has(part)).toBe(false)
      }),
    )
  })

  it('passes Pid, Ref and Binary by reference', () => {
    const parts = [new Pid(1, 2), new Ref(1, 2, 3), Binary.from('abc')]
    const copy = copyTerm(parts)
    for (const [index, part] of parts.entries()) expect(copy[index]).toBe(part)
  })

  it('makes a Uint8Array of a Buffer, with memory of its own', () => {
    const buffer = Buffer.from('abc')
    const copy = copyTerm({ buffer }).buffer
    buffer[0] = 0
    expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype)
    expect([...copy]).toEqual([97, 98, 99])
  })

  it('fills holes with undefined', () => {
    for (const length of [2, 5]) {
      const holes: unknown[] = new Array<unknown>(length)
      holes[1] = 1
      expect(Object.keys(copyTerm(holes))).toHaveLength(length)
    }
  })

  it('takes plain objects of any realm, and a property called __proto__ for what it is', () => {
    const foreign: unknown = runInContext('({ a: [1, { b: 2 }] })', createContext())
    expect(copyTerm(foreign)).toStrictEqual({ a: [1, { b: 2 }] })
    const copy = copyTerm(JSON.parse('{"__proto__": {"admin": true}}') as object)
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(Object.keys(copy)).toEqual(['__proto__'])
    expect(copyTerm(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 })
  })

  it('leaves properties with symbols for keys behind', () => {
    expect(Reflect.ownKeys(copyTerm({ [Symbol.for('hidden')]: {}, shown: 1 }))).toEqual(['shown'])
  })

  it('keeps name, message, stack, cause and properties of errors', () => {
    class HttpError extends Error {
      readonly status = 404
    }
    const original = new HttpError('gone', { cause: new TypeError('inner') })
    const copy = copyTerm<Error & { status?: number }>(original)
    expect(copy).not.toBeInstanceOf(HttpError)
    expect(copy).toMatchObject({ name: 'HttpError', message: 'gone', stack: original.stack, status: 404 })
    expect(copy.cause).toBeInstanceOf(TypeError)
    expect(copy.cause).not.toBe(original.cause)
    expect(copyTerm(new RangeError('far'))).toBeInstanceOf(RangeError)
  })

  class Socket {
    readonly fd = 3
  }
  it.each<[string, unknown, string]>([
    ['a class instance', { user: { socket: new Socket() } }, 'message.user.socket: an instance of Socket; allowed are'],
    ['a function', [1, { run: function main() {} }], 'message[1].run: the function main;'],
    ['an anonymous function', () => 1, 'message: a function without a name;'],
    ['a symbol', { kind: Symbol('mine') }, 'message.kind: Symbol(mine), which is no atom'],
    ['a key of a Map', new Map([[new Socket(), 1]]), 'message.key(0): an instance of Socket'],
    ['a value of a Map', new Map([[1, new Socket()]]), 'message.value(0): an instance of Socket'],
    ['an element of a Set', new Set([0, new Socket()]), 'message.element(1): an instance of Socket'],
    ['a property with an odd name', { 'a-b': new Socket() }, 'message["a-b"]: an instance of Socket'],
    ['a cause', new Error('x', { cause: new Socket() }), 'message.cause: an instance of Socket'],
    ['a promise', { later: Promise.resolve() }, 'message.later: an instance of Promise'],
    ['another typed array', [new Float64Array(1)], 'message[0]: an instance of Float64Array'],
    ['a subclass of Array', new (class Rows extends Array {})(), 'message: an instance of Rows'],
    ['a subclass of Map', new (class Index extends Map {})(), 'message: an instance of Index'],
  ])('refuses %s, saying where it is', (_, value, message) => {
    expect(() => copyTerm(value)).toThrow(message)
    expect(() => copyTerm(value)).toThrow(expect.objectContaining({ code: 'ERR_VIGA_NOT_A_TERM' }))
  })

  it('refuses what contains itself, but not what is there twice', () => {
    const message: { a: { b?: unknown } } = { a: {} }
    message.a.b = [message.a]
    expect(() => copyTerm(message)).toThrow('message.a.b[0]: refers back to message.a;')
    const shared = { n: 1 }
    const copy = copyTerm([shared, shared])
    expect(copy[0]).not.toBe(copy[1])
  })

  it('refuses nesting beyond 1,000 levels, however deep', () => {
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ inner }), (inner: unknown) => new Map([[1, inner]])]) {
      let deep: unknown = 1
      for (let level = 0; level < 100_000; level++) deep = wrap(deep)
      expect(() => copyTerm(deep)).toThrow(/nested more than 1000 levels deep/)
    }
    let allowed: unknown = 1
    for (let level = 0; level < 1000; level++) allowed = [allowed]
    expect(() => copyTerm(allowed)).not.toThrow()
  })

  it('says so when reading a value fails', () => {
    const trap = { get open(): never { throw new Error('shut') } }
    expect(() => copyTerm({ trap })).toThrow(/message: reading it failed.*ERR_VIGA_NOT_A_TERM/)
  })
})

describe('copyReason', () => {
  it('describes what is no term and keeps the rest', () => {
    const reason = { socket: new EventEmitter(), list: [1, () => 1, Symbol('s')], map: new Map([[1, new EventEmitter()]]) }
    expect(copyReason(reason)).toEqual({
      socket: 'an instance of EventEmitter',
      list: [1, 'a function without a name', 'Symbol(s), which is no atom (made by Symbol.for)'],
      map: new Map([[1, 'an instance of EventEmitter']]),
    })
    expect(copyReason(new EventEmitter())).toBe('an instance of EventEmitter')
  })

  it('keeps an error whose properties are no terms', () => {
    const error = Object.assign(new TypeError('bad'), { emitter: new EventEmitter() })
    expect(copyReason(error)).toMatchObject({ name: 'TypeError', message: 'bad', emitter: 'an instance of EventEmitter' })
  })

  it('never throws', () => {
    const around: { self?: unknown } = {}
    around.self = around
    expect(copyReason(around)).toEqual({ self: 'a reference back to what it is part of' })
    const hostile = new Proxy({}, { ownKeys: () => { throw new Error('no') }, getPrototypeOf: () => { throw new Error('no') } })
    expect(copyReason([hostile])).toEqual([expect.stringContaining('could not be read')])
    expect(copyReason({ get a(): never { throw new Error('shut') } })).toEqual({ a: 'a property that could not be read: Error: shut' })
    let deep: unknown = () => 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(Array.isArray(copyReason(deep))).toBe(true)
  })
})
