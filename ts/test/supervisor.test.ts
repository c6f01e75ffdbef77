import { describe, expect, test } from 'vitest'
import {
  type ChildSpec,
  type Coroutine,
  type Down,
  exit,
  genServer,
  GenServer,
  ignore,
  isAlive,
  isDown,
  isExit,
  monitor,
  type Pid,
  receive,
  reply,
  self,
  send,
  spawn,
  spawnLink,
  type StartError,
  stop,
  Supervisor,
  type SupervisorHandle,
  TIMEOUT,
  trapExit,
  VigaError,
  whereis,
} from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'

freshRuntime()

interface Started {
  readonly up: string
  readonly pid: Pid<unknown>
}

/** A server that tells `observer` when it starts and, with `trap`, when it stops. */
const Worker = genServer({
  init: (name: string, observer: Pid<unknown>, trap: boolean = true) => {
    if (trap) trapExit(true)
    send(observer, { up: name, pid: self() })
    return { name, observer }
  },
  call: { name: (state) => reply(state.name, state) },
  cast: { end: (state, reason: unknown) => stop(reason, state) },
  terminate: ({ name, observer }) => send(observer, { down: name }),
})

function worker(id: string, overrides: Partial<ChildSpec> = {}): ChildSpec {
  return { ...Worker.child(id, self(), true, { id }), ...overrides }
}

const isUp = (message: unknown): message is Started => typeof message === 'object' && message !== null && 'up' in message

/** The next `count` events, in order: `+a -b`. */
async function events(count: number): Promise<string> {
  const seen: string[] = []
  for (let i = 0; i < count; i++) {
    const message = await receive<{ up: string } | { down: string }>(
      (m) => isUp(m) || (typeof m === 'object' && m !== null && 'down' in m),
    )
    seen.push('up' in message ? `+${message.up}` : `-${message.down}`)
  }
  return seen.join(' ')
}

async function silence(): Promise<void> {
  expect(await receive({ timeout: 0 })).toBe(TIMEOUT)
}

async function endOf(pid: Pid, act: () => unknown = () => undefined): Promise<unknown> {
  const ref = monitor(pid)
  act()
  return (await receive((message): message is Down => isDown(message, ref))).reason
}

async function pidOf(tree: SupervisorHandle, id: string): Promise<Pid<unknown>> {
  const child = (await tree.whichChildren()).find((each) => each.id === id)
  return child?.pid as Pid<unknown>
}

async function failure(operation: PromiseLike<unknown>): Promise<StartError | VigaError> {
  try {
    await operation
  } catch (error) {
    if (error instanceof VigaError) return error
    throw error
  }
  throw new Error('it did not fail')
}

const startReason = async (operation: PromiseLike<unknown>): Promise<unknown> =>
  ((await failure(operation)) as StartError).reason

