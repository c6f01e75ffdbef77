/** What runs on all schedulers while isolates end: processes that use everything that crosses from one scheduler to another. */
import { Binary, ets, Exit, genServer, isDown, monitor, receive, Registry, reply, schedulerId, self, send, sendAfter, spawnWith, TIMEOUT, trapExit, unlink } from 'viga'

const large = 'x'.repeat(20_000)
const bytes = new Uint8Array(50_000).fill(7)
const pick = (list) => list[Math.floor(Math.random() * list.length)]

export const Echo = genServer(import.meta, {
  init: () => 0,
  call: {
    echo: (n, value) => reply(value, n + 1),
  },
})

/** Every message that a busy process may get, in turn. */
const messages = [
  (n) => n,
  (n) => ({ n, text: large }),
  () => bytes,
  () => Binary.from(bytes),
  (n) => [Binary.from(bytes), { deep: [new Map([[n, Binary.from(bytes)]])] }, large],
  (n) => Object.assign(new Error('sent'), { n }),
]

/** Short-lived, linked with who started it: ends by itself, with an error, or with its scheduler. */
export function* shortLived(parent, n, _binary) {
  send(parent, { from: self(), n })
  if (n % 7 === 0) throw new Error('ends now and then')
  yield* receive({ timeout: n % 5 })
}

/** Talks with others of its kind on all schedulers, for ever. */
export function* busy(schedulers) {
  trapExit(true)
  const mates = Registry.open('mates')
  mates.register('mate', schedulerId())
  const rows = ets.whereis('rows')
  for (let n = 0; ; n++) {
    const mate = pick(mates.lookup('mate'))?.pid ?? self()
    send(mate, messages[n % messages.length](n))
    rows.insert([n % 500, n % 3 === 0 ? Binary.from(bytes) : large, self()])
    rows.lookup(n % 499)
    yield* step(n, mate, schedulers, rows)
    if (n % 8 === 7) yield* receive({ timeout: 1 })
    while ((yield* receive({ timeout: 0 })) !== TIMEOUT) yield
  }
}

function* step(n, mate, schedulers, rows) {
  const scheduler = 1 + (n % schedulers)
  switch (n % 8) {
    case 0:
      return spawnWith({ scheduler, link: true }, import.meta, shortLived, self(), n, Binary.from(bytes))
    case 1:
      return monitor(spawnWith({ scheduler }, import.meta, shortLived, self(), n, large))
    case 2:
      return yield* call(scheduler, n)
    case 3:
      return sendAfter(n % 4, mate, { n, binary: Binary.from(bytes) })
    case 4: {
      const ref = monitor(mate)
      return yield* receive((message) => isDown(message, ref), { timeout: 1 })
    }
    case 5:
      return rows.select((row) => row.element(0).lt(n % 100))
    case 6:
      return ets.create({ access: 'public', heir: { pid: mate, data: large } }).insert([1, large])
    case 7:
      return unlink(mate)
  }
}

/** A call may find its server gone, or lose it. */
function* call(scheduler, n) {
  try {
    yield* Echo.at(`echo ${scheduler}`).with({ timeout: 50 }).call.echo(n % 2 === 0 ? Binary.from(bytes) : large)
  } catch (error) {
    if (!(error instanceof Exit)) throw error
  }
}

export function* probe(to) {
  send(to, { probe: schedulerId() })
}

export function exits() {
  process.exit(5)
}

export function* throwsOutside() {
  setTimeout(() => {
    throw new Error('outside any process')
  }, 1)
  yield* receive()
}

/** In small pieces: where it runs out within one large one, Node 24 ends the whole program, and Node 26 hangs, viga or not. */
export function usesAllMemory() {
  let kept = null
  for (;;) kept = { kept }
}
