import type { Command, Line, Notice } from './protocol.js'

/** What a WebSocket has in browsers and in `ws`. */
export interface ClientSocket {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  send(text: string): void
}

export interface ClientOptions {
  readonly room: string
  readonly name: string
  /** Begins the ids of the client's lines: unlike that of any other client of the room. */
  readonly id: string
}

export declare class ChatClient {
  constructor(options: ClientOptions)
  onLine: (line: Line) => void
  /** Every notice, after the client has acted on it. */
  onNotice: (notice: Notice) => void
  /** Number of the last line received. */
  get last(): number
  /** Lines said and not acknowledged yet. */
  get pending(): number
  /** Goes on over a WebSocket that is open. */
  attach(socket: ClientSocket): void
  /** Says a line: its number in the room, once it is acknowledged. Rejects when it is refused. */
  say(text: string): Promise<number>
  send(command: Command): void
}
