import { describe, expect, it } from 'vitest'
import { ets, makeRef, Pid, Registry, self } from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'
import { audit, type Evidence } from './audit.js'
import type { Page } from './book.js'
import { COUNTERS, REGISTRY, type Row } from './operations.js'

freshRuntime()

const blank = { scheduler: 1, traps: true, operations: 0, checks: 0, sent: [], received: [], monitored: [], linked: [] }
const blankToo = { timersOpen: 0, timersSent: [], timersReceived: [], names: [], keys: [], increments: 0 }

/** Two citizens: one that lives (in the place of the root process) and one that has ended. */
function evidenceOf(living: Partial<Page>, dead: Partial<Page>, crashed: readonly number[] = []): Evidence {
  const table = ets.create<Row>()
  for (const key of COUNTERS) table.insert([key, 0, ''])
  const gone = new Pid<unknown>(900, 1)
  const pages: Page[] = [
    { ...blank, ...blankToo, id: 'living', pid: String(self()), ...living },
    { ...blank, ...blankToo, id: 'dead', pid: String(gone), ...dead },
  ]
  return {
    charges: new Map([
      ['living', { id: 'living', pid: self(), scheduler: 1, wanders: false, ref: makeRef(), born: true, ended: false, reason: undefined, quiet: true }],
      ['dead', { id: 'dead', pid: gone, scheduler: 1, wanders: false, ref: makeRef(), born: true, ended: true, reason: 'normal', quiet: false }],
    ]),
    pages: new Map(pages.map((page) => [page.id, page])),
    crashed: new Set(crashed),
    registry: Registry.start<string, string>({ name: REGISTRY }),
    table,
    servers: [],
  }
}

const misfits = (evidence: Evidence): readonly string[] => audit(evidence).misfits

describe('the audit of the soak', () => {
  it('finds nothing where all fits', () => {
    expect(misfits(evidenceOf({ received: [['dead', 2]] }, { sent: [['living', 2]] }))).toEqual([])
  })

  it('finds a message that did not arrive, and one that nobody sent', () => {
    expect(misfits(evidenceOf({ received: [['dead', 1]] }, { sent: [['living', 2]] }))).toEqual([
      'dead (1) sent 2 messages to living (1), of which 1 arrived',
    ])
  })

  it('does not ask for what was sent to the dead', () => {
    expect(misfits(evidenceOf({ sent: [['dead', 5]] }, {}))).toEqual([])
  })

  it('finds a DOWN, an EXIT and timers that are outstanding', () => {
    const pid = '<0.900.1>'
    expect(misfits(evidenceOf({ monitored: [pid], linked: [pid], timersOpen: 1 }, { timersSent: [['living', 'dead/1']] }))).toHaveLength(4)
  })

  it('finds names and keys of nobody', () => {
    expect(misfits(evidenceOf({ names: ['soak-name-0'], keys: ['key-0'] }, {}))).toHaveLength(2)
  })

  it('finds increments that are lost', () => {
    expect(misfits(evidenceOf({ increments: 1 }, {}))).toEqual(['1 increments were made, 0 were counted'])
  })

  it('finds a book that is missing, unless its scheduler went down', () => {
    const evidence = evidenceOf({}, {})
    const without: Evidence = { ...evidence, pages: new Map([...evidence.pages].filter(([id]) => id === 'living')) }
    expect(misfits(without)).toEqual(['dead on scheduler 1 has left no book'])
    expect(misfits({ ...without, crashed: new Set([1]) })).toEqual([])
  })
})
