import { describe, expect, test } from 'vitest'
import {
  type ChildSpec,
  type Down,
  exit,
  GenServer,
  isAlive,
  isDown,
  isExit,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawn,
  spawnLink,
  stop,
  Supervisor,
  trapExit,
  whereis,
} from '../src/index.js'
import { freshRuntime } from './fresh-runtime.js'
import { endOf, events, failure, isUp, pidOf, silence, startReason, worker, Worker } from './tree-observation.js'

freshRuntime()

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
