/** A worker thread that reads records as another scheduler would, and keeps what it has read until told otherwise. */
import { parentPort } from 'node:worker_threads'
import { Binary } from '../../src/binary.js'
import { loadAddon } from '../../src/engine/native/addon.js'
import { Incoming } from '../../src/engine/native/incoming.js'
import { Outgoing } from '../../src/engine/native/outgoing.js'
import { Shared } from '../../src/term/shared.js'

const port = parentPort
if (port === null) throw new Error('this is a program for a worker thread')
const shared = new Shared(loadAddon())
const outgoing = new Outgoing({ flush: () => outgoing.reset(), attach: () => undefined }, shared)
const kept: unknown[] = []

port.on('message', (command: Uint8Array | 'compare' | 'answer') => {
  if (command === 'compare') {
    port.postMessage(kept.map((value) => value === kept[0]))
  } else if (command === 'answer') {
    // Made here, and held by this thread alone until the other has read it.
    outgoing.reset()
    outgoing.put({ answer: Binary.from('a'.repeat(100_000)) })
    port.postMessage(outgoing.bytes.slice(0, outgoing.position))
  } else {
    const value = new Incoming(command, shared).read(0)
    kept.push(value)
    port.postMessage(value instanceof Binary ? [value.length, value.at(-1), String(value.slice(0, 3))] : value)
  }
})
port.postMessage('ready')
