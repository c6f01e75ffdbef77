import {
  alias,
  cancelTimer,
  type Coroutine,
  demonitor,
  type Down,
  exit,
  isAlive,
  isDown,
  isExit,
  link,
  monitor,
  type Operation,
  Pid,
  processInfo,
  readTimer,
  receive,
  Ref,
  register,
  sameRef,
  self,
  send,
  sendAfter,
  spawn,
  spawnLink,
  spawnMonitor,
  TIMEOUT,
  Timer,
  trapExit,
  unalias,
  unlink,
  unregister,
  VigaError,
  whereis,
} from '../../src/index.js'
import { parseStep, type Scenario } from './scenario.js'

/** Message that has an actor act: the operations of a step, or none as a request for a sign of life. */
interface Command {
  readonly command: readonly (readonly string[])[]
}

interface Text {
  readonly from: string
  readonly text: string
}

/** What an actor tells the coordinator when it has acted. */
interface Done {
  readonly done: string
  readonly results: string[]
}

interface Actor {
  readonly pid: Pid<unknown>
  /** The coordinator's monitor. */
  readonly ref: Ref
  alive: boolean
  /** Number of the step that spawned it. */
  readonly born: number
}

/** How the actors are written: as generator bodies or as async ones. */
export type Bodies = 'generator' | 'async'

/** What an actor does, whichever its body: yields the operations it waits for and is given their results. */
type Script<T> = Generator<Operation<unknown>, T, unknown>

function* asGenerator(script: Script<void>): Coroutine<void> {
  let step = script.next()
  while (step.done !== true) step = script.next(yield* step.value)
}

async function asAsync(script: Script<void>): Promise<void> {
  let step = script.next()
  while (step.done !== true) step = script.next(await step.value)
}

const isCommand = (message: unknown): message is Command =>
  typeof message === 'object' && message !== null && 'command' in message

/** One run of a scenario. What the scenario has named is shared by its processes, which all run on one isolate. */
class Run {
  readonly log: string[] = []
  private readonly coordinator = self<unknown>()
  private readonly named = new Map<string, Pid<unknown> | Ref | Timer>()
  private readonly labels = new Map<string, string>()
  private readonly actors = new Map<string, Actor>()
  private newborn: string[] = []
  private step = 0
  private readonly bodies: Bodies

  constructor(bodies: Bodies) {
    this.bodies = bodies
  }

  // --- the coordinator ------------------------------------------------------------------------------------------------

  private adopt(): void {
    for (const name of this.newborn) {
      const pid = this.named.get(name) as Pid<unknown>
      this.actors.set(name, { pid, ref: monitor(pid), alive: true, born: this.step })
    }
    this.newborn = []
  }

  *steps(scenario: Scenario): Coroutine<void> {
    const pid = spawn(this.body('main'))
    this.name('main', pid)
    this.newborn.push('main')
    this.adopt()
    for (const line of scenario.steps) {
      this.step++
      yield* this.run(line)
    }
    for (const { pid: left } of this.actors.values()) exit(left, 'kill')
    yield* this.settle()
  }

  private *run(line: string): Coroutine<void> {
    const { actor: name, operations } = parseStep(line)
    const actor = this.actors.get(name)
    if (actor === undefined || !actor.alive) {
      this.log.push(`${this.step} ${name} is not there`)
      return
    }
    const deaths = new Map<string, string>()
    send(actor.pid, { command: operations } satisfies Command)
    const results = yield* this.answerOf(name, deaths)
    this.adopt()
    yield* this.settle(deaths)
    // What it did before it died of it is nobody's business: Erlang's link, for one, fails at once.
    this.log.push(`${this.step} ${name}: ${deaths.has(name) ? 'died' : results?.join(' | ')}`)
    if (deaths.size > 0) this.log.push(`${this.step} deaths: ${this.describeDeaths(deaths)}`)
    if (deaths.size > 1 || (deaths.size > 0 && operations.length > 1)) yield* this.drainAll()
  }

  /** Until every actor has shown a sign of life since the last death. */
  private *settle(deaths = new Map<string, string>()): Coroutine<void> {
    for (;;) {
      const before = deaths.size
      const waiting = [...this.actors].filter(([, actor]) => actor.alive)
      for (const [, actor] of waiting) send(actor.pid, { command: [] } satisfies Command)
      for (const [name, actor] of waiting) if (actor.alive) yield* this.answerOf(name, deaths)
      if (deaths.size === before) return
    }
  }

