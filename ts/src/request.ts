import type { Ref } from './ref.js'

/** What a call puts into the server's mailbox. Made by viga only, so that no user message is mistaken for one. */
export class CallRequest {
  readonly from: Ref
  readonly request: unknown

  constructor(from: Ref, request: unknown) {
    this.from = from
    this.request = request
  }
}

/** What a cast puts into the server's mailbox. */
export class CastRequest {
  readonly request: unknown

  constructor(request: unknown) {
    this.request = request
  }
}

/** What viga itself asks of a server: to start, to stop, to change its code, to tell its state. */
export class SystemRequest {
  readonly from: Ref
  readonly kind: 'start' | 'stop' | 'status' | 'change_code'
  readonly argument: unknown

  constructor(from: Ref, kind: SystemRequest['kind'], argument: unknown) {
    this.from = from
    this.kind = kind
    this.argument = argument
  }
}
