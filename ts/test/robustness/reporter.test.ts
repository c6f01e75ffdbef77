import { afterEach, expect, test } from 'vitest'
import { exit, monitor, type Pid, receive, Runtime, self, send, spawn } from '../../src/index.js'
import { endOf } from '../server-observation.js'
import { hostileThrown } from './hostile-thrown.js'

let running: Runtime | undefined
afterEach(() => running?.stop())

test.each(hostileThrown)('a reporter that throws %s harms nobody', async (_what, make) => {
  running = Runtime.start({
    onCrash: () => {
      throw make()
    },
  })
  for (const body of [
    function* () {
      yield* receive()
      throw new Error('crash')
    },
    async () => {
      await receive()
      throw new Error('crash')
    },
  ]) {
    const pid = spawn(body) as Pid<string>
    expect((await endOf(pid, () => send(pid, 'go'))).reason).toMatchObject({ error: { message: 'crash' } })
  }
})

test('a reporter may send, but not act in the place of the process that has ended', async () => {
  const codes: unknown[] = []
  running = Runtime.start({
    onCrash: ({ pid, reason }) => {
      send(log, { pid, reason })
      for (const act of [() => exit(pid, 'another reason'), () => spawn(() => undefined), () => monitor(log)])
        try {
          act()
        } catch (error) {
          codes.push((error as { code: unknown }).code)
        }
    },
  })
  const root = self<unknown>()
  const log = spawn<unknown>(function* () {
    for (;;) send(root, yield* receive())
  })
  const pid = spawn(function* () {
    exit('told of')
  })
  expect(await receive()).toEqual({ pid, reason: 'told of' })
  expect(codes).toEqual(['ERR_VIGA_PROCESS_ENDED', 'ERR_VIGA_PROCESS_ENDED', 'ERR_VIGA_PROCESS_ENDED'])
})

test.each(['a generator', 'an async function'])('a reporter may stop the runtime while told of %s', async (kind) => {
  let stopped: () => void = () => undefined
  const over = new Promise<void>((resolve) => (stopped = resolve))
  const runtime = Runtime.start({
    onCrash: () => {
      runtime.stop()
      stopped()
    },
  })
  spawn(function* () {
    yield* receive()
  })
  if (kind === 'a generator') spawn(function* () { exit('the last') })
  else spawn(async () => exit('the last'))
  await over
  running = Runtime.start()
  const pid = spawn(function* () {
    yield* receive()
    exit('of the next')
  }) as Pid<string>
  expect((await endOf(pid, () => send(pid, 'go'))).reason).toBe('of the next')
})
