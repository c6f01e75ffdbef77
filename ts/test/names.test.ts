import { expect, test } from 'vitest'
import {
  type Coroutine,
  exit,
  isDown,
  processInfo,
  receive,
  register,
  registered,
  self,
  send,
  spawn,
  spawnMonitor,
  unregister,
  whereis,
} from '../src/index.js'
import { freshRuntime, inProcess } from './fresh-runtime.js'

freshRuntime()

function* sleeper(): Coroutine<void> {
  for (;;) yield* receive()
}

test('a name leads to its process, as a string or as an atom', () =>
  inProcess(function* () {
    register('me', self())
    expect(whereis('me')).toEqual(self())
    expect(whereis(Symbol.for('me'))).toEqual(self())
    expect(registered()).toEqual(['me'])
    send('me', 1)
    send(Symbol.for('me'), 2)
    expect([yield* receive(), yield* receive()]).toEqual([1, 2])
  }))

test('a name has one process; a process may have several names', () =>
  inProcess(function* () {
    const one = spawn(sleeper)
    const two = spawn(sleeper)
    register('a', one)
    register('b', one)
    expect(() => register('a', two)).toThrow(/"a" belongs to .*ERR_VIGA_NAME_TAKEN/)
    expect(() => register('a', one)).toThrow(/ERR_VIGA_NAME_TAKEN/)
    expect(processInfo(one)?.names).toEqual(['a', 'b'])
    unregister('a')
    expect(processInfo(one)?.names).toEqual(['b'])
    register('a', two)
    exit(one, 'kill')
    expect([whereis('a'), whereis('b')]).toEqual([two, undefined])
  }))

test('names of the dead and unknown are coded errors', () =>
  inProcess(function* () {
    const { pid, ref } = spawnMonitor(function* () {})
    yield* receive((message) => isDown(message, ref))
    expect(() => register('late', pid)).toThrow(/is not alive.*ERR_VIGA_NO_PROCESS/)
    expect(() => unregister('late')).toThrow(/ERR_VIGA_NO_SUCH_NAME/)
    expect(whereis('late')).toBeUndefined()
  }))

test('what is no name is refused', () =>
  inProcess(function* () {
    for (const name of ['', 'undefined', 5, Symbol('local'), null])
      expect(() => register(name as string, self())).toThrow(/register.*ERR_VIGA_BAD_ARGUMENT/)
    expect(() => register('x', 'pid' as never)).toThrow(/no pid.*ERR_VIGA_BAD_ARGUMENT/)
  }))

test('a name survives the unregistering of another and can change hands', () =>
  inProcess(function* () {
    const one = spawn(sleeper)
    register('job', one)
    unregister('job')
    register('job', self())
    exit(one, 'kill')
    expect(whereis('job')).toEqual(self())
  }))
