/**
 * What a supervisor does when a child ends: pure decisions, after OTP's supervisor.erl. The executor (supervisor-behaviour.ts)
 * carries the actions out. The restart record is the only thing a decision changes.
 */
import type { Restart } from './child-spec.js'
import { isOrderly } from './process/reason.js'

/** Which children start again with one that has ended: itself, all, or itself and those started after it. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** Whether the orderly end of significant children ends the supervisor: never, with the first, or with the last of them. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

/** A child as decisions see it. */
export interface DecidedChild {
  readonly restart: Restart
  readonly significant: boolean
  readonly running: boolean
}

/**
 * The restarts of the last `seconds`, to tell when they are more than `most`. Times go into a queue that is as long as `most`
 * at the longest; what has left the window is dropped from its head, so that a restart costs O(1) however many there were.
 */
export class RestartIntensity {
  readonly #most: number
  readonly #window: number
  #times: number[] = []
  #head = 0

  constructor(most: number, seconds: number) {
    this.#most = most
    this.#window = seconds * 1_000
  }

  /** Notes a restart at `now` (ms, never decreasing); true when it is one too many. Amortised O(1). */
  exceededAt(now: number): boolean {
    const times = this.#times
    const oldest = now - this.#window
    let head = this.#head
    while (head < times.length && (times[head] as number) < oldest) head++
    times.push(now)
    if (head > 1_024 && head * 2 > times.length) {
      this.#times = times.slice(head)
      head = 0
    }
    this.#head = head
    return this.#times.length - head > this.#most
  }
}

/** What is to be done, in this order. */
export type Action<C> =
  /** Stop these, one after the other as listed. */
  | { readonly do: 'stop'; readonly children: readonly C[] }
  /** Start these, one after the other as listed. */
  | { readonly do: 'start'; readonly children: readonly C[] }
  /** Forget the child. */
  | { readonly do: 'forget'; readonly child: C }
  /** End the supervisor, with 'shutdown', after its children. */
  | { readonly do: 'shutdown' }

/** A supervisor as decisions see it. */
export interface DecidedTree<C> {
  readonly strategy: Strategy
  readonly autoShutdown: AutoShutdown
  readonly intensity: RestartIntensity
  /** In the order of their start. */
  readonly children: Iterable<C>
}

/** What follows from the end of `child`, which no longer runs, with `reason` at `now` ms. */
export function onChildEnd<C extends DecidedChild>(tree: DecidedTree<C>, child: C, reason: unknown, now: number): Action<C>[] {
  if (child.restart === 'permanent' || (child.restart === 'transient' && !isOrderly(reason))) return onRestart(tree, child, now)
  const actions: Action<C>[] = []
  if (child.restart === 'temporary') actions.push({ do: 'forget', child })
  if (child.significant && endsTree(tree, child)) actions.push({ do: 'shutdown' })
  return actions
}

/** `child` is to start again, after its end or after a start that failed. O(1) for one_for_one, otherwise O(children). */
export function onRestart<C extends DecidedChild>(tree: DecidedTree<C>, child: C, now: number): Action<C>[] {
  if (tree.intensity.exceededAt(now)) return [{ do: 'shutdown' }]
  if (tree.strategy === 'one_for_one') return [{ do: 'start', children: [child] }]
  const affected = [...tree.children]
  if (tree.strategy === 'rest_for_one') affected.splice(0, affected.indexOf(child))
  const actions: Action<C>[] = [{ do: 'stop', children: affected.filter(({ running }) => running).reverse() }]
  // A temporary child that goes down with the others is not started again.
  for (const gone of affected) if (gone.restart === 'temporary') actions.push({ do: 'forget', child: gone })
  actions.push({ do: 'start', children: affected.filter(({ restart }) => restart !== 'temporary') })
  return actions
}

function endsTree<C extends DecidedChild>(tree: DecidedTree<C>, ended: C): boolean {
  if (tree.autoShutdown === 'any_significant') return true
  if (tree.autoShutdown === 'never') return false
  for (const child of tree.children) if (child !== ended && child.significant && child.running) return false
  return true
}
