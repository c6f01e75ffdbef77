/**
 * The client's half of the protocol, for the page and for programs. Types: chat-client.d.ts.
 *
 * It keeps what the service needs to be exact: the number of the last line it got, and the lines it said that are not
 * acknowledged yet. With these it can lose its room, or its connection, at any moment.
 */
export class ChatClient {
  #room
  #name
  #prefix
  #said = 0
  #last = 0
  #session = 0
  #socket
  #unacknowledged = new Map()

  onLine = () => {}
  onNotice = () => {}

  constructor({ room, name, id }) {
    this.#room = room
    this.#name = name
    this.#prefix = id
  }

  /** Number of the last line received. */
  get last() {
    return this.#last
  }

  /** Lines said and not acknowledged yet. */
  get pending() {
    return this.#unacknowledged.size
  }

  /** Goes on over `socket`, a WebSocket that is open. */
  attach(socket) {
    this.#socket = socket
    this.#session = 0
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#hear(JSON.parse(data))
    })
    this.send({ type: 'join', room: this.#room, name: this.#name, after: this.#last })
  }

  /** Says a line: its number in the room, once it is acknowledged. Rejects when it is refused. */
  say(text) {
    const id = `${this.#prefix}.${++this.#said}`
    return new Promise((resolve, reject) => {
      this.#unacknowledged.set(id, { text, resolve, reject })
      // While the room is lost nobody would hear it; 'joined' says everything that waits.
      if (this.#session > 0) this.#sayAs(id, text)
    })
  }

  send(command) {
    this.#socket.send(JSON.stringify(command))
  }

  #sayAs(id, text) {
    this.send({ type: 'say', session: this.#session, id, text })
  }

  #hear(notice) {
    switch (notice.type) {
      case 'joined':
        this.#session = notice.session
        // A service that was started anew has forgotten what was said before.
        if (notice.sequence < this.#last) this.#last = 0
        for (const [id, { text }] of this.#unacknowledged) this.#sayAs(id, text)
        break
      case 'lost':
        this.#session = 0
        break
      case 'line':
        this.#last = notice.sequence
        this.onLine(notice)
        break
      case 'ack':
        this.#unacknowledged.get(notice.id)?.resolve(notice.sequence)
        this.#unacknowledged.delete(notice.id)
        break
      case 'error':
        this.#unacknowledged.get(notice.id)?.reject(new Error(notice.message))
        this.#unacknowledged.delete(notice.id)
        break
    }
    this.onNotice(notice)
  }
}