  /** The results `name` sends, or undefined when it dies first. */
  private *answerOf(name: string, deaths: Map<string, string>): Coroutine<string[] | undefined> {
    const { ref } = this.actors.get(name) as Actor
    const message = yield* receive<Done | Down>((candidate) =>
      isDown(candidate) ? sameRef(candidate.ref, ref) : (candidate as Done).done === name,
    )
    if (!isDown(message)) return message.results
    ;(this.actors.get(name) as Actor).alive = false
    deaths.set(name, this.reason(message.reason))
    return undefined
  }

  private describeDeaths(deaths: Map<string, string>): string {
    return [...deaths]
      .map(([name, reason]) => `${name}(${this.actors.get(name)?.born === this.step ? '?' : reason})`)
      .sort()
      .join(' ')
  }

  private *drainAll(): Coroutine<void> {
    for (const name of [...this.actors.keys()].sort()) {
      const actor = this.actors.get(name) as Actor
      if (!actor.alive) continue
      send(actor.pid, { command: [['drain']] } satisfies Command)
      const results = yield* this.answerOf(name, new Map())
      this.log.push(`${this.step} ${name} has ${results?.join('')}`)
    }
  }

  // --- an actor -------------------------------------------------------------------------------------------------------

  /** The body of the actor `name`, to be spawned. */
  private body(name: string): () => Coroutine<void> | Promise<void> {
    const script = (): Script<void> => this.script(name)
    if (this.bodies === 'async') return () => asAsync(script())
    return function* () {
      yield* asGenerator(script())
    }
  }

  private *script(name: string): Script<void> {
    for (;;) {
      const { command } = (yield receive(isCommand)) as Command
      const results: string[] = []
      for (const [operation, ...words] of command) {
        if (operation === 'return') return
        results.push(yield* this.perform(name, operation as string, words))
      }
      send(this.coordinator, { done: name, results } satisfies Done)
    }
  }

  private *perform(me: string, operation: string, words: readonly string[]): Script<string> {
    const [first = '', second = '', third = '', fourth = ''] = words
    switch (operation) {
      case 'spawn':
        return this.born(first, spawn(this.body(first)))
      case 'spawn_link':
        return this.born(first, spawnLink(this.body(first)))
      case 'spawn_monitor': {
        const { pid, ref } = spawnMonitor(this.body(first))
        this.name(second, ref)
        return this.born(first, pid)
      }
      case 'spawn_exit':
        return this.born(first, spawn(quitter, second))
      case 'spawn_exit_link':
        return this.born(first, spawnLink(quitter, second))
      case 'spawn_exit_monitor': {
        const { pid, ref } = spawnMonitor(quitter, second)
        this.name(third, ref)
        return this.born(first, pid)
      }
      case 'send':
        return this.withPid(first, (pid) => send(pid, { from: me, text: second } satisfies Text))
      case 'send_name':
        return failing(() => send(first, { from: me, text: second } satisfies Text))
      case 'send_alias':
        return this.withRef(first, (ref) => send(ref, { from: me, text: second } satisfies Text))
      case 'receive':
        return this.message(yield receive({ timeout: 0 }))
      case 'receive_text':
        return this.message(yield receive(hasText(first), { timeout: 0 }))
      case 'wait_text':
        return this.message(yield receive(hasText(first), { timeout: 10_000 }))
      case 'timeout_text': {
        const message = yield receive(hasText(first), { timeout: Number(second) })
        return message === TIMEOUT ? 'timeout' : this.message(message)
      }
      case 'receive_down': {
        const ref = this.named.get(first)
        if (!(ref instanceof Ref)) return 'unbound'
        return this.message(yield receive((message) => isDown(message, ref), { timeout: 0 }))
      }
      case 'receive_exit': {
        const pid = this.named.get(first)
        if (!(pid instanceof Pid)) return 'unbound'
        return this.message(yield receive((message) => isExit(message, pid), { timeout: 0 }))
      }
      case 'drain':
        return yield* this.drain()
      case 'link':
        return this.withPid(first, link)
      case 'unlink':
        return this.withPid(first, unlink)
      case 'monitor':
        return this.withPid(first, (pid) => this.name(second, monitor(pid)))
      case 'monitor_name':
        this.name(second, monitor(first))
        return 'ok'
      case 'monitor_alias':
        return this.withPid(first, (pid) => this.name(second, monitor(pid, { alias: third as 'reply' })))
      case 'demonitor':
        return this.withRef(first, (ref) => demonitor(ref))
      case 'demonitor_flush':
        return this.withRef(first, (ref) => demonitor(ref, { flush: true }))
      case 'alias':
        this.name(first, alias(second as 'reply'))
        return 'ok'
      case 'unalias':
        return this.withRef(first, unalias)
      case 'trap':
        return String(trapExit(first === 'true'))
      case 'exit':
        return exit(first)
      case 'exit_signal':
        return this.withPid(first, (pid) => exit(pid, second))
      case 'crash':
        throw new Error('boom')
      case 'register':
        return this.withPid(second, (pid) =>
          (processInfo(pid)?.names.length ?? 0) > 0 ? 'named' : failing(() => register(first, pid)),
        )
      case 'unregister':
        return failing(() => unregister(first))
      case 'whereis': {
        const pid = whereis(first)
        return pid === undefined ? 'undefined' : this.label(pid)
      }
      case 'alive':
        return this.withPid(first, isAlive)
      case 'links':
        return this.withPid(first, (pid) => {
          const links = processInfo(pid)?.links
          return links === undefined ? 'dead' : `[${links.map((other) => this.label(other)).sort().join(' ')}]`
        })
      case 'queue':
        return this.withPid(first, (pid) => String(processInfo(pid)?.messageQueueLength ?? 'dead'))
      case 'timer':
        return this.withPid(third, (pid) =>
          this.name(first, sendAfter(Number(second), pid, { from: me, text: fourth } satisfies Text)),
        )
      case 'cancel':
        return this.withTimer(first, cancelTimer)
      case 'read':
        return this.withTimer(first, readTimer)
      default:
        throw new Error(`no operation ${operation} in a scenario`)
    }
  }

