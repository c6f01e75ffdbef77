/** Clients that the service has to put up with, and must not let others suffer from. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import type { Checks } from './checks.js'
import { TestClient } from './clients.js'
import { limits, type Notice } from './protocol.js'
import type { Service } from './service.js'

/** Sends one frame and gives the code of the error it is answered with. */
async function errorFor(client: TestClient, frame: string): Promise<string> {
  const seen = client.notices.length
  const answer = (): Notice | undefined => client.notices.slice(seen).find(({ type }) => type === 'error')
  client.socket.send(frame)
  await client.until('its frame is answered', () => answer() !== undefined)
  const notice = answer()
  return notice?.type === 'error' ? notice.code : 'none'
}

/** A client of its own that sends one frame: the code its connection is closed with. */
async function closeCodeFor(url: string, frame: string | Buffer): Promise<number> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const closing = once(socket, 'close')
  socket.send(frame)
  const [code] = (await closing) as [number]
  return code
}

/** Announces a frame of 100 bytes, sends three of them and is gone. */
async function vanish(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const handshake = ['GET / HTTP/1.1', 'Host: chat', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13']
  socket.write([...handshake, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''].join('\r\n'))
  await once(socket, 'data')
  socket.write(Buffer.from([0x81, 0x80 | 100, 1, 2, 3, 4, 0x7a, 0x20, 0x21]))
  socket.resetAndDestroy()
  await once(socket, 'close')
}

/** Says everything wrongly that can be said, in a room with somebody who must not notice. */
export async function misbehave({ url, port }: Service, checks: Checks): Promise<void> {
  const neighbour = await TestClient.join(url, 'back room', 'neighbour')
  const lout = await TestClient.join(url, 'back room', 'lout')
  const say = (fields: object): string => JSON.stringify({ type: 'say', session: 1, id: 'x', text: 'hello', ...fields })
  const frames: readonly (readonly [frame: string, code: string])[] = [
    ['{"type":"say"', 'malformed'],
    ['null', 'malformed'],
    ['[1]', 'unknown_command'],
    ['{"type":"shout"}', 'unknown_command'],
    ['{"type":"join","room":7,"name":"x","after":0}', 'bad_field'],
    ['{"type":"join","room":"x","name":"x","after":-1}', 'bad_field'],
    [say({ text: 7 }), 'bad_field'],
    [say({ id: 'i'.repeat(limits.name + 1) }), 'bad_field'],
    [say({ text: 'a'.repeat(limits.text + 1) }), 'too_long'],
  ]
  const answers: string[] = []
  for (const [frame] of frames) answers.push(await errorFor(lout, frame))
  checks.that('frames that make no sense were answered with what is wrong', JSON.stringify(answers) === JSON.stringify(frames.map(([, code]) => code)), answers.join(', '))

  const codes = await Promise.all([closeCodeFor(url, '"'.repeat(limits.frame + 1)), closeCodeFor(url, Buffer.from([1, 2, 3]))])
  checks.that('frames too long or not of text ended their connections', JSON.stringify(codes) === '[1009,1003]', codes.join(', '))

  await vanish(port)
  lout.socket.terminate()
  const sequence = await neighbour.say('Did anybody hear anything?')
  const undisturbed = sequence === 1 && neighbour.notices.every(({ type }) => type === 'joined' || type === 'ack')
  checks.that('clients vanished in the middle of a message, and nobody in the room noticed', undisturbed, JSON.stringify(neighbour.notices))
  await neighbour.close()
}

/** More than the buffers of both ends take, so that most of it has to wait in the history. */
const FLOOD = 2_000

/** Somebody stops reading while another talks without end, then goes on. */
export async function readSlowly(url: string, checks: Checks): Promise<void> {
  const slow = await TestClient.join(url, 'long room', 'slow reader')
  const talker = await TestClient.join(url, 'long room', 'talker')
  slow.socket.pause()
  const text = 'and so on '.repeat(limits.text / 10)
  await talker.recite(Array.from({ length: FLOOD }, () => text), limits.unacknowledged / 2, () => undefined)
  const behind = FLOOD - slow.lines.length
  slow.socket.resume()
  await slow.until('it has caught up', () => slow.last >= FLOOD)
  const inOrder = slow.lines.length === FLOOD && slow.lines.every(({ sequence }, index) => sequence === index + 1)
  checks.that(`a slow reader, ${behind} lines behind, caught up without a gap and held nobody up`, behind === FLOOD && inOrder, `${slow.lines.length} lines`)
  await Promise.all([slow.close(), talker.close()])
}