describe('start and stop', () => {
  test('children start in order and stop in reverse order', async () => {
    const tree = await Supervisor.start([worker('a'), worker('b'), worker('c')])
    expect(await events(3)).toBe('+a +b +c')
    await tree.stop()
    expect(await events(3)).toBe('-c -b -a')
  })

  test('a start that fails undoes those before it, in reverse', async () => {
    const broken: ChildSpec = { id: 'broken', start: () => GenServer.startLink({ init: () => stop('no luck') }, []) }
    const reason = await startReason(Supervisor.start([worker('a'), worker('b'), broken, worker('never')]))
    expect(reason).toEqual(['shutdown', ['failed_to_start_child', 'broken', 'no luck']])
    expect(await events(4)).toBe('+a +b -b -a')
    await silence()
  })

  test('the exit of the parent stops it, and its children with it', async () => {
    const specs = [worker('a'), worker('b')]
    const root = self()
    const parent = spawn(function* () {
      const tree = yield* Supervisor.startLink(specs)
      send(root, { tree: tree.pid })
      yield* receive()
    })
    expect(await events(2)).toBe('+a +b')
    const { tree } = await receive<{ tree: Pid }>()
    expect(await endOf(tree, () => exit(parent, 'shutdown'))).toBe('shutdown')
    expect(await events(2)).toBe('-b -a')
  })

  test('may be named, and is disposed of', async () => {
    const pid = await (async () => {
      await using tree = await Supervisor.start([worker('a')], { name: 'tree' })
      expect(whereis('tree')).toEqual(tree.pid)
      expect(await Supervisor.at('tree').countChildren()).toEqual({ specs: 1, active: 1, workers: 1, supervisors: 0 })
      return tree.pid
    })()
    expect(isAlive(pid)).toBe(false)
    expect(await events(2)).toBe('+a -a')
  })

  test('supervisors nest, and each stops its own', async () => {
    const inner = Supervisor.child([worker('b'), worker('c')], { strategy: 'one_for_all' }, { id: 'inner' })
    const tree = await Supervisor.start([worker('a'), inner, worker('d')])
    expect(await events(4)).toBe('+a +b +c +d')
    expect(await tree.countChildren()).toEqual({ specs: 3, active: 3, workers: 2, supervisors: 1 })
    const inside = Supervisor.at(await pidOf(tree, 'inner'))
    exit(await pidOf(inside, 'b'), 'kill')
    expect(await events(3)).toBe('-c +b +c')
    await tree.stop()
    expect(await events(4)).toBe('-d -c -b -a')
  })

  test('a child that does not stop in time is killed; brutal_kill does not ask', async () => {
    const root = self()
    const stubborn = (id: string, shutdown: ChildSpec['shutdown']): ChildSpec => ({
      id,
      ...(shutdown === undefined ? {} : { shutdown }),
      start: () =>
        spawnLink(function* () {
          trapExit(true)
          for (;;) send(root, { seen: id, message: yield* receive() })
        }),
    })
    const tree = await Supervisor.start([stubborn('slow', 1), stubborn('brutal', 'brutal_kill')])
    const [slow, brutal] = [await pidOf(tree, 'slow'), await pidOf(tree, 'brutal')]
    const slowRef = monitor(slow)
    const brutalRef = monitor(brutal)
    await tree.stop()
    expect((await receive((m): m is Down => isDown(m, slowRef))).reason).toBe('killed')
    expect((await receive((m): m is Down => isDown(m, brutalRef))).reason).toBe('killed')
    expect(await receive()).toMatchObject({ seen: 'slow', message: { type: 'EXIT', reason: 'shutdown' } })
    await silence()
  })

  test('an infinite shutdown waits', async () => {
    const root = self()
    const spec: ChildSpec = {
      id: 'patient',
      shutdown: 'infinity',
      start: () =>
        spawnLink(function* () {
          trapExit(true)
          yield* receive((message) => isExit(message))
          send(root, 'stopping')
          yield* receive((message) => message === 'now')
        }),
    }
    const tree = await Supervisor.start([spec])
    const child = await pidOf(tree, 'patient')
    const ref = monitor(tree.pid)
    spawn(function* () {
      yield* tree.stop()
    })
    expect(await receive()).toBe('stopping')
    expect(isAlive(tree.pid)).toBe(true)
    send(child, 'now')
    expect((await receive((m): m is Down => isDown(m, ref))).reason).toBe('normal')
  })
})

