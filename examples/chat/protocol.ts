/**
 * What client and service say to each other: JSON, one object per WebSocket text frame.
 *
 * Exactness rests on two numbers. Each line of a room has a sequence number, so a client that says after which one it wants to
 * go on misses nothing and gets nothing twice. Each line that a client says has an id, so it can be said again until it is
 * acknowledged, and the room knows it.
 */

/** A line of a room, as everybody gets it. */
export interface Line {
  readonly room: string
  /** 1, 2, 3, ... in each room, without a gap. */
  readonly sequence: number
  /** Given by the client that said it; unique in the room. */
  readonly id: string
  readonly author: string
  readonly text: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Ways to end a room on purpose, each with another exit reason: an error, 'killed', 'normal'. */
export const crashes = ['throw', 'kill', 'stop'] as const
export type Crash = (typeof crashes)[number]

/** From a client. */
export type Command =
  /** Enters a room, leaving the one before, and goes on after line `after`: 0 for the whole history. */
  | { readonly type: 'join'; readonly room: string; readonly name: string; readonly after: number }
  /** `session` is that of the last 'joined': what was said to a room before it crashed is told apart from what is said now. */
  | { readonly type: 'say'; readonly session: number; readonly id: string; readonly text: string }
  | { readonly type: 'leave' }
  | { readonly type: 'crash'; readonly how: Crash }

/** To a client. */
export type Notice =
  /** In the room, for the first time or again. Lines not acknowledged yet are to be said again, in order. */
  | { readonly type: 'joined'; readonly room: string; readonly session: number; readonly sequence: number }
  | ({ readonly type: 'line' } & Line)
  /** The line is in the history, and on its way to all members. */
  | { readonly type: 'ack'; readonly id: string; readonly sequence: number }
  /** The room has ended; 'joined' follows when it is back. */
  | { readonly type: 'lost'; readonly room: string; readonly reason: string }
  | { readonly type: 'left'; readonly room: string }
  | { readonly type: 'error'; readonly code: Refusal['code']; readonly message: string; readonly id?: string }

/** Why a command was not carried out. */
export interface Refusal {
  readonly code: 'malformed' | 'unknown_command' | 'bad_field' | 'too_long' | 'not_joined' | 'too_many' | 'forbidden'
  readonly message: string
  /** The id of the line that was refused. */
  readonly id?: string
}

export const limits = {
  /** Characters of a line. */
  text: 2_000,
  /** Characters of names of rooms and people, and of ids. */
  name: 64,
  /** Lines a client may have said without an acknowledgement. */
  unacknowledged: 100,
  /** Bytes of a frame; a longer one ends the connection, unread. */
  frame: 16_384,
} as const

type Fields = Readonly<Record<string, unknown>>

function refusal(code: Refusal['code'], message: string, id?: unknown): { readonly refused: Refusal } {
  return { refused: typeof id === 'string' && id.length <= limits.name ? { code, message, id } : { code, message } }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= limits.name
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The command in a frame, or why there is none. Trusts nothing. */
export function parseCommand(frame: string): { readonly command: Command } | { readonly refused: Refusal } {
  let fields: Fields
  try {
    const value: unknown = JSON.parse(frame)
    if (typeof value !== 'object' || value === null) return refusal('malformed', 'a frame is one JSON object')
    fields = value as Fields
  } catch {
    return refusal('malformed', 'the frame is no JSON')
  }
  switch (fields['type']) {
    case 'join':
      return parseJoin(fields)
    case 'say':
      return parseSay(fields)
    case 'leave':
      return { command: { type: 'leave' } }
    case 'crash': {
      const how = crashes.find((way) => way === fields['how'])
      return how === undefined ? refusal('bad_field', `crash: how is one of ${crashes.join(', ')}`) : { command: { type: 'crash', how } }
    }
    default:
      return refusal('unknown_command', 'type is one of join, say, leave, crash')
  }
}

function parseJoin({ room, name, after }: Fields): ReturnType<typeof parseCommand> {
  if (!isName(room) || !isName(name)) return refusal('bad_field', `join: room and name are strings of 1 to ${limits.name} characters`)
  if (!isCount(after)) return refusal('bad_field', 'join: after is a whole number from 0 on')
  return { command: { type: 'join', room, name, after } }
}

function parseSay({ session, id, text }: Fields): ReturnType<typeof parseCommand> {
  if (!isName(id)) return refusal('bad_field', `say: id is a string of 1 to ${limits.name} characters`)
  if (!isCount(session)) return refusal('bad_field', "say: session is the number of the last 'joined'", id)
  if (typeof text !== 'string' || text.trim() === '') return refusal('bad_field', 'say: text is a string with something in it', id)
  if (text.length > limits.text) return refusal('too_long', `say: text has ${text.length} characters; ${limits.text} are allowed`, id)
  return { command: { type: 'say', session, id, text } }
}
