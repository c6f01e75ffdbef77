/**
 * One process for each WebSocket. It stands between a client, which may say anything at any time or nothing at all, and its room,
 * which must not suffer from that.
 *
 * It survives the room: when the room ends it enters it anew and goes on after the last line it has passed on. It takes no line
 * from the room for granted but for the number in it: what is next goes out, what is further on is read from the history, what
 * has been is dropped. So lines come in order and once, whatever has crashed. A slow client is simply further behind: what it
 * has not taken yet waits in the history, not in a buffer.
 */
import type { RawData, WebSocket } from 'ws'
import { type Coroutine, demonitor, type Down, Exit, exit, monitor, type Pid, receive, type Ref, sameRef, self, send, sendAfter, setLabel } from './viga.js'
import { RoomHistory } from './history.js'
import { type Command, type Line, limits, type Notice, parseCommand, type Refusal } from './protocol.js'
import { type RoomMessage, RoomServer } from './room.js'
import { openRoom } from './rooms.js'
import { describe } from './status.js'

/** Everything this process may find in its mailbox. */
type Message =
  | RoomMessage
  | Down
  | { readonly type: 'frame'; readonly text: string }
  | { readonly type: 'binary' | 'pong' | 'drained' | 'closed' | 'heartbeat' }

export interface ConnectionRules {
  /** Whether clients may crash their room: for demonstrations. */
  readonly crashable: boolean
}

/** Bytes that may wait for a client in its socket; then it has to read first. */
const BUFFERED = 256 * 1024
/** Lines read from the history at once. */
const PAGE = 100
const HEARTBEAT_MS = 30_000
/** Frames that make no sense, after which the client is asked to leave. */
const PATIENCE = 20
/** Times that a room may end while somebody enters it. */
const ATTEMPTS = 10

/** Close codes of RFC 6455. */
const GOING_AWAY = 1001
const UNSUPPORTED = 1003
const POLICY = 1008
const TRY_LATER = 1013

type Room = ReturnType<typeof RoomServer.at>

/** The room a client is in. */
interface Stay {
  readonly name: string
  readonly author: string
  readonly history: RoomHistory
  readonly room: Room
  readonly ref: Ref
  /** Counts this client's entries into rooms, so that each has a number of its own. */
  readonly session: number
  /** The last line passed on, and the last one known of. */
  passed: number
  known: number
}

class Guest {
  readonly #socket: WebSocket
  readonly #me: Pid<Message>
  readonly #rules: ConnectionRules
  #stay: Stay | undefined
  #entries = 0
  #unacknowledged = 0
  #nonsense = 0
  #alive = true
  /** Waits until the client has taken what is in its socket. */
  #full = false

  constructor(socket: WebSocket, me: Pid<Message>, rules: ConnectionRules) {
    this.#socket = socket
    this.#me = me
    this.#rules = rules
  }

  /** Handles messages until the client is gone. */
  *live(): Coroutine<void> {
    for (;;) {
      const message = yield* receive<Message>()
      switch (message.type) {
        case 'line':
          this.#hear(message.line)
          break
        case 'ack':
          this.#unacknowledged--
          this.#tell(message)
          break
        case 'frame':
          yield* this.#frame(message.text)
          if (this.#isFull) this.#waitForClient()
          break
        case 'binary':
          return this.#socket.close(UNSUPPORTED, 'text frames only')
        case 'drained':
          this.#full = false
          this.#socket.resume()
          this.#catchUp()
          break
        case 'DOWN':
          yield* this.#roomDown(message)
          break
        case 'pong':
          this.#alive = true
          break
        case 'heartbeat':
          if (!this.#alive) return this.#socket.terminate()
          this.#alive = false
          this.#socket.ping()
          sendAfter(HEARTBEAT_MS, this.#me, { type: 'heartbeat' })
          break
        case 'closed':
          return undefined
      }
    }
  }

  #tell(notice: Notice): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(notice))
  }

  get #isFull(): boolean {
    return this.#socket.bufferedAmount >= BUFFERED
  }

  /** Who does not read is not read. A ping queues up behind all that waits: when it is out, the client has taken the rest. */
  #waitForClient(): void {
    if (this.#full || this.#socket.readyState !== this.#socket.OPEN) return
    this.#full = true
    this.#socket.pause()
    this.#socket.ping(undefined, undefined, () => send(this.#me, { type: 'drained' }))
  }

  *#frame(text: string): Coroutine<void> {
    const parsed = parseCommand(text)
    if ('refused' in parsed) return this.#refuse(parsed.refused)
    const { command } = parsed
    switch (command.type) {
      case 'join':
        this.#leave()
        return yield* this.#join(command)
      case 'say':
        return this.#say(command)
      case 'leave':
        return this.#leave()
      case 'crash':
        return this.#crash(command)
    }
  }

