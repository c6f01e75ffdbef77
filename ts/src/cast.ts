import { CastRequest } from './request.js'
import { activeEngine } from './runtime-state.js'
import { resolveServer, type ServerRef } from './server-ref.js'
import { copyTerm } from './term/copy.js'

/** Sends `request` to a server without waiting. Goes nowhere when nobody is there. @throws ERR_VIGA_NOT_A_TERM. */
export function cast(target: ServerRef, request: unknown): void {
  castDirectly(target, copyTerm(request, 'request'))
}

/** Casts a request that is private to the server already, or shared with it on purpose. */
export function castDirectly(target: ServerRef, request: unknown): void {
  const pid = resolveServer(target, 'cast')
  if (pid !== undefined) activeEngine().send(pid, new CastRequest(request))
}
