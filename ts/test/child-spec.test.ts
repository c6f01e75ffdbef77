import { describe, expect, test } from 'vitest'
import {
  type ChildSpec,
  type Coroutine,
  exit,
  GenServer,
  ignore,
  isAlive,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  stop,
  Supervisor,
} from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'
import { endOf, isUp, pidOf, startReason, worker, Worker } from './tree-observation.js'

freshRuntime()

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
