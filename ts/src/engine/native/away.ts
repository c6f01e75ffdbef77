import { takeIdsFrom } from '../../ref.js'
import { Shared } from '../../term/shared.js'
import type { Addon } from './addon.js'
import { A0, A1, OUTBOX_LEN, R0, R1, STAGED, WINDOW } from './control-block.js'
import { Incoming } from './incoming.js'
import { Outgoing } from './outgoing.js'
import { refId } from './words.js'

/** Bytes for the records of the messages in the windows of one batch. */
const INCOMING_SIZE = 256 * 1024
/** Bytes for a record that is asked for by itself, unless it needs more. */
const SINGLE_SIZE = 16 * 1024
/** References that an isolate gets at a time, as REFERENCES in crates/runtime/src/between.rs. */
const REFERENCES = 2 ** 24

/** What passes between this isolate and those of other schedulers: records written into one buffer and read from two. */
export class Away {
  private readonly addon: Addon
  private readonly words: Int32Array
  private readonly outgoing: Outgoing
  private readonly incoming: Incoming
  private readonly single: Incoming

  constructor(addon: Addon, words: Int32Array) {
    this.addon = addon
    this.words = words
    const shared = new Shared(addon)
    this.outgoing = new Outgoing({ flush: () => this.flush(), attach: (bytes) => addon.lendOutgoing(bytes) }, shared)
    this.incoming = new Incoming(new Uint8Array(INCOMING_SIZE), shared)
    this.single = new Incoming(new Uint8Array(SINGLE_SIZE), shared)
    addon.lendIncoming(this.incoming.bytes)
    addon.lendSingle(this.single.bytes)
    takeIdsFrom(() => {
      addon.takeReferences()
      return refId(words[R0] as number, words[R1] as number)
    }, REFERENCES)
  }

  /** Handle of a message's record, for the command or operation that follows at once. Throws ERR_VIGA_NOT_A_TERM. */
  record(message: unknown, name: string): number {
    if (this.words[OUTBOX_LEN] === 0 && this.outgoing.position !== 0) this.outgoing.reset()
    return this.outgoing.put(message, name)
  }

  /** Writes several records that cross together; `write` puts each. Throws ERR_VIGA_NOT_A_TERM, and nothing crosses. */
  recordAll(write: (put: (value: unknown) => number) => number): number {
    if (this.words[OUTBOX_LEN] !== 0) this.addon.sync()
    this.outgoing.reset()
    return this.outgoing.together(write)
  }

  /** The same for a reason, whatever it is. */
  reason(reason: unknown): number {
    if (this.words[OUTBOX_LEN] === 0 && this.outgoing.position !== 0) this.outgoing.reset()
    return this.outgoing.putReason(reason)
  }

  /** The message at `place` of a window. */
  readStaged(place: number, handle: number): unknown {
    const offset = this.words[place - WINDOW + STAGED] as number
    return offset >= 0 ? this.incoming.read(offset) : this.read(handle, false)
  }

  /** A message or reason that stands in no window; a message that is `taken` is used up. */
  read(handle: number, taken: boolean): unknown {
    const words = this.words
    for (;;) {
      words[A0] = handle
      words[A1] = taken ? 1 : 0
      this.addon.showFragment()
      if (words[R0] !== 0) return this.single.read(0)
      this.growSingle(words[R1] as number)
    }
  }

  /** What the core has put into the buffer for single records. */
  readSingle(): unknown {
    return this.single.read(0)
  }

  growSingle(needed: number): void {
    const bytes = new Uint8Array(needed + (needed >> 1))
    this.single.attach(bytes)
    this.addon.lendSingle(bytes)
  }

  private flush(): void {
    this.addon.sync()
    this.outgoing.reset()
  }
}