  private *drain(): Script<string> {
    const found: { sender: string; text: string }[] = []
    for (;;) {
      const message = yield receive({ timeout: 0 })
      if (message === TIMEOUT) break
      found.push({ sender: this.sender(message), text: this.message(message) })
    }
    found.sort((a, b) => (a.sender < b.sender ? -1 : a.sender > b.sender ? 1 : 0))
    return `[${found.map(({ text }) => text).join(' ')}]`
  }

  // --- names and texts ------------------------------------------------------------------------------------------------

  private name(name: string, value: Pid<unknown> | Ref | Timer): void {
    this.named.set(name, value)
    if (!(value instanceof Timer)) this.labels.set(String(value), name)
  }

  private born(name: string, pid: Pid<unknown>): string {
    this.name(name, pid)
    this.newborn.push(name)
    return 'ok'
  }

  private withPid(name: string, act: (pid: Pid<unknown>) => unknown): string {
    const pid = this.named.get(name)
    return pid instanceof Pid ? resultText(act(pid)) : 'unbound'
  }

  private withRef(name: string, act: (ref: Ref) => unknown): string {
    const ref = this.named.get(name)
    return ref instanceof Ref ? resultText(act(ref)) : 'unbound'
  }

  private withTimer(name: string, act: (timer: Timer) => number | false): string {
    const timer = this.named.get(name)
    if (!(timer instanceof Timer)) return 'unbound'
    return act(timer) === false ? 'false' : 'some'
  }

  private label(value: Pid<unknown> | Pid | Ref): string {
    return this.labels.get(String(value)) ?? 'unknown'
  }

  private reason(reason: unknown): string {
    return typeof reason === 'string' ? reason : 'crash'
  }

  private sender(message: unknown): string {
    if (isExit(message)) return this.label(message.from)
    if (isDown(message)) return message.name === undefined ? this.label(message.pid) : `name:${message.name}`
    return (message as Text).from
  }

  private message(message: unknown): string {
    if (message === TIMEOUT) return 'empty'
    if (isExit(message)) return `EXIT(${this.sender(message)},${this.reason(message.reason)})`
    if (isDown(message)) return `DOWN(${this.label(message.ref)},${this.sender(message)},${this.reason(message.reason)})`
    const { from, text } = message as Text
    return `${text}@${from}`
  }
}

function* quitter(reason: string): Coroutine<void> {
  exit(reason)
}

function resultText(result: unknown): string {
  return result === undefined ? 'ok' : String(result)
}

function failing(act: () => void): string {
  try {
    act()
    return 'ok'
  } catch (error) {
    if (error instanceof VigaError) return 'error'
    throw error
  }
}

function hasText(text: string): (message: unknown) => boolean {
  return (message) => typeof message === 'object' && message !== null && 'text' in message && message.text === text
}

/** Runs a scenario in the current process and gives its log. */
export function* runScenario(scenario: Scenario, bodies: Bodies = 'generator'): Coroutine<string[]> {
  const run = new Run(bodies)
  yield* run.steps(scenario)
  return run.log
}
