import { afterEach, expect, test } from 'vitest'
import { type Coroutine, processes, receive, Runtime, self, send, sendAfter, spawn, systemInfo, trapExit } from '../src/index.js'

let running: Runtime | undefined
const start = (options?: Parameters<typeof Runtime.start>[0]): Runtime => (running = Runtime.start(options))
afterEach(() => running?.stop())

function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

test('is started once, by Runtime.start or by the first use', () => {
  const runtime = start()
  expect(runtime.engine).toBe(systemInfo().engine)
  expect(() => Runtime.start()).toThrow(/ERR_VIGA_RUNTIME_STARTED/)
})

test('that the first use started can be had, and stopped', () => {
  expect(Runtime.current).toBeUndefined()
  const pid = spawn(sleeper)
  running = Runtime.current
  expect(running?.engine).toBe(systemInfo().engine)
  running?.stop()
  expect(Runtime.current).toBeUndefined()
  start()
  expect(Runtime.current).toBe(running)
  expect(processes().some((alive) => alive.index === pid.index)).toBe(false)
})

test('a process limit or an engine that cannot be is refused', () => {
  for (const processLimit of [15, 1e9, 16.5, Number.NaN])
    expect(() => start({ processLimit })).toThrow(/processLimit is.*ERR_VIGA_BAD_ARGUMENT/)
  expect(() => start({ engine: 'steam' as never })).toThrow(/"steam".*ERR_VIGA_BAD_ARGUMENT/)
})

test('stopped, lets go of its processes, and another can be started', async () => {
  const first = start()
  for (let n = 0; n < 10; n++) spawn(sleeper)
  sendAfter(60_000, self<string>(), 'never')
  first.stop()
  first.stop()
  start()
  expect(processes()).toHaveLength(1)
  expect(systemInfo().timerCount).toBe(0)
  const me = self<string>()
  spawn(function* () {
    send(me, 'works')
  })
  expect(await receive()).toBe('works')
})

test('what is left of the processes of a stopped one may not act, in no runtime', async () => {
  const runtime = start()
  const me = self<string>()
  const gates = [0, 1].map(() => {
    let open: () => void = () => {}
    const gate = new Promise<void>((resolve) => (open = resolve))
    return { gate, open }
  })
  const codes: unknown[] = []
  const attempt = (): void => {
    try {
      trapExit(true)
      codes.push('acted')
    } catch (error) {
      codes.push((error as { code: unknown }).code)
    }
  }
  let done: () => void = () => {}
  const finished = new Promise<void>((resolve) => (done = resolve))
  spawn(async () => {
    send(me, 'up')
    await gates[0]?.gate
    attempt()
    await gates[1]?.gate
    attempt()
    done()
  })
  expect(await receive()).toBe('up')
  runtime.stop()
  gates[0]?.open()
  await new Promise<void>((resolve) => setImmediate(resolve))
  start()
  gates[1]?.open()
  await finished
  expect(codes).toEqual(['ERR_VIGA_RUNTIME_STOPPED', 'ERR_VIGA_PROCESS_ENDED'])
})

test('is disposed of with its scope', async () => {
  {
    await using runtime = Runtime.start()
    expect(runtime.engine).toBe(systemInfo().engine)
  }
  start()
})

test('an onCrash that throws is told of on stderr and harms nobody', async () => {
  start({
    onCrash: () => {
      throw new Error('bad reporter')
    },
  })
  const me = self<string>()
  spawn(function* () {
    throw new Error('crash')
  })
  spawn(function* () {
    send(me, 'fine')
  })
  expect(await receive()).toBe('fine')
})
