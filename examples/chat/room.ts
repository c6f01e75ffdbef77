/**
 * A room: one server that gives the lines their order. It keeps nothing that it could not find again, so it may crash at any
 * moment: the lines and their ids are in the history, and the members come back by themselves (connection.ts).
 */
import { demonitor, genServer, ignore, isDown, monitor, noReply, ok, type Next, type Pid, type Ref, reply, self, send, stop, TIMEOUT } from './viga.js'
import { directory } from './directory.js'
import { RoomHistory } from './history.js'
import type { Line } from './protocol.js'
import { Status } from './status.js'

/** What members get from their room. */
export type RoomMessage =
  | { readonly type: 'line'; readonly line: Line }
  | { readonly type: 'ack'; readonly id: string; readonly sequence: number }

export type Member = Pid<RoomMessage>

/** Milliseconds that a room stays open with nobody in it. */
const EMPTY_FOR = 500

class Room {
  readonly name: string
  readonly history: RoomHistory
  readonly members = new Map<string, { readonly pid: Member; readonly ref: Ref }>()
  /** Ids of the lines in the history: what is said again is not written again. */
  readonly known = new Map<string, number>()
  sequence: number

  constructor(name: string) {
    this.name = name
    this.history = new RoomHistory(name)
    this.sequence = this.history.last
    for (const { id, sequence } of this.history.after(0)) this.known.set(id, sequence)
  }

  /** Nobody in here: tell me when that has lasted for a while. */
  get next(): Next | undefined {
    return this.members.size === 0 ? EMPTY_FOR : undefined
  }

  enter(member: Member): void {
    if (this.members.has(String(member))) return
    this.members.set(String(member), { pid: member, ref: monitor(member) })
    this.show()
  }

  leave(member: Pid): void {
    const found = this.members.get(String(member))
    if (found === undefined) return
    demonitor(found.ref, { flush: true })
    this.members.delete(String(member))
    this.show()
  }

  /** Writes the line down, hands it to everybody, and only then acknowledges it. */
  say(speaker: Member, author: string, id: string, text: string): void {
    const before = this.known.get(id)
    if (before === undefined) {
      const line: Line = { room: this.name, sequence: this.sequence + 1, id, author, text, at: Date.now() }
      const forgotten = this.history.append(line)
      if (forgotten !== undefined) this.known.delete(forgotten.id)
      this.sequence = line.sequence
      this.known.set(id, line.sequence)
      for (const { pid } of this.members.values()) send(pid, { type: 'line', line })
      this.show()
    }
    send(speaker, { type: 'ack', id, sequence: before ?? this.sequence })
  }

  show(): void {
    directory().updateValue(this.name, () => ({ members: this.members.size, sequence: this.sequence }))
  }
}

export const RoomServer = genServer(import.meta, {
  /** Two may want to open the same room at the same moment. The registry knows who is first; the other says ignore. */
  init: (name: string) => {
    const { registered } = directory().register(name, { members: 0, sequence: 0 })
    if (!registered) return ignore()
    const room = new Room(name)
    room.show()
    Status.at('status').cast.opened(name, self())
    return ok(room, room.next)
  },

  call: {
    /** Gives the number of the last line; those after it come as messages. */
    enter: (room, member: Member) => {
      room.enter(member)
      return reply(room.sequence, room)
    },
  },

  cast: {
    leave: (room, member: Member) => {
      room.leave(member)
      return noReply(room, room.next)
    },
    say: (room, speaker: Member, author: string, id: string, text: string) => {
      room.say(speaker, author, id, text)
      return noReply(room, room.next)
    },
    /** For the button that everybody wants to press. */
    crash: (room) => {
      throw new Error(`somebody crashed ${room.name} on purpose`)
    },
    close: (room) => stop('normal', room),
  },

  info: (room, message) => {
    if (message === TIMEOUT) return stop('normal', room)
    if (isDown(message)) room.leave(message.pid)
    return noReply(room, room.next)
  },
})
