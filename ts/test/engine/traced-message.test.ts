/** Messages in a trace on their way between schedulers. */
import { describe, expect, test } from 'vitest'
import { Incoming } from '../../src/engine/native/incoming.js'
import { FRAGMENT, Outgoing } from '../../src/engine/native/outgoing.js'
import { self, trace, type TraceContext } from '../../src/index.js'
import { Ref } from '../../src/ref.js'
import { CallRequest, CastRequest } from '../../src/request.js'
import { TracedMessage } from '../../src/traced-message.js'
import { freshRuntime } from '../fresh-runtime.js'

const context: TraceContext = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }
const further: TraceContext = { ...context, tracestate: 'vendor=a,other=b' }
const request = { user: 'ann', ids: [1, 2.5, 'é'] }
const messages: readonly unknown[] = [request, 'text', null, new CastRequest(request), new CallRequest(new Ref(1, 2, 3), request)]

function passed(message: unknown): unknown {
  const outgoing = new Outgoing({ flush: () => outgoing.reset(), attach: () => undefined }, null)
  const handle = outgoing.put(message)
  return new Incoming(outgoing.bytes.slice()).read((handle & ~FRAGMENT) * 8)
}

describe('where tracing is on', () => {
  freshRuntime({ tracing: true })

  test.each(messages)('%o arrives in its context', (message) => {
    for (const each of [context, further]) expect(passed(new TracedMessage(each, message))).toEqual(new TracedMessage(each, message))
  })

  test('what is no term is told by its path in the message', () => {
    expect(() => passed(new TracedMessage(context, { socket: () => 1 }))).toThrow(/message\.socket: the function socket.*ERR_VIGA_NOT_A_TERM/)
  })
})

describe('where it is off', () => {
  freshRuntime()

  test('the first one turns it on, and arrives as it was sent', () => {
    self()
    expect(trace.enabled).toBe(false)
    expect(passed(new TracedMessage(further, new CastRequest(request)))).toEqual(new CastRequest(request))
    expect(trace.enabled).toBe(true)
    expect(passed(new TracedMessage(context, 1))).toEqual(new TracedMessage(context, 1))
  })
})