describe('restart', () => {
  test('one_for_one: the child alone, under a new pid', async () => {
    const tree = await Supervisor.start([worker('a'), worker('b')])
    expect(await events(2)).toBe('+a +b')
    const [a, b] = [await pidOf(tree, 'a'), await pidOf(tree, 'b')]
    exit(a, 'kill')
    expect(await events(1)).toBe('+a')
    expect(await pidOf(tree, 'b')).toEqual(b)
    const again = await pidOf(tree, 'a')
    expect(again).not.toEqual(a)
    expect(await Worker.at(again).call.name()).toBe('a')
    await silence()
  })

  test('rest_for_one: those after it are stopped in reverse and started in order', async () => {
    const tree = await Supervisor.start([worker('a'), worker('b'), worker('c'), worker('d')], { strategy: 'rest_for_one' })
    expect(await events(4)).toBe('+a +b +c +d')
    exit(await pidOf(tree, 'b'), 'kill')
    expect(await events(5)).toBe('-d -c +b +c +d')
    await silence()
  })

  test('one_for_all: all others', async () => {
    const specs = [worker('a'), worker('b'), worker('t', { restart: 'temporary' }), worker('c')]
    const tree = await Supervisor.start(specs, { strategy: 'one_for_all' })
    expect(await events(4)).toBe('+a +b +t +c')
    exit(await pidOf(tree, 'b'), 'kill')
    expect(await events(6)).toBe('-c -t -a +a +b +c')
    expect((await tree.whichChildren()).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    await silence()
  })

  test('permanent, transient and temporary children', async () => {
    const specs = [worker('p'), worker('t', { restart: 'transient' }), worker('x', { restart: 'temporary' })]
    const tree = await Supervisor.start(specs, { maxRestarts: 10 })
    expect(await events(3)).toBe('+p +t +x')
    Worker.at(await pidOf(tree, 'p')).cast.end('normal')
    expect(await events(2)).toBe('-p +p')
    Worker.at(await pidOf(tree, 't')).cast.end('crash')
    expect(await events(2)).toBe('-t +t')
    Worker.at(await pidOf(tree, 't')).cast.end(['shutdown', 'done'])
    expect(await events(1)).toBe('-t')
    Worker.at(await pidOf(tree, 'x')).cast.end('crash')
    expect(await events(1)).toBe('-x')
    const left = await tree.whichChildren()
    expect(left.map(({ id, pid }) => [id, pid !== undefined])).toEqual([
      ['p', true],
      ['t', false],
    ])
    expect(await tree.countChildren()).toEqual({ specs: 2, active: 1, workers: 2, supervisors: 0 })
  })

  test('more than maxRestarts in maxSeconds ends it with shutdown, its children first', async () => {
    const tree = await Supervisor.start([worker('a'), worker('b')], { maxRestarts: 2, maxSeconds: 60 })
    expect(await events(2)).toBe('+a +b')
    const ref = monitor(tree.pid)
    for (let i = 0; i < 2; i++) {
      exit(await pidOf(tree, 'a'), 'kill')
      expect(await events(1)).toBe('+a')
    }
    exit(await pidOf(tree, 'a'), 'kill')
    expect((await receive((m): m is Down => isDown(m, ref))).reason).toBe('shutdown')
    expect(await events(1)).toBe('-b')
    await silence()
  })

  test('a restart that fails is tried again, and counts', async () => {
    let fails = 0
    const flaky: ChildSpec = {
      id: 'flaky',
      start: () => {
        if (fails > 0) {
          fails--
          throw new Error('not yet')
        }
        return Worker.startLink('flaky', root, true)
      },
    }
    const root = self()
    const tree = await Supervisor.start([flaky], { maxRestarts: 3, maxSeconds: 60 })
    expect(await events(1)).toBe('+flaky')
    fails = 2
    exit(await pidOf(tree, 'flaky'), 'kill')
    expect(await events(1)).toBe('+flaky')
    fails = 1
    const reason = await endOf(tree.pid, () => void pidOf(tree, 'flaky').then((pid) => exit(pid, 'kill')))
    expect(reason).toBe('shutdown')
  })

  test('a restart that fails under one_for_all is tried again from the start', async () => {
    const root = self()
    let failing = false
    const flaky: ChildSpec = {
      id: 'flaky',
      start: () => {
        if (failing) {
          failing = false
          return 'nonsense' as unknown as Pid
        }
        return Worker.startLink('flaky', root, true)
      },
    }
    const tree = await Supervisor.start([worker('a'), flaky, worker('c')], { strategy: 'one_for_all' })
    expect(await events(3)).toBe('+a +flaky +c')
    failing = true
    exit(await pidOf(tree, 'c'), 'kill')
    expect(await events(7)).toBe('-flaky -a +a -a +a +flaky +c')
  })

  test('a thousand restarts leave one child', async () => {
    const tree = await Supervisor.start([Worker.child('a', self(), false, { id: 'a' })], {
      maxRestarts: 1_000,
      maxSeconds: 3_600,
    })
    for (let i = 0; i < 1_000; i++) exit((await receive(isUp)).pid, 'kill')
    const last = await receive(isUp)
    expect(await tree.whichChildren()).toEqual([{ id: 'a', pid: last.pid, type: 'worker' }])
  })
})

describe('significant children', () => {
  const significant = (id: string): ChildSpec => worker(id, { restart: 'transient', significant: true })

  test('any_significant: the first orderly end ends the supervisor with shutdown', async () => {
    const tree = await Supervisor.start([worker('a'), significant('s'), significant('t')], { autoShutdown: 'any_significant' })
    expect(await events(3)).toBe('+a +s +t')
    const child = await pidOf(tree, 's')
    expect(await endOf(tree.pid, () => Worker.at(child).cast.end('normal'))).toBe('shutdown')
    expect(await events(3)).toBe('-s -t -a')
  })

  test('all_significant: the last one does', async () => {
    const tree = await Supervisor.start([significant('s'), significant('t')], { autoShutdown: 'all_significant' })
    expect(await events(2)).toBe('+s +t')
    Worker.at(await pidOf(tree, 's')).cast.end('normal')
    expect(await events(1)).toBe('-s')
    const last = await pidOf(tree, 't')
    expect(await endOf(tree.pid, () => Worker.at(last).cast.end('normal'))).toBe('shutdown')
  })

  test('do not go with never, nor with permanent', async () => {
    expect(() => Supervisor.start([significant('s')])).toThrow(/child s is significant.*ERR_VIGA_BAD_CHILD_SPEC/)
    expect(() => Supervisor.start([worker('a', { significant: true })], { autoShutdown: 'any_significant' })).toThrow(
      /significant and permanent.*ERR_VIGA_BAD_CHILD_SPEC/,
    )
    const tree = await Supervisor.start([])
    expect((await failure(tree.startChild(significant('s')))).code).toBe('ERR_VIGA_BAD_CHILD_SPEC')
  })
})

describe('a running tree', () => {
  test('children are added, terminated, restarted and deleted', async () => {
    const tree = await Supervisor.start([worker('a')])
    const added = await tree.startChild(worker('b'))
    expect(await events(2)).toBe('+a +b')
    expect(await tree.whichChildren()).toMatchObject([
      { id: 'a', type: 'worker' },
      { id: 'b', pid: added, type: 'worker' },
    ])
    await tree.terminateChild('b')
    expect(await events(1)).toBe('-b')
    await tree.terminateChild('b')
    expect((await tree.whichChildren())[1]).toEqual({ id: 'b', pid: undefined, type: 'worker' })
    const again = await tree.restartChild('b')
    expect(await events(1)).toBe('+b')
    expect(again).toEqual(await pidOf(tree, 'b'))
    await tree.terminateChild('b')
    await tree.deleteChild('b')
    expect(await tree.countChildren()).toEqual({ specs: 1, active: 1, workers: 1, supervisors: 0 })
  })

  test('says what is wrong', async () => {
    const tree = await Supervisor.start([worker('a'), worker('x', { restart: 'temporary' })])
    expect(await startReason(tree.startChild(worker('a')))).toEqual(['already_started', await pidOf(tree, 'a')])
    expect((await failure(tree.restartChild('a'))).message).toMatch(/child a is running.*ERR_VIGA_CHILD_STATE/)
    expect((await failure(tree.deleteChild('a'))).message).toMatch(/child a is running.*ERR_VIGA_CHILD_STATE/)
    for (const operation of [tree.terminateChild('z'), tree.restartChild('z'), tree.deleteChild('z')])
      expect((await failure(operation)).message).toMatch(/no child z; it has a, x.*ERR_VIGA_NO_SUCH_CHILD/)
    await tree.terminateChild('a')
    expect(await startReason(tree.startChild(worker('a')))).toBe('already_present')
    await tree.terminateChild('x')
    expect((await failure(tree.restartChild('x'))).code).toBe('ERR_VIGA_NO_SUCH_CHILD')
    const failing: ChildSpec = { id: 'f', start: () => exit('will not') }
    expect(await startReason(tree.startChild(failing))).toBe('will not')
    expect((await failure(tree.deleteChild('f'))).code).toBe('ERR_VIGA_NO_SUCH_CHILD')
  })

  test('answers to a supervisor alone', async () => {
    const server = await Worker.start('w', self())
    await expect(Supervisor.at(server.pid).countChildren()).rejects.toMatchObject({
      reason: [{ error: { code: 'ERR_VIGA_BAD_ARGUMENT' } }, {}],
    })
    const tree = await Supervisor.start([])
    await GenServer.call(tree.pid, 'hello')
    send(tree.pid, 'hello')
    expect(await tree.countChildren()).toMatchObject({ specs: 0 })
  })
})

describe('start functions', () => {
  const only = (start: () => unknown, more: Partial<ChildSpec> = {}): ReturnType<typeof Supervisor.start> =>
    Supervisor.start([{ id: 'c', start: start as ChildSpec['start'], ...more }])
  const failed = (reason: unknown): unknown => ['shutdown', ['failed_to_start_child', 'c', reason]]

  test('may give a pid, a handle, an operation, a promise, or ignore', async () => {
    const root = self()
    const body = function* (): Coroutine<void> {
      yield* receive()
    }
    const starts: (() => unknown)[] = [
      () => spawnLink(body),
      () => ({ pid: spawnLink(body) }),
      () => Worker.startLink('w', root),
      async () => {
        await undefined
        return await Worker.startLink('w', root)
      },
      async () => {
        await undefined
        return spawnLink(body)
      },
    ]
    for (const start of starts) {
      const tree = await only(start)
      const child = await pidOf(tree, 'c')
      expect(isAlive(child)).toBe(true)
      expect(await endOf(child, () => tree.stop().then(() => undefined))).toBe('shutdown')
    }
    const ignoring = [() => ignore(), () => GenServer.startLink({ init: () => ignore() }, [])]
    for (const start of ignoring) {
      const tree = await only(start)
      expect(await tree.whichChildren()).toEqual([{ id: 'c', pid: undefined, type: 'worker' }])
    }
  })

  test('may throw, reject, exit and give nonsense', async () => {
    const raise = (): never => {
      throw new Error('cannot')
    }
    expect(await startReason(only(raise))).toMatchObject(failed({ error: { message: 'cannot' } }) as object)
    expect(await startReason(only(async () => raise()))).toMatchObject(failed({ error: { message: 'cannot' } }) as object)
    expect(await startReason(only(() => exit('left')))).toEqual(failed('left'))
    expect(await startReason(only(() => undefined))).toEqual(failed(['bad_return_value', undefined]))
    expect(await startReason(only(() => ({ pid: 7 })))).toEqual(failed(['bad_return_value', { pid: 7 }]))
    expect(await startReason(only(async () => 'child'))).toEqual(failed(['bad_return_value', 'child']))
  })

  test('may hang: startTimeout ends them, and what they start late', async () => {
    const hanging = {
      *init() {
        yield* receive()
        return stop('never')
      },
    }
    expect(await startReason(only(() => GenServer.startLink(hanging, []), { startTimeout: 1 }))).toEqual(failed('timeout'))
    expect(await startReason(only(() => new Promise(() => undefined), { startTimeout: 1 }))).toEqual(failed('timeout'))
    let late: ((pid: Pid) => void) | undefined
    const tree = await Supervisor.start([])
    const slow = new Promise<Pid>((resolve) => {
      late = resolve
    })
    expect(await startReason(tree.startChild({ id: 'late', start: () => slow, startTimeout: 1 }))).toBe('timeout')
    const pid = spawn(function* () {
      yield* receive()
    })
    expect(await endOf(pid, () => late?.(pid))).toBe('killed')
  })

  test('a child that dies during its start fails it with its reason', async () => {
    const dying = { init: (): never => exit('died at birth') }
    expect(await startReason(only(() => GenServer.startLink(dying, [])))).toEqual(failed('died at birth'))
  })

  test('a child that dies just after its start is restarted', async () => {
    const root = self()
    let births = 0
    const tree = await only(() =>
      spawnLink(function* () {
        if (births++ === 0) exit('at once')
        send(root, 'alive')
        yield* receive()
      }),
    )
    expect(await receive()).toBe('alive')
    expect(isAlive(await pidOf(tree, 'c'))).toBe(true)
  })

  test('a child started without a link is supervised all the same', async () => {
    const root = self()
    const tree = await only(() =>
      spawn(function* () {
        send(root, { up: 'c', pid: self() })
        yield* receive()
      }),
    )
    exit((await receive(isUp)).pid, 'kill')
    expect((await receive(isUp)).pid).toEqual(await pidOf(tree, 'c'))
  })
})

describe('bad specifications', () => {
  const bad: readonly [unknown, RegExp][] = [
    [7, /child at 0: the child specification is 7/],
    [{ start: () => 1 }, /id is undefined/],
    [{ id: {}, start: () => 1 }, /id is an object/],
    [{ id: 'a' }, /start of child a is undefined/],
    [{ id: 'a', start: () => 1, restart: 'always' }, /restart of child a is "always"; permanent, transient and temporary/],
    [{ id: 'a', start: () => 1, shutdown: -1 }, /shutdown of child a is -1/],
    [{ id: 'a', start: () => 1, shutdown: 'kill' }, /shutdown of child a is "kill"/],
    [{ id: 'a', start: () => 1, type: 'manager' }, /type of child a is "manager"/],
    [{ id: 'a', start: () => 1, significant: 1 }, /significant of child a is 1/],
    [{ id: 'a', start: () => 1, startTimeout: NaN }, /startTimeout of child a is NaN/],
    [{ id: 'a', start: () => 1, restarts: 3 }, /child a has "restarts"/],
  ]
  test.each(bad)('%j', async (spec, message) => {
    const start = (): unknown => Supervisor.start([spec as ChildSpec])
    expect(start).toThrow(message)
    expect(start).toThrow(/ERR_VIGA_BAD_CHILD_SPEC/)
  })

  test('lists and options', () => {
    expect(() => Supervisor.start(7 as unknown as ChildSpec[])).toThrow(/the children are 7.*ERR_VIGA_BAD_CHILD_SPEC/)
    expect(() => Supervisor.start([worker('a'), worker('a')])).toThrow(/two children have the id a.*ERR_VIGA_BAD_CHILD_SPEC/)
    expect(() => Supervisor.start([], { strategy: 'all' as 'one_for_all' })).toThrow(/strategy is all.*ERR_VIGA_BAD_ARGUMENT/)
    expect(() => Supervisor.start([], { autoShutdown: 'yes' as 'never' })).toThrow(/autoShutdown is yes/)
    expect(() => Supervisor.start([], { maxRestarts: -1 })).toThrow(/maxRestarts is -1/)
    expect(() => Supervisor.start([], { maxSeconds: 0 })).toThrow(/maxSeconds is 0/)
  })
})
