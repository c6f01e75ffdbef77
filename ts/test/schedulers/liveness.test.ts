/** When a program on two schedulers ends: as soon as nothing can happen any more, and not before. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Project } from './project.js'

const native = process.env['VIGA_ENGINE'] !== 'pure'

const definitions = `
import { createServer } from 'node:net'
import { receive, Runtime, schedulerId, self, send, sendAfter, spawnWith } from 'viga'

function spin(milliseconds) {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
export function* waiting(to) {
  if (to !== undefined) send(to, 'up')
  yield* receive()
}
/** Answers when scheduler 1 has long gone to sleep. */
export function* echo() {
  for (;;) {
    const { from, value } = yield* receive()
    spin(3)
    send(from, value)
  }
}
export function* lateEcho() {
  for (;;) {
    const { from, value } = yield* receive()
    sendAfter(5, from, value)
  }
}
export function* says(text, milliseconds) {
  spin(milliseconds)
  console.log(text)
}
export function* hasTimer() {
  setTimeout(() => console.log('timer of Node'), 60)
  yield* receive({ timeout: 30 })
  console.log('timer of viga')
}
/** Says its port, then what each connection says; 'stop listening' and 'hang up' are orders. */
export function* listens() {
  const server = createServer((socket) =>
    socket.setEncoding('utf8').on('data', (text) => {
      console.log(text)
      if (text === 'stop listening') server.close()
      if (text === 'hang up') socket.destroy()
    }),
  )
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
  yield* receive()
}
if (schedulerId() === 1) await main((body, ...args) => spawnWith({ scheduler: 2 }, import.meta, body, ...args))
`

describe.runIf(native)('a program on two schedulers', () => {
  let project: Project
  beforeAll(async () => {
    project = await Project.withDependencies()
    process.env['VIGA_FLAGS'] = '+S 2'
  })
  afterAll(() => {
    delete process.env['VIGA_FLAGS']
    project.remove()
  })

  let programs = 0
  const write = (main: string): string =>
    project.write(`program-${++programs}.mjs`, `${definitions}\nasync function main(onTwo) {\n${main}\n}\n`)
  const linesOf = async (main: string): Promise<string[]> => (await project.run(write(main))).trimEnd().split('\n')

  test('ends when all its processes wait', async () => {
    expect(await linesOf(`for (let n = 0; n < 10; n++) onTwo(waiting)\nspawnWith({}, import.meta, waiting)\nconsole.log('begun')`)).toEqual(['begun'])
  })

  test('ends when all wait after they have talked', async () => {
    expect(await linesOf(`onTwo(waiting, self())\nconsole.log(await receive())`)).toEqual(['up'])
  })

  test('ends with code 13 when its main module waits for what nobody will send', async () => {
    await expect(linesOf(`onTwo(waiting, self())\nawait receive()\nawait receive()`)).rejects.toMatchObject({ code: 13 })
  })

  test('waits for the thread that a pinned process needs, and for the process', async () => {
    expect(await linesOf(`onTwo(says, 'done', 0)`)).toEqual(['done'])
    expect(await linesOf(`setTimeout(() => onTwo(says, 'done later', 50), 20)`)).toEqual(['done later'])
  })

  test('waits for work that the last thing it does begins, once the other thread sleeps', async () => {
    const asleep = `onTwo(waiting, self())\nawait receive()\nawait new Promise((resolve) => setTimeout(resolve, 100))\n`
    for (const begin of ['setImmediate(work)', 'setTimeout(work, 1)', 'process.nextTick(work)', "import('node:fs').then((fs) => fs.stat('.', work))"])
      expect(await linesOf(`${asleep}const work = () => onTwo(says, 'done', 30)\n${begin}`)).toEqual(['done'])
  })

  test('waits while a process of the other works', async () => {
    expect(await linesOf(`onTwo(says, 'after all', 300)`)).toEqual(['after all'])
  })

  test('waits for timers of the other', async () => {
    expect(await linesOf(`onTwo(hasTimer)`)).toEqual(['timer of viga', 'timer of Node'])
  })

  test.each(['echo', 'lateEcho'])('waits for a message on its way to the main module, from %s', async (body) => {
    const main = `
      const pid = onTwo(${body})
      for (let n = 0; n < 40; n++) {
        if (n % 4 === 1) await new Promise((resolve) => setTimeout(resolve, 1))
        if (n % 4 === 2) await new Promise((resolve) => setImmediate(resolve))
        if (n % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 20))
        send(pid, { from: self(), value: n })
        if ((await receive()) !== n) throw new Error('another answer')
      }
      console.log('all there')`
    expect(await linesOf(main)).toEqual(['all there'])
  })

  describe('with a server on the other', () => {
    let child: ChildProcess
    let heard = ''
    afterEach(() => child.kill('SIGKILL'))

    /** Starts the program; the server's port. */
    async function listen(main: string): Promise<number> {
      heard = ''
      child = spawn(process.execPath, [write(main)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, VITEST: '' } })
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (heard += text))
      return Number(await line(0))
    }

    /** Line number `place` that the program writes. */
    async function line(place: number): Promise<string> {
      while (heard.split('\n').length < place + 2) {
        if (child.stdout === null || child.exitCode !== null) throw new Error(`the program ended, after ${JSON.stringify(heard)}`)
        await once(child.stdout, 'data')
      }
      return heard.split('\n')[place] as string
    }

    test('waits until it is closed and its last connection is gone', async () => {
      const port = await listen('onTwo(listens)')
      const socket = connect(port, '127.0.0.1').setEncoding('utf8')
      socket.write('hello')
      expect(await line(1)).toBe('hello')
      socket.write('stop listening')
      expect(await line(2)).toBe('stop listening')
      socket.write('still there')
      expect(await line(3)).toBe('still there')
      const ended = once(child, 'exit')
      socket.on('error', () => undefined).write('hang up')
      expect(await ended).toEqual([0, null])
    })

    test('uses next to no time while all wait', async () => {
      // The time of all threads, once their start is over.
      const main = `
        onTwo(listens)
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        const before = process.cpuUsage()
        await new Promise((resolve) => setTimeout(resolve, 5_000))
        const { user, system } = process.cpuUsage(before)
        console.log((user + system) / 1e6 / 5)`
      await listen(main)
      const share = Number(await line(1))
      expect(share).toBeLessThan(0.005)
    })
  })
})
