import { describe, expect, test } from 'vitest'
import {
  type Action,
  type AutoShutdown,
  onChildEnd,
  onRestart,
  RestartIntensity,
  type Strategy,
} from '../src/supervisor-decision.js'

interface Child {
  readonly name: string
  readonly restart: 'permanent' | 'transient' | 'temporary'
  readonly significant: boolean
  running: boolean
}

function child(name: string, restart: Child['restart'] = 'permanent', significant = false): Child {
  return { name, restart, significant, running: true }
}

function tree(children: Child[], strategy: Strategy = 'one_for_one', autoShutdown: AutoShutdown = 'never', most = 3) {
  return { strategy, autoShutdown, intensity: new RestartIntensity(most, 5), children }
}

/** Actions as text: `stop c b; start a b`. */
function told(actions: Action<Child>[]): string {
  return actions
    .map((action) => {
      if (action.do === 'shutdown') return 'shutdown'
      if (action.do === 'forget') return `forget ${action.child.name}`
      return `${action.do} ${action.children.map(({ name }) => name).join(' ')}`.trim()
    })
    .join('; ')
}

/** What follows from the end of `who`. */
function after(all: Child[], who: Child, reason: unknown, ...rest: [Strategy?, AutoShutdown?]): string {
  who.running = false
  return told(onChildEnd(tree(all, ...rest), who, reason, 0))
}

describe('whether a child starts again', () => {
  const orderly: unknown[] = ['normal', 'shutdown', ['shutdown', 'reason']]
  const errors: unknown[] = ['killed', { error: new Error('x'), stack: '' }, ['shutdown'], undefined]

  test('permanent: always', () => {
    for (const reason of [...orderly, ...errors]) {
      const one = child('a')
      expect(after([one], one, reason)).toBe('start a')
    }
  })

  test('transient: after an error', () => {
    for (const reason of orderly) {
      const one = child('a', 'transient')
      expect(after([one], one, reason)).toBe('')
    }
    for (const reason of errors) {
      const one = child('a', 'transient')
      expect(after([one], one, reason)).toBe('start a')
    }
  })

  test('temporary: never, and it is forgotten', () => {
    for (const reason of [...orderly, ...errors]) {
      const one = child('a', 'temporary')
      expect(after([one], one, reason)).toBe('forget a')
    }
  })
})

describe('what starts with it', () => {
  const [a, b, c, d] = [child('a'), child('b'), child('c', 'temporary'), child('d')] as const
  const all = [a, b, c, d]
  const restart = (strategy: Strategy): string => {
    for (const each of all) each.running = each !== b
    return told(onRestart(tree(all, strategy), b, 0))
  }

  test('one_for_one: itself', () => expect(restart('one_for_one')).toBe('start b'))
  test('rest_for_one: itself and those after it', () => expect(restart('rest_for_one')).toBe('stop d c; forget c; start b d'))
  test('one_for_all: all', () => expect(restart('one_for_all')).toBe('stop d c a; forget c; start a b d'))
})

describe('significant children', () => {
  test('any_significant: the first orderly end of one ends the supervisor', () => {
    const [one, other] = [child('a', 'transient', true), child('b', 'transient', true)] as const
    expect(after([one, other], one, 'normal', 'one_for_one', 'any_significant')).toBe('shutdown')
  })

  test('all_significant: the last one does', () => {
    const all = [child('a', 'transient', true), child('b', 'temporary', true), child('c')] as const
    expect(after([...all], all[0], 'normal', 'one_for_one', 'all_significant')).toBe('')
    expect(after([...all], all[1], 'normal', 'one_for_one', 'all_significant')).toBe('forget b; shutdown')
  })

  test('an end after which the child starts again ends nothing', () => {
    const one = child('a', 'transient', true)
    expect(after([one], one, 'killed', 'one_for_one', 'any_significant')).toBe('start a')
  })

  test('others end nothing', () => {
    const one = child('a', 'transient')
    expect(after([one], one, 'normal', 'one_for_one', 'any_significant')).toBe('')
  })
})

describe('restart intensity', () => {
  test('allows so many in the window, and one more when the first has left it', () => {
    const intensity = new RestartIntensity(2, 1)
    expect([0, 400, 999].map((now) => intensity.exceededAt(now))).toEqual([false, false, true])
    const slower = new RestartIntensity(2, 1)
    expect([0, 400, 1_001, 1_300].map((now) => slower.exceededAt(now))).toEqual([false, false, false, true])
  })

  test('allows none at 0', () => {
    expect(new RestartIntensity(0, 5).exceededAt(0)).toBe(true)
  })

  test('agrees with the definition over many restarts', () => {
    const intensity = new RestartIntensity(40, 1)
    const times: number[] = []
    let now = 0
    for (let i = 0; i < 20_000; i++) {
      now += (i * 7919) % 53
      times.push(now)
      const expected = times.slice(-100).filter((time) => time >= now - 1_000).length > 40
      expect(intensity.exceededAt(now)).toBe(expected)
    }
  })

  test('too many restarts end the supervisor, whatever the strategy', () => {
    for (const strategy of ['one_for_one', 'rest_for_one', 'one_for_all'] as const) {
      const one = child('a')
      const few = tree([one], strategy, 'never', 1)
      expect(told(onChildEnd(few, one, 'killed', 0))).not.toBe('shutdown')
      expect(told(onChildEnd(few, one, 'killed', 0))).toBe('shutdown')
    }
  })
})
