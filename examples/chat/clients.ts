/** Clients as the drive needs them: real WebSockets, the protocol of chat-client.js, and a memory of all they got. */
import { WebSocket } from 'ws'
import { ChatClient } from './chat-client.js'
import type { Line, Notice } from './protocol.js'

/** Milliseconds after which something that has not come is missing. */
const PATIENCE_MS = 15_000

/** Somebody waits for a condition that a notice may bring about. */
interface Waiting {
  readonly condition: () => boolean
  readonly done: () => void
}

export class TestClient extends ChatClient {
  readonly name: string
  readonly room: string
  socket: WebSocket
  /** Every line, in the order it came. */
  readonly lines: Line[] = []
  /** Every notice that is no line. */
  readonly notices: Notice[] = []
  #waiting: Waiting | undefined

  private constructor(url: string, room: string, name: string) {
    super({ room, name, id: name })
    this.name = name
    this.room = room
    this.socket = new WebSocket(url)
    this.onLine = (line) => this.lines.push(line)
    this.onNotice = (notice) => {
      if (notice.type !== 'line') this.notices.push(notice)
      this.#look()
    }
  }

  /** A client that is in its room. */
  static async join(url: string, room: string, name: string): Promise<TestClient> {
    const client = new TestClient(url, room, name)
    await client.#enter()
    return client
  }

  /** Goes on over another connection. */
  async reconnect(url: string): Promise<void> {
    this.socket = new WebSocket(url)
    await this.#enter()
  }

  async #enter(): Promise<void> {
    const { socket } = this
    socket.on('close', () => this.#look())
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    this.attach(socket)
    const seen = this.notices.length
    await this.until('it is in the room', () => this.notices.length > seen)
  }

  get isClosed(): boolean {
    return this.socket.readyState === WebSocket.CLOSED
  }

  /** Waits until `condition` holds, which is looked at with each notice. One wait at a time. */
  async until(what: string, condition: () => boolean): Promise<void> {
    if (condition()) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((done, reject) => {
      this.#waiting = { condition, done }
      timer = setTimeout(() => reject(new Error(`${this.name} in ${this.room} waited ${PATIENCE_MS} ms in vain until ${what}`)), PATIENCE_MS)
    })
    clearTimeout(timer)
  }

  #look(): void {
    const waiting = this.#waiting
    if (waiting === undefined || !waiting.condition()) return
    this.#waiting = undefined
    waiting.done()
  }

  /** Says lines in order, `window` of them at a time without an acknowledgement. `acknowledged` is told of each. */
  async recite(texts: readonly string[], window: number, acknowledged: (sequence: number, text: string) => void): Promise<void> {
    const saying: Promise<void>[] = []
    for (const text of texts) {
      if (saying.length === window) await saying.shift()
      saying.push(this.say(text).then((sequence) => acknowledged(sequence, text)))
    }
    await Promise.all(saying)
  }

  /** Leaves, and waits until the connection is closed. */
  async close(): Promise<void> {
    this.socket.close()
    await this.until('its connection is closed', () => this.isClosed)
  }
}
