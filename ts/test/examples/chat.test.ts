import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestClient } from '../../../examples/chat/clients.js'
import { History } from '../../../examples/chat/history.js'
import { type Crash, crashes, limits, type Notice, parseCommand } from '../../../examples/chat/protocol.js'
import { type Service, startService } from '../../../examples/chat/service.js'
import type { Snapshot } from '../../../examples/chat/status.js'
import { listenFailure } from '../../../examples/chat/web.js'
import { type Down, exit, isDown, monitor, type Pid, processes, processInfo, receive, samePid, StartError, systemInfo, whereis } from '../../src/index.js'
import { freshRuntime } from '../fresh-runtime.js'

const crashed = freshRuntime()
let service: Service

beforeEach(async () => {
  service = await startService({ host: '127.0.0.1', port: 0, crashable: true })
})

afterEach(async () => {
  await service.stop()
})

const texts = (client: TestClient): string[] => client.lines.map(({ text }) => text)
const types = (client: TestClient): string[] => client.notices.map(({ type }) => type)
const errors = (client: TestClient) => client.notices.filter((notice): notice is Extract<Notice, { type: 'error' }> => notice.type === 'error')

async function ended(pid: Pid): Promise<unknown> {
  const ref = monitor(pid)
  return (await receive((message): message is Down => isDown(message, ref))).reason
}

function named(name: string): Pid<unknown> {
  const pid = whereis<unknown>(name)
  if (pid === undefined) throw new Error(`no process is named ${name}`)
  return pid
}

function labelled(label: string): Pid<unknown> {
  const found = processes().find((pid) => processInfo(pid)?.label === label)
  if (found === undefined) throw new Error(`no process is labelled ${label}`)
  return found
}

async function status(): Promise<Snapshot> {
  return (await (await fetch(`${service.url}status`)).json()) as Snapshot
}

describe('a room', () => {
  test('passes each line on to everybody in it, numbered, and acknowledges it', async () => {
    const [ada, grace] = await Promise.all([TestClient.join(service.url, 'lobby', 'Ada'), TestClient.join(service.url, 'lobby', 'Grace')])
    const elsewhere = await TestClient.join(service.url, 'attic', 'Robert')
    expect(await ada.say('Hello.')).toBe(1)
    expect(await grace.say('Hello, Ada.')).toBe(2)
    for (const client of [ada, grace]) await client.until('it has both lines', () => client.last === 2)
    expect(ada.lines).toEqual(grace.lines)
    expect(ada.lines.map(({ sequence, author, text }) => [sequence, author, text])).toEqual([[1, 'Ada', 'Hello.'], [2, 'Grace', 'Hello, Ada.']])
    expect([elsewhere.last, types(elsewhere)]).toEqual([0, ['joined']])
  })

  test('gives its history to those who come later, from where they ask', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    for (const text of ['one', 'two', 'three']) await ada.say(text)
    const late = await TestClient.join(service.url, 'lobby', 'Late')
    await late.until('it has the history', () => late.last === 3)
    expect(texts(late)).toEqual(['one', 'two', 'three'])
    late.send({ type: 'join', room: 'lobby', name: 'Late', after: 2 })
    await late.until('it has the last line again', () => late.lines.length === 4)
    expect(texts(late)).toEqual(['one', 'two', 'three', 'three'])
  })

  test.each(crashes)('comes back after a crash (%s) with its members and its history', async (how: Crash) => {
    const [ada, grace] = await Promise.all([TestClient.join(service.url, 'lobby', 'Ada'), TestClient.join(service.url, 'lobby', 'Grace')])
    await ada.say('before')
    ada.send({ type: 'crash', how })
    for (const client of [ada, grace]) await client.until('it is back', () => types(client).filter((type) => type === 'joined').length === 2)
    expect(await grace.say('after')).toBe(2)
    await ada.until('it has heard', () => ada.last === 2)
    const late = await TestClient.join(service.url, 'lobby', 'Late')
    await late.until('it has the history', () => late.last === 2)
    for (const client of [ada, grace, late]) expect(texts(client)).toEqual(['before', 'after'])
    expect(types(grace)).toEqual(['joined', 'lost', 'joined', 'ack'])
    expect(crashed.map(({ label }) => label)).toEqual(how === 'throw' ? ['room lobby'] : [])
    const { rooms, restarts } = await status()
    expect(rooms).toMatchObject([{ name: 'lobby', members: 3, sequence: 2 }])
    expect(restarts).toBe(how === 'stop' ? 0 : 1)
  })

  test('writes a line once, however often it is said', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    const say = (session: number): void => ada.send({ type: 'say', session, id: 'the same', text: 'again and again' })
    const acks = (): number => types(ada).filter((type) => type === 'ack').length
    say(1)
    say(1)
    await ada.until('both are acknowledged', () => acks() === 2)
    ada.send({ type: 'crash', how: 'kill' })
    await ada.until('it is back', () => types(ada).includes('lost') && types(ada).at(-1) === 'joined')
    say(1)
    say(2)
    await ada.until('it is acknowledged', () => acks() === 3)
    expect(ada.notices.filter(({ type }) => type === 'ack')).toEqual(Array.from({ length: 3 }, () => ({ type: 'ack', id: 'the same', sequence: 1 })))
    expect(texts(ada)).toEqual(['again and again'])
  })

  test('loses nothing of what many say while it crashes', async () => {
    const speakers = await Promise.all(['Ada', 'Grace', 'Robert'].map((name) => TestClient.join(service.url, 'lobby', name)))
    const said: [sequence: number, text: string][] = []
    const lines = (name: string): string[] => Array.from({ length: 60 }, (_, n) => `${name} ${n}`)
    await Promise.all(
      speakers.map((speaker, n) =>
        speaker.recite(lines(speaker.name), 8, (sequence, text) => {
          said.push([sequence, text])
          if (said.length % 40 === 0) speakers[n]?.send({ type: 'crash', how: crashes[(said.length / 40) % 3] as Crash })
        }),
      ),
    )
    for (const speaker of speakers) {
      await speaker.until('it has every line', () => speaker.last === 180)
      expect(speaker.lines.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 180 }, (_, n) => n + 1))
      expect(speaker.lines.map(({ sequence, text }) => [sequence, text])).toEqual(said.toSorted(([a], [b]) => a - b))
      for (const { name } of speakers) expect(speaker.lines.filter(({ author }) => author === name).map(({ text }) => text)).toEqual(lines(name))
    }
  })

  test('closes when nobody has been in it for a while, and is opened again for whoever comes', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    await ada.say('I am off.')
    const room = labelled('room lobby')
    ada.send({ type: 'leave' })
    expect(await ended(room)).toBe('normal')
    expect(systemInfo().registryEntryCount).toBe(0)
    const grace = await TestClient.join(service.url, 'lobby', 'Grace')
    await grace.until('it has the history', () => grace.last === 1)
    expect(texts(grace)).toEqual(['I am off.'])
  })
})

