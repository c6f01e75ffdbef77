import type { Pid } from './pid.js'
import { CastRequest } from './request.js'
import { activeEngine } from './runtime-state.js'
import { resolveServer, type ServerRef } from './server-ref.js'
import { copyTerm } from './term/copy.js'

/** Sends `request` to a server without waiting. Goes nowhere when nobody is there. @throws ERR_VIGA_NOT_A_TERM. */
export function cast(target: ServerRef, request: unknown): void {
  const pid = resolveServer(target, 'cast')
  const engine = activeEngine()
  if (pid !== undefined && engine.isFar(pid)) engine.send(pid, new CastRequest(request))
  else castTo(pid, copyTerm(request, 'request'))
}

/** Casts a request that is private to the server already, or shared with it on purpose. */
export function castDirectly(target: ServerRef, request: unknown): void {
  castTo(resolveServer(target, 'cast'), request)
}

function castTo(pid: Pid | undefined, request: unknown): void {
  if (pid !== undefined) activeEngine().send(pid, new CastRequest(request))
}
