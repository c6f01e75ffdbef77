import fc from 'fast-check'
import type { Scenario } from './scenario.js'

/**
 * Random scenarios whose every observation follows from the signal guarantees. What does not follow is never generated: after
 * an exit signal the same step does nothing that would show how far its effects have spread, and operations for which Erlang
 * waits (process_info and the like) come before anything else that happens.
 */

/** Numbers that choose what one operation is and acts on. */
interface Draw {
  readonly kind: number
  readonly one: number
  readonly two: number
}

const draw = fc.record({ kind: fc.nat(9_999), one: fc.nat(9_999), two: fc.nat(9_999) })
const step = fc.record({ actor: fc.nat(9_999), draws: fc.array(draw, { minLength: 3, maxLength: 3 }), length: fc.nat(9) })

export function randomScenarios(count: number, seed: number): Scenario[] {
  const steps = fc.array(step, { minLength: 8, maxLength: 30, size: 'max' })
  return fc.sample(steps, { numRuns: count, seed }).map((drawn, index) => {
    const writer = new Writer()
    for (const { actor, draws, length } of drawn) writer.step(actor, length < 7 ? draws.slice(0, 1) : draws.slice(0, length - 6))
    return { title: `random ${index + 1}`, steps: writer.steps }
  })
}

const texts = ['m1', 'm2', 'm3']
const reasons = ['normal', 'kill', 'killed', 'shutdown', 'boom', 'boom']
const names = ['n1', 'n2', 'n3']
const monitorModes = ['explicit', 'demonitor', 'reply']

type Write = (writer: Writer, draw: Draw) => string

const ref = (writer: Writer): string => `r${++writer.references}`
const target = (writer: Writer, { one }: Draw): string => pick(writer.actors, one)
const newActor = (writer: Writer): string => {
  const name = `p${writer.actors.length + writer.born.length}`
  writer.born.push(name)
  return name
}
const oldRef = (writer: Writer, { one }: Draw): string => `r${1 + (one % Math.max(1, writer.references))}`
const oldTimer = (writer: Writer, { one }: Draw): string => `t${1 + (one % Math.max(1, writer.timers))}`

/** May come anywhere in a step before an exit signal. */
const usual: readonly (readonly [weight: number, write: Write])[] = [
  [3, (w) => `spawn ${newActor(w)}`],
  [5, (w) => `spawn_link ${newActor(w)}`],
  [4, (w) => `spawn_monitor ${newActor(w)} ${ref(w)}`],
  [8, (w, d) => `send ${target(w, d)} ${pick(texts, d.two)}`],
  [2, (_, d) => `send_name ${pick(names, d.one)} ${pick(texts, d.two)}`],
  [5, () => 'receive'],
  [3, (_, d) => `receive_text ${pick(texts, d.one)}`],
  [3, (w, d) => `receive_down ${oldRef(w, d)}`],
  [3, (w, d) => `receive_exit ${target(w, d)}`],
  [1, () => 'drain'],
  [4, (w, d) => `unlink ${target(w, d)}`],
  [3, (w, d) => `demonitor ${oldRef(w, d)}`],
  [3, (w, d) => `demonitor_flush ${oldRef(w, d)}`],
  [2, (w, d) => `alias ${ref(w)} ${d.one % 2 === 0 ? 'explicit' : 'reply'}`],
  [2, (w, d) => `unalias ${oldRef(w, d)}`],
  [5, (_, d) => `trap ${d.one % 4 !== 0}`],
  [3, (w, d) => `register ${pick(names, d.two)} ${target(w, d)}`],
  [1, (_, d) => `unregister ${pick(names, d.one)}`],
  [2, (_, d) => `whereis ${pick(names, d.one)}`],
  [1, (w, d) => `timer t${++w.timers} 60000 ${target(w, d)} ${pick(texts, d.two)}`],
  [1, (w, d) => `cancel ${oldTimer(w, d)}`],
  [1, (w, d) => `read ${oldTimer(w, d)}`],
]