describe('a client', () => {
  test.each<[frame: string, code: string]>([
    ['{', 'malformed'],
    ['7', 'malformed'],
    ['{"type":"constructor"}', 'unknown_command'],
    ['{"type":"join","room":"","name":"Ada","after":0}', 'bad_field'],
    ['{"type":"crash","how":"softly"}', 'bad_field'],
    ['{"type":"say","session":1,"id":"1","text":"  "}', 'bad_field'],
    [JSON.stringify({ type: 'say', session: 1, id: '1', text: 'x'.repeat(limits.text + 1) }), 'too_long'],
  ])('that sends %.60s is told what is wrong', async (frame, code) => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    ada.socket.send(frame)
    await ada.until('it is told', () => errors(ada).length === 1)
    expect(errors(ada)[0]?.code).toBe(code)
    expect(parseCommand(frame)).toMatchObject({ refused: { code } })
    expect(await ada.say('And still here.')).toBe(1)
  })

  test('is told when it is in no room', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    ada.send({ type: 'leave' })
    await expect(ada.say('Anybody?')).rejects.toThrow('join a room first')
  })

  test('that never makes sense is asked to leave', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    for (let n = 0; n < 20; n++) ada.socket.send('nonsense')
    await ada.until('it is closed', () => ada.isClosed)
    expect(errors(ada)).toHaveLength(20)
  })

  test('goes on after the last line it got when its own process is killed', async () => {
    const [ada, grace] = await Promise.all([TestClient.join(service.url, 'lobby', 'Ada'), TestClient.join(service.url, 'lobby', 'Grace')])
    await ada.say('one')
    await grace.until('it has heard', () => grace.last === 1)
    exit(labelled('Grace in lobby'), 'kill')
    await grace.until('its socket is closed', () => grace.isClosed)
    await ada.say('two')
    expect(texts(grace)).toEqual(['one'])
    await grace.reconnect(service.url)
    await grace.until('it has what it missed', () => grace.last === 2)
    expect(texts(grace)).toEqual(['one', 'two'])
  })
})

describe('the service', () => {
  test('serves the page, and nothing else', async () => {
    const page = await fetch(service.url)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await page.text()).toContain('viga')
    const answers = await Promise.all(['main.ts', '../package.json', '__proto__'].map(async (path) => (await fetch(`${service.url}${path}`)).status))
    expect(answers).toEqual([404, 404, 404])
  })

  test('is back as a whole when its foundation gives way', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    await ada.say('Lost, with the history.')
    const [history, web] = [named('history'), named('web')]
    exit(history, 'kill')
    expect(await ended(web)).toBe('shutdown')
    await ada.until('it is closed', () => ada.isClosed)
    await vi.waitFor(() => named('web'))
    expect(await History.at('history').call.clear()).toBe(0)
    expect(samePid(named('history'), history)).toBe(false)
  })

  test('stops in reverse order and leaves nothing', async () => {
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    await ada.say('What is this bell?')
    const ends: string[] = []
    const refs = ['chat', 'status', 'history', 'room-supervisor', 'connection-supervisor', 'web'].map((name) => monitor(name))
    await service.stop()
    for (const _ of refs) ends.push(String((await receive((message): message is Down => isDown(message))).name))
    expect(ends).toEqual(['web', 'connection-supervisor', 'room-supervisor', 'history', 'status', 'chat'])
    expect(systemInfo()).toMatchObject({ processCount: 1, timerCount: 0, nameCount: 0, tableCount: 0, registryEntryCount: 0, monitorCount: 0 })
    await ada.until('it is closed', () => ada.isClosed)
    service = await startService({ host: '127.0.0.1', port: 0, crashable: true })
  })

  test('says which port it could not have', async () => {
    await service.stop()
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as AddressInfo
    const failure: unknown = await startService({ host: '127.0.0.1', port, crashable: false }).catch((error: unknown) => error)
    squatter.close()
    expect(failure).toBeInstanceOf(StartError)
    expect(failure instanceof StartError && listenFailure(failure.reason)).toEqual(['listen', 'EADDRINUSE', port])
    expect(systemInfo().processCount).toBe(1)
    service = await startService({ host: '127.0.0.1', port, crashable: false })
    const ada = await TestClient.join(service.url, 'lobby', 'Ada')
    ada.send({ type: 'crash', how: 'throw' })
    await ada.until('it is told that it may not', () => errors(ada).length === 1)
    expect(errors(ada)[0]?.code).toBe('forbidden')
  })
})
