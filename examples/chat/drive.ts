/**
 * The service put to the test, by itself: 200 clients in 20 rooms recite poems to each other while their rooms are crashed, others
 * misbehave, and in the end everybody leaves. Then the books must balance.
 */
import { readFileSync } from 'node:fs'
import { Runtime, systemInfo } from './viga.js'
import { misbehave, readSlowly } from './bad-manners.js'
import { blockBytes, Books } from './books.js'
import { Checks } from './checks.js'
import { TestClient } from './clients.js'
import { History } from './history.js'
import { type Crash, crashes, type Line } from './protocol.js'
import { type Service, startService } from './service.js'
import { describe } from './status.js'

const ROOMS = 20
const MEMBERS = 10
/** Lines a client says before it waits for an acknowledgement. */
const WINDOW = 4

/** Poems of Lewis Carroll, Samuel Taylor Coleridge and Edgar Allan Poe; all in the public domain. */
const poems = readFileSync(new URL('poems.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')

interface Acknowledged {
  readonly sequence: number
  readonly text: string
  readonly author: string
}

/** A room as its members have seen it. */
interface Hall {
  readonly name: string
  readonly members: readonly TestClient[]
  readonly acknowledged: Acknowledged[]
  /** How many lines had been acknowledged when it was crashed. */
  readonly before: number[]
}

async function fill(url: string, index: number): Promise<Hall> {
  const name = `room ${index + 1}`
  const members = await Promise.all(Array.from({ length: MEMBERS }, (_, n) => TestClient.join(url, name, `reader ${n + 1}`)))
  return { name, members, acknowledged: [], before: [] }
}

/** Everybody recites every tenth line; when a third and two thirds of them are acknowledged, the room is crashed, each time otherwise. */
async function recite(hall: Hall, index: number): Promise<void> {
  const { members, acknowledged, before } = hall
  const crashAt = [1, 2].map((third) => Math.floor((poems.length * third) / 3))
  const heard = (author: string) => (sequence: number, text: string) => {
    acknowledged.push({ sequence, text, author })
    if (acknowledged.length !== crashAt[before.length]) return
    const how = crashes[(index + before.length) % crashes.length] as Crash
    before.push(acknowledged.length)
    members[index % MEMBERS]?.send({ type: 'crash', how })
  }
  await Promise.all(members.map((member, n) => member.recite(poems.filter((_, line) => line % MEMBERS === n), WINDOW, heard(member.name))))
  await Promise.all(members.map((member) => member.until('it has every line', () => member.last >= poems.length)))
}

const asText = (lines: readonly Line[]): string => JSON.stringify(lines.map(({ sequence, id, author, text }) => [sequence, id, author, text]))

/** Lines 1, 2, 3, ... and every one of them. */
function isInOrder(lines: readonly Line[]): boolean {
  return lines.length === poems.length && lines.every(({ sequence }, index) => sequence === index + 1)
}

/** Of every author, what they said, in the order they said it. */
function keepsAuthors(lines: readonly Line[], members: readonly TestClient[]): boolean {
  return members.every(({ name }, n) => {
    const said = lines.filter(({ author }) => author === name).map(({ text }) => text)
    return JSON.stringify(said) === JSON.stringify(poems.filter((_, line) => line % MEMBERS === n))
  })
}

function checkTranscripts(checks: Checks, halls: readonly Hall[]): void {
  const clients = halls.flatMap(({ members }) => members)
  const lines = clients.reduce((sum, client) => sum + client.lines.length, 0)
  checks.all(`${lines} lines received: in order, each exactly once`, clients, ({ lines }) => isInOrder(lines), ({ name, room }) => `${name} in ${room}`)
  const acknowledged = halls.reduce((sum, hall) => sum + hall.acknowledged.length, 0)
  checks.all(
    `${acknowledged} lines acknowledged, each with its place: there for every member of its room`,
    halls,
    (hall) =>
      hall.acknowledged.length === poems.length &&
      hall.members.every(({ lines }) => hall.acknowledged.every(({ sequence, text, author }) => lines[sequence - 1]?.text === text && lines[sequence - 1]?.author === author)),
    ({ name }) => name,
  )
  const before = halls.reduce((sum, hall) => sum + (hall.before.at(-1) ?? 0), 0)
  const crashed = halls.reduce((sum, hall) => sum + hall.before.length, 0)
  checks.all(`${crashed} crashes (${crashes.join(', ')}), ${before} of these lines acknowledged before the last: none lost`, halls, ({ before }) => before.length === 2, ({ name }) => name)
  checks.all(
    'every member saw its room lost, and was back in it as often',
    clients,
    ({ notices }) => {
      const [lost, joined] = (['lost', 'joined'] as const).map((type) => notices.filter((notice) => notice.type === type).length)
      // A room that crashes again while a member enters it is lost once for that member.
      return lost !== undefined && (lost === 1 || lost === 2) && joined === lost + 1
    },
    ({ name, room }) => `${name} in ${room}`,
  )
  checks.all('every author is quoted in the order they spoke', halls, ({ members }) => keepsAuthors(members[0]?.lines ?? [], members), ({ name }) => name)
}

/** Somebody comes late and gets everything from the beginning. */
async function comeLate(url: string, checks: Checks, halls: readonly Hall[]): Promise<TestClient[]> {
  const late = await Promise.all(halls.map(({ name }) => TestClient.join(url, name, 'latecomer')))
  await Promise.all(late.map((client) => client.until('it has the history', () => client.last >= poems.length)))
  const whole = halls.map(({ members }) => asText(members[0]?.lines ?? []))
  checks.all('latecomers got the whole history, in order', [...late.keys()], (n) => asText(late[n]?.lines ?? []) === whole[n], (n) => String(halls[n]?.name))
  return late
}

async function drivePeople(service: Service, checks: Checks): Promise<void> {
  const halls = await Promise.all(Array.from({ length: ROOMS }, (_, index) => fill(service.url, index)))
  const { processCount, registryEntryCount } = systemInfo()
  checks.note(`${ROOMS * MEMBERS} clients in ${registryEntryCount} rooms: ${processCount} processes`)
  await Promise.all([...halls.map(recite), misbehave(service, checks), readSlowly(service.url, checks)])
  checkTranscripts(checks, halls)
  const late = await comeLate(service.url, checks, halls)
  await Promise.all([...halls.flatMap(({ members }) => members), ...late].map((client) => client.close()))
}

/** Waves of clients after the first, at most. */
const MORE_WAVES = 5

/** All clients once more, to say a few words, see their room crash, and leave. */
async function wave(service: Service): Promise<void> {
  const halls = await Promise.all(Array.from({ length: ROOMS }, (_, index) => fill(service.url, index)))
  await Promise.all(
    halls.map(async ({ members }, index) => {
      const [first] = members
      first?.send({ type: 'crash', how: crashes[index % crashes.length] as Crash })
      await Promise.all(members.map((member) => member.recite(poems.slice(0, WINDOW), WINDOW, () => undefined)))
      await Promise.all(members.map((member) => member.until('it has every line', () => member.last >= MEMBERS * WINDOW)))
    }),
  )
  await Promise.all(halls.flatMap(({ members }) => members).map((client) => client.close()))
}

/**
 * The runtime keeps the room that its tables and mailboxes once needed, so bytes do not fall back to where they were. A leak,
 * though, would take more with every wave of clients.
 */
async function checkBytes(service: Service, checks: Checks, empty: Books): Promise<void> {
  const history = [blockBytes()]
  for (let n = 0; n < MORE_WAVES; n++) {
    await wave(service)
    await History.at('history').call.clear()
    const [balanced, differences] = await empty.balanced()
    if (!balanced) return checks.that('everything is gone after another wave of clients', false, differences)
    history.push(blockBytes())
    if (blockBytes() <= Number(history.at(-2))) break
  }
  const [before, after] = history.slice(-2) as [number, number]
  checks.that(`another ${ROOMS * MEMBERS} clients came and went: ${after} bytes in blocks, as before`, after <= before, history.join(', '))
}

async function driveService(service: Service, checks: Checks): Promise<void> {
  const empty = Books.now()
  await drivePeople(service, checks)
  const forgotten = await History.at('history').call.clear()
  checks.note(`everybody has left; ${forgotten} lines forgotten`)
  checks.that('no process, timer, monitor, name, entry or row is left of the clients and rooms', ...(await empty.balanced()))
  await checkBytes(service, checks, empty)
}

/** Drives the service, prints what was checked, and says whether all of it held. */
export async function drive(): Promise<boolean> {
  const crashed: string[] = []
  const runtime = Runtime.start({ onCrash: ({ label, reason }) => crashed.push(`${label}: ${describe(reason)}`) })
  const checks = new Checks(`viga chat on the ${runtime.engine} engine`)
  try {
    const nothing = Books.now()
    const service = await startService({ host: '127.0.0.1', port: 0, crashable: true })
    await driveService(service, checks)
    await service.stop()
    checks.that('nor of the service itself, once it has stopped', ...(await nothing.balanced()))
  } catch (error) {
    checks.that('it came to its end', false, error instanceof Error ? error.message : String(error))
  }
  const unplanned = crashed.filter((crash) => !/^room .*(on purpose|killed)$/.test(crash))
  checks.that('nothing crashed that was not told to', unplanned.length === 0, unplanned.join('; '))
  runtime.stop()
  return checks.conclude()
}
