/**
 * What was said. One table for all rooms, ordered by room and sequence number, so that the lines of a room lie side by side.
 *
 * The table belongs to a process that does nothing else and so has no reason to crash: rooms come and go, history stays. The
 * rooms write and the connections read it directly, without a message to anybody.
 */
import { ets, genServer, reply, type Table } from './viga.js'
import type { Line } from './protocol.js'

type Key = readonly [room: string, sequence: number]
type Row = [key: Key, id: string, author: string, text: string, at: number]

const TABLE = 'history'

/** Owns the table. Its child specification is `History.child()`. */
export const History = genServer(import.meta, {
  init: () => ets.create<Row>(TABLE, { kind: 'orderedSet', access: 'public' }),
  call: {
    /** Forgets everything; gives the number of lines. */
    clear: (table) => reply(table.deleteAll(), table),
  },
})

/** Lines kept for each room; older ones are forgotten one by one. */
const KEPT = 5_000

function lineOf([[room, sequence], id, author, text, at]: Row): Line {
  return { room, sequence, id, author, text, at }
}

/** The history of one room. */
export class RoomHistory {
  readonly #room: string
  readonly #table: Table<Row>

  constructor(room: string) {
    const table = ets.whereis<Row>(TABLE)
    if (table === undefined) throw new Error('there is no history: its process is not running')
    this.#room = room
    this.#table = table
  }

  /** Adds a line. Gives the line that had to go for it, if one had. */
  append(line: Line): Line | undefined {
    const { sequence, id, author, text, at } = line
    this.#table.insert([[this.#room, sequence], id, author, text, at])
    const tooOld = sequence > KEPT ? this.#table.take([this.#room, sequence - KEPT]) : undefined
    return tooOld && lineOf(tooOld)
  }

  /** Number of the last line: 0 before the first. */
  get last(): number {
    const key = this.#table.prev([this.#room, Infinity])
    return key !== undefined && key[0] === this.#room ? key[1] : 0
  }

  /** The lines after number `sequence`, in order: all of them, or `limit` at most. */
  after(sequence: number, limit: number = KEPT): Line[] {
    return this.#table.range({ after: [this.#room, sequence], before: [this.#room, Infinity], limit }).rows.map(lineOf)
  }
}
