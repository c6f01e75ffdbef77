import { describe, expect, it } from 'vitest'
import { Binary } from '../src/binary.js'

describe('Binary', () => {
  it('is made of bytes, which it copies, or of the UTF-8 of a string', () => {
    const bytes = new Uint8Array([1, 2, 3])
    const binary = Binary.from(bytes)
    bytes[0] = 9
    expect([...binary]).toEqual([1, 2, 3])
    expect([...Binary.from('é')]).toEqual([0xc3, 0xa9])
    expect(Binary.from('é').toString()).toBe('é')
  })

  it('gives out copies only', () => {
    const binary = Binary.from('abc')
    binary.toUint8Array()[0] = 0
    expect(binary.toString()).toBe('abc')
    expect(Object.keys(binary)).toEqual([])
  })

  it('is sliced as arrays are', () => {
    const binary = Binary.from('hello')
    expect(binary.slice(1, 3).toString()).toBe('el')
    expect(binary.slice(-2).toString()).toBe('lo')
    expect(binary.slice(1).slice(1).toString()).toBe('llo')
    expect([binary.at(0), binary.at(-1), binary.at(9)]).toEqual([104, 111, undefined])
  })

  it('is equal to what holds the same bytes', () => {
    expect(Binary.from('ab').equals(Binary.from('xab').slice(1))).toBe(true)
    expect(Binary.from('ab').equals(Binary.from('abc'))).toBe(false)
    expect(Binary.from('ab').equals(Binary.from('ac'))).toBe(false)
  })
})
