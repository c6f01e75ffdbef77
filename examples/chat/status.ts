/** What is going on, for the page and for those who want to know: GET /status. */
import { type Down, ets, genServer, isDown, memory, monitor, type Pid, processes, processInfo, reply, systemInfo } from './viga.js'
import { directory } from './directory.js'

/** One thing that happened to a room. */
export interface Event {
  readonly at: number
  readonly room: string
  readonly what: 'opened' | 'closed' | 'crashed' | 'restarted'
  readonly reason: string
}

export interface ProcessLine {
  readonly pid: string
  readonly parent: string | null
  readonly label: string
  readonly status: string
  readonly messages: number
  readonly reductions: number
  readonly memory: number
}

const EVENTS = 60
const PROCESSES = 400

interface State {
  readonly since: number
  readonly events: Event[]
  /** Rooms that are open, by pid. */
  readonly open: Map<string, string>
  /** Rooms that crashed and are not back yet. */
  readonly crashed: Set<string>
  restarts: number
}

/** One line for an exit reason. */
export function describe(reason: unknown): string {
  if (typeof reason === 'object' && reason !== null && 'error' in reason && reason.error instanceof Error) return reason.error.message
  return typeof reason === 'string' ? reason : JSON.stringify(reason)
}

function note(state: State, event: Event): State {
  state.events.push(event)
  if (state.events.length > EVENTS) state.events.shift()
  return state
}

function roomEnded(state: State, { pid, reason }: Down): State {
  const room = state.open.get(String(pid))
  if (room === undefined) return state
  state.open.delete(String(pid))
  const orderly = reason === 'normal' || reason === 'shutdown'
  if (!orderly) state.crashed.add(room)
  return note(state, { at: Date.now(), room, what: orderly ? 'closed' : 'crashed', reason: describe(reason) })
}

function processLines(): ProcessLine[] {
  const lines: ProcessLine[] = []
  for (const pid of processes().slice(0, PROCESSES)) {
    const info = processInfo(pid)
    if (info === undefined) continue
    const { parent, label, names, status, messageQueueLength, reductions, memory } = info
    lines.push({ pid: String(pid), parent: parent && String(parent), label: names[0] ?? label ?? '', status, messages: messageQueueLength, reductions, memory })
  }
  return lines
}

function snapshot({ since, events, restarts }: State) {
  const { engine, processCount, timerCount, monitorCount, linkCount, nameCount, registryEntryCount, messageCount } = systemInfo()
  const { blockBytes, carrierBytes } = memory()
  return {
    engine,
    uptime: Date.now() - since,
    counts: { processes: processCount, timers: timerCount, monitors: monitorCount, links: linkCount, names: nameCount, entries: registryEntryCount, messages: messageCount },
    memory: { blockBytes, carrierBytes, heapUsed: process.memoryUsage().heapUsed },
    restarts,
    rooms: directory()
      .select()
      .map(({ key, pid, value }) => ({ name: key, pid: String(pid), ...value })),
    tables: ets.all().map((id) => {
      const { name, kind, size, memory } = ets.open(id).info()
      return { name: name ?? 'unnamed', kind, size, memory }
    }),
    processes: processLines(),
    events,
  }
}

export type Snapshot = ReturnType<typeof snapshot>

/** Watches the rooms. It monitors them, so it learns of every end, whatever the reason, and is not touched by any. */
export const Status = genServer(import.meta, {
  init: (): State => ({ since: Date.now(), events: [], open: new Map(), crashed: new Set(), restarts: 0 }),
  call: {
    snapshot: (state) => reply(snapshot(state), state),
  },
  cast: {
    opened: (state, room: string, pid: Pid<unknown>) => {
      monitor(pid)
      state.open.set(String(pid), room)
      const again = state.crashed.delete(room)
      if (again) state.restarts++
      return note(state, { at: Date.now(), room, what: again ? 'restarted' : 'opened', reason: '' })
    },
  },
  info: (state, message) => (isDown(message) ? roomEnded(state, message) : state),
})
