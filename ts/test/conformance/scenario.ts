/**
 * A scenario is text, read by the interpreter of viga (interpreter.ts) and the one of Erlang (beam/viga_conformance.erl):
 *
 *     # title
 *     main spawn_link b
 *     main trap true | exit_signal b stop
 *     main receive
 *
 * Each line is one step: the actor that acts, and what it does, in one go. `main` is there from the start, other actors are
 * spawned. A coordinator has one step done at a time and then asks every actor for a sign of life, again after each death, until
 * all signals have settled. So what each step observes follows from the signal guarantees alone, whatever the scheduling; with
 * two exceptions, for which every mailbox is emptied and logged sorted by sender: several deaths in one step, and any death in
 * a step of several operations.
 *
 * Operations (N actor, R reference, T timer, NAME registered name, TEXT and REASON one word):
 *
 *     spawn N, spawn_link N, spawn_monitor N R             an actor
 *     spawn_exit N REASON, .._link, .._monitor N REASON R  a process that exits at once
 *     send N TEXT, send_name NAME TEXT, send_alias R TEXT
 *     receive                       polls: the oldest message, or empty
 *     receive_text TEXT, receive_down R, receive_exit N    polls for the first match
 *     wait_text TEXT                waits for a match (10 s at most)
 *     timeout_text TEXT MS          receives it or gives `timeout`
 *     drain                         all messages, sorted by sender
 *     link N, unlink N, monitor N R, monitor_name NAME R, monitor_alias N R explicit|demonitor|reply
 *     demonitor R, demonitor_flush R, alias R explicit|reply, unalias R
 *     trap true|false, exit REASON, exit_signal N REASON, crash, return
 *     register NAME N (`named` if N has a name already), unregister NAME, whereis NAME
 *     alive N, links N, queue N
 *     timer T MS N TEXT, cancel T, read T
 */
export interface Scenario {
  readonly title: string
  readonly steps: readonly string[]
}

export interface Step {
  readonly actor: string
  readonly operations: readonly (readonly string[])[]
}

export function parseStep(line: string): Step {
  const space = line.indexOf(' ')
  const operations = line
    .slice(space + 1)
    .split(' | ')
    .map((operation) => operation.split(' '))
  return { actor: line.slice(0, space), operations }
}

/** The scenarios of a text: titles begin with `#`, blank lines separate. */
export function parseScenarios(text: string): Scenario[] {
  const scenarios: { title: string; steps: string[] }[] = []
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line.startsWith('#')) scenarios.push({ title: line.slice(1).trim(), steps: [] })
    else if (line !== '') scenarios.at(-1)?.steps.push(line)
  }
  return scenarios
}

export function formatScenarios(scenarios: readonly Scenario[]): string {
  return scenarios.map(({ title, steps }) => [`# ${title}`, ...steps, ''].join('\n')).join('\n')
}

/**
 * Whether an exit signal and something after it happen in one go. The processes it ends may be told of before or after the rest;
 * in a slice they are told of after it, and an async body runs between slices.
 */
export function signalsWithinAStep({ steps }: Scenario): boolean {
  return steps.some((step) => /exit_signal .* \| /.test(step))
}