/**
 * Last in a step. When the DOWN of what is dead already comes, and before or behind what else, is left open; and so is whether
 * an alias that is taken back still lets through what its own process has sent just before.
 */
const closing: readonly (readonly [weight: number, write: Write])[] = [
  [4, (w, d) => `send_alias ${oldRef(w, d)} ${pick(texts, d.two)}`],
  [5, (w, d) => `monitor ${target(w, d)} ${ref(w)}`],
  [2, (w, d) => `monitor_name ${pick(names, d.one)} ${ref(w)}`],
  [4, (w, d) => `monitor_alias ${target(w, d)} ${ref(w)} ${pick(monitorModes, d.two)}`],
]

/** Only by themselves: they wait, or end the process, or start something that goes on by itself. */
const alone: readonly (readonly [weight: number, write: Write])[] = [
  [6, (w, d) => `link ${target(w, d)}`],
  [1, (w, d) => `spawn_exit ${newActor(w)} ${pick(reasons, d.one)}`],
  [2, (w, d) => `spawn_exit_link ${newActor(w)} ${pick(reasons, d.one)}`],
  [2, (w, d) => `spawn_exit_monitor ${newActor(w)} ${pick(reasons, d.one)} ${ref(w)}`],
  [2, (_, d) => `exit ${pick(reasons, d.one)}`],
  [1, () => 'crash'],
  [1, () => 'return'],
  [2, (w, d) => `alive ${target(w, d)}`],
  [3, (w, d) => `links ${target(w, d)}`],
  [3, (w, d) => `queue ${target(w, d)}`],
  [1, (_, d) => `timeout_text ${pick(texts, d.one)} 1`],
  [1, (w, d) => `timer t${++w.timers} 1 ${w.acting} tick${d.one} | wait_text tick${d.one}`],
]

/**
 * After an exit signal to `victim` in the same step. Flushing looks into the mailbox, which lets in the signals that are on their
 * way, so it comes last.
 */
function afterExitSignal(writer: Writer, draw: Draw, victim: string, last: boolean): string {
  switch (draw.kind % (last ? 5 : 3)) {
    case 0:
      return `send ${target(writer, draw)} ${pick(texts, draw.two)}`
    case 1:
      return `unlink ${target(writer, draw)}`
    case 2:
      return `demonitor ${oldRef(writer, draw)}`
    case 3:
      return `demonitor_flush ${oldRef(writer, draw)}`
    default:
      return `monitor ${victim} ${ref(writer)}`
  }
}

const EXIT_SIGNAL_WEIGHT = 7
const severally = [...usual, ...closing]
const all = [...severally, ...alone]

class Writer {
  readonly steps: string[] = ['main trap true']
  readonly actors: string[] = ['main']
  readonly born: string[] = []
  acting = 'main'
  references = 0
  timers = 0

  step(actor: number, draws: readonly Draw[]): void {
    this.acting = pick(this.actors, actor)
    const operations: string[] = []
    let victim: string | undefined
    for (const drawn of draws) {
      if (victim !== undefined) {
        operations.push(afterExitSignal(this, drawn, victim, drawn === draws.at(-1)))
      } else if (drawn.kind % 100 < EXIT_SIGNAL_WEIGHT) {
        victim = target(this, drawn)
        operations.push(`exit_signal ${victim} ${pick(reasons, drawn.two)}`)
      } else {
        const choices = draws.length === 1 ? all : drawn === draws.at(-1) ? severally : usual
        operations.push(weighted(choices, drawn.kind)(this, drawn))
      }
    }
    // An actor is acted on from the step after the one that spawned it.
    this.actors.push(...this.born.splice(0))
    this.steps.push(`${this.acting} ${operations.join(' | ')}`)
  }
}

function pick(words: readonly string[], number: number): string {
  return words[number % words.length] as string
}

function weighted(choices: readonly (readonly [number, Write])[], number: number): Write {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0)
  let left = number % total
  for (const [weight, write] of choices) {
    if (left < weight) return write
    left -= weight
  }
  throw new Error('unreachable: the weights add up to more than the remainder')
}
