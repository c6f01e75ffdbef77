import { describe, expect, test } from 'vitest'
import {
  type Coroutine,
  exit,
  isAlive,
  isDown,
  link,
  memory,
  monitor,
  processes,
  processInfo,
  receive,
  register,
  self,
  send,
  setLabel,
  setPriority,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnWith,
  systemInfo,
  trapExit,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

const reports = freshRuntime()

function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

describe('processInfo', () => {
  test('tells what is known of a process without asking it', () =>
    inProcess(function* () {
      const target = spawnWith({ label: 'worker', priority: 'low' }, function* () {
        trapExit(true)
        yield* receive((message) => message === 'never')
      })
      register('target', target)
      link(target)
      monitor(target)
      const end = spawnMonitor(function* () {})
      yield* receive((message) => isDown(message, end.ref))
      for (const n of [1, 2, 3]) send(target, n as never)
      while (processInfo(target)?.status !== 'waiting') yield
      expect(processInfo(target)).toMatchObject({
        pid: target,
        label: 'worker',
        priority: 'low',
        trapExit: true,
        status: 'waiting',
        messageQueueLength: 3,
        parent: self(),
        links: [self()],
        monitors: [],
        monitoredBy: [self()],
        names: ['target'],
      })
      expect(processInfo(target)?.reductions).toBeGreaterThan(0)
      expect(processInfo(target)?.memory).toBeGreaterThan(0)
    }))

  test('of the running process says so; of a dead one is undefined', () =>
    inProcess(function* () {
      expect(processInfo(self())?.status).toBe('running')
      const target = spawn(sleeper)
      expect(processInfo(target)?.status).toBe('runnable')
      exit(target, 'kill')
      expect(processInfo(target)).toBeUndefined()
    }))

  test('knows label and priority that were changed', () =>
    inProcess(function* () {
      setLabel('me')
      expect(setPriority('high')).toBe('normal')
      expect(processInfo(self())).toMatchObject({ label: 'me', priority: 'high' })
      expect(() => setPriority('none' as never)).toThrow(/ERR_VIGA_BAD_ARGUMENT/)
    }))
})

test('processes lists the living, the root process first', () =>
  inProcess(function* () {
    const before = processes()
    const pids = [spawn(sleeper), spawn(sleeper)]
    expect(processes()).toHaveLength(before.length + 2)
    expect(processes()[0]?.index).toBe(0)
    for (const pid of pids) exit(pid, 'kill')
    expect(processes()).toEqual(before)
    expect(isAlive(self())).toBe(true)
  }))

test('systemInfo counts', () =>
  inProcess(function* () {
    const before = systemInfo()
    const target = spawn(sleeper)
    link(target)
    monitor(target)
    register('target', target)
    send(target, 1 as never)
    const now = systemInfo()
    expect({
      processes: now.processCount - before.processCount,
      links: now.linkCount - before.linkCount,
      monitors: now.monitorCount - before.monitorCount,
      names: now.nameCount - before.nameCount,
      messages: now.messageCount - before.messageCount,
    }).toEqual({ processes: 1, links: 1, monitors: 1, names: 1, messages: 1 })
    trapExit(true)
    exit(target, 'kill')
    yield* receive()
    yield* receive()
    expect(systemInfo()).toMatchObject({
      processCount: before.processCount,
      linkCount: before.linkCount,
      monitorCount: before.monitorCount,
      nameCount: before.nameCount,
      messageCount: before.messageCount,
    })
    expect(memory().blockBytes).toBeGreaterThan(0)
  }))

describe('crash reports', () => {
  test('come once, with pid, names, label, reason, stack and ancestors', () =>
    inProcess(function* () {
      const me = self<string>()
      const parent = spawn(function* () {
        const child = spawnLink(function* () {
          setLabel('the child')
          register('child', self())
          yield* receive()
          throw new Error('broken')
        })
        send(me, 'up')
        send(child, 'go')
        yield* receive()
      })
      const ref = monitor(parent)
      yield* receive()
      yield* receive((message) => isDown(message, ref))
      expect(reports).toHaveLength(1)
      expect(reports[0]).toMatchObject({ names: ['child'], label: 'the child', reason: { error: { message: 'broken' } } })
      expect(reports[0]?.ancestors[0]).toEqual(parent)
      expect(reports[0]?.stack).toContain('introspection.test')
    }))

  test('do not come for orderly ends', () =>
    inProcess(function* () {
      for (const reason of ['normal', 'shutdown', ['shutdown', 'why']]) {
        const { ref } = spawnMonitor(function* () {
          exit(reason)
        })
        yield* receive((message) => isDown(message, ref))
      }
      expect(reports).toEqual([])
    }))
})

describe('the root process', () => {
  test('is who code outside processes is, never ends and is deaf to exit signals', async () => {
    const root = self()
    expect(processInfo(root)).toMatchObject({ pid: root, label: 'root', parent: null })
    await inProcess(function* () {
      exit(root, 'kill')
      exit(root, 'stop')
    })
    const linked = spawnLink(function* () {
      exit('broken')
    })
    const ref = monitor(linked)
    expect(await receive((message) => isDown(message, ref))).toMatchObject({ pid: linked })
    expect(isAlive(root)).toBe(true)
  })

  test('gets exit signals as messages once it traps', async () => {
    trapExit(true)
    const child = spawnLink(function* () {
      exit('broken')
    })
    expect(await receive()).toEqual({ type: 'EXIT', from: child, reason: 'broken' })
  })
})