  #refuse(refused: Refusal): void {
    this.#tell({ type: 'error', ...refused })
    if (++this.#nonsense === PATIENCE) this.#socket.close(POLICY, 'too many bad frames')
  }

  *#join({ room: name, name: author, after }: Extract<Command, { type: 'join' }>): Coroutine<void> {
    const history = new RoomHistory(name)
    setLabel(`${author} in ${name}`)
    // Who knows more than the history comes from before it: for them it begins anew.
    yield* this.#enter({ name, author, history, passed: after <= history.last ? after : 0 })
  }

  /** Enters a room that may crash at this very moment: then there is another one soon. */
  *#enter(place: Pick<Stay, 'name' | 'author' | 'history' | 'passed'>): Coroutine<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const pid = yield* openRoom(place.name)
      const ref = monitor(pid)
      try {
        const room = RoomServer.at(pid)
        const known = yield* room.call.enter(this.#me)
        const session = ++this.#entries
        this.#unacknowledged = 0
        this.#stay = { ...place, room, ref, session, known }
        this.#tell({ type: 'joined', room: place.name, session, sequence: known })
        return this.#catchUp()
      } catch (thrown) {
        if (!(thrown instanceof Exit)) throw thrown
        demonitor(ref, { flush: true })
      }
    }
    this.#socket.close(TRY_LATER, 'the room does not stay up')
  }

  /** A new line. When it is the next one, and the client keeps up, there is no need to look it up. */
  #hear(line: Line): void {
    const stay = this.#stay
    if (stay === undefined || stay.name !== line.room) return
    stay.known = Math.max(stay.known, line.sequence)
    if (line.sequence !== stay.passed + 1 || this.#isFull) return this.#catchUp()
    stay.passed = line.sequence
    this.#tell({ type: 'line', ...line })
  }

  /** Passes on lines from the history, as many as the client takes. */
  #catchUp(): void {
    const stay = this.#stay
    if (stay === undefined) return
    while (stay.passed < stay.known) {
      if (this.#isFull) return this.#waitForClient()
      const lines = stay.history.after(stay.passed, PAGE)
      if (lines.length === 0) return
      for (const line of lines) {
        this.#tell({ type: 'line', ...line })
        stay.passed = line.sequence
      }
    }
  }

  #say({ session, id, text }: Extract<Command, { type: 'say' }>): void {
    const stay = this.#stay
    if (stay === undefined) return this.#refuse({ code: 'not_joined', message: 'say: join a room first', id })
    // Said to the room before it was lost: it will be said again, in order, after 'joined'.
    if (session !== stay.session) return
    if (this.#unacknowledged >= limits.unacknowledged)
      return this.#refuse({ code: 'too_many', message: `say: ${limits.unacknowledged} lines wait for an acknowledgement; wait for one`, id })
    this.#unacknowledged++
    stay.room.cast.say(this.#me, stay.author, id, text)
  }

  #leave(): void {
    const stay = this.#stay
    if (stay === undefined) return
    this.#stay = undefined
    demonitor(stay.ref, { flush: true })
    stay.room.cast.leave(this.#me)
    this.#tell({ type: 'left', room: stay.name })
  }

  *#roomDown({ ref, reason }: Down): Coroutine<void> {
    const stay = this.#stay
    if (stay === undefined || !sameRef(stay.ref, ref)) return
    this.#tell({ type: 'lost', room: stay.name, reason: describe(reason) })
    yield* this.#enter(stay)
  }

  #crash({ how }: Extract<Command, { type: 'crash' }>): void {
    const stay = this.#stay
    if (stay === undefined) return this.#refuse({ code: 'not_joined', message: 'crash: join a room first' })
    if (!this.#rules.crashable) return this.#refuse({ code: 'forbidden', message: 'crash: this service does not allow it' })
    if (how === 'kill') exit(stay.room.pid, 'kill')
    else if (how === 'throw') stay.room.cast.crash()
    else stay.room.cast.close()
  }
}

/** The body of the process. The socket is paused until somebody listens. */
export function* connection(socket: WebSocket, rules: ConnectionRules): Coroutine<void> {
  const me = self<Message>()
  socket.on('message', (data: RawData, binary: boolean) => send(me, binary ? { type: 'binary' } : { type: 'frame', text: String(data) }))
  socket.on('pong', () => send(me, { type: 'pong' }))
  socket.on('close', () => send(me, { type: 'closed' }))
  if (socket.readyState !== socket.OPEN) return
  sendAfter(HEARTBEAT_MS, me, { type: 'heartbeat' })
  socket.resume()
  try {
    yield* new Guest(socket, me, rules).live()
  } finally {
    socket.close(GOING_AWAY)
  }
}
