import { describe, expect, it } from 'vitest'
import { Pid, Ref } from '../../src/index.js'
import { Book, openAccount } from './book.js'
import { isPayload, payloadFor } from './payload.js'

const other = new Pid<unknown>(7, 1)

function openBook(): { book: Book; failures: string[] } {
  const failures: string[] = []
  return { book: new Book(openAccount('me', new Pid(5, 1), 1, true), (text) => failures.push(text)), failures }
}

describe('the book of a citizen of the soak', () => {
  it('takes messages in their order, and notices gaps and repetitions', () => {
    const { book, failures } = openBook()
    for (const n of [1, 2, 3]) book.arrivedWith('other', n, payloadFor('other', n))
    expect(failures).toEqual([])
    book.arrived('other', 5)
    book.arrived('other', 5)
    expect(failures.map((text) => text.split(': ')[1])).toEqual(['message 5 of other came after 3', 'message 5 of other came after 5'])
  })

  it('notices a message that is not what was sent', () => {
    const { book, failures } = openBook()
    book.arrivedWith('other', 1, ['something', 'else'])
    expect(failures).toHaveLength(1)
    expect(Array.from({ length: 200 }, (_, n) => isPayload(payloadFor('other', n), 'other', n))).not.toContain(false)
  })

  it('allows one DOWN of a monitor, and none after it was withdrawn', () => {
    const { book, failures } = openBook()
    const [first, second] = [new Ref(5, 1, 1), new Ref(5, 1, 2)]
    book.monitors(first, other)
    book.monitors(second, other)
    expect(book.page().monitored).toHaveLength(2)
    book.down({ type: 'DOWN', ref: first, pid: other, reason: 'normal' })
    book.demonitored(String(second))
    expect(failures).toEqual([])
    expect(book.page().monitored).toEqual([])
    book.down({ type: 'DOWN', ref: first, pid: other, reason: 'normal' })
    book.down({ type: 'DOWN', ref: second, pid: other, reason: 'normal' })
    expect(failures).toHaveLength(2)
  })

  it('allows one EXIT of a link, and one that was on its way when it was withdrawn', () => {
    const { book, failures } = openBook()
    const exit = { type: 'EXIT', from: other, reason: 'killed' } as const
    book.exit(exit)
    expect(failures).toHaveLength(1)
    const { book: linked, failures: none } = openBook()
    linked.linkIs(other, 'linked')
    expect(linked.page().linked).toEqual([String(other)])
    linked.linkIs(other, 'unlinked')
    linked.exit(exit)
    expect(none).toEqual([])
    linked.exit(exit)
    expect(none).toHaveLength(1)
  })

  it('allows a timer to fire once, unless it was cancelled', () => {
    const { book, failures } = openBook()
    book.timerStarted(1)
    book.timerStarted(2)
    book.timerCancelled(2)
    book.timerFired(1)
    expect(failures).toEqual([])
    expect(book.page().timersOpen).toBe(0)
    book.timerFired(1)
    book.timerFired(2)
    book.timerOf('other/1')
    book.timerOf('other/1')
    expect(failures).toHaveLength(3)
  })
})
