import { ErrorCode, VigaError } from './errors.js'
import { Pid } from './pid.js'
import { describe } from './term/refusal.js'

/** ERR_VIGA_BAD_ARGUMENT for what is no pid; `where` names the function it was given to. */
export function checkPid(pid: unknown, where: string): asserts pid is Pid {
  if (!(pid instanceof Pid))
    throw new VigaError(ErrorCode.BadArgument, `${where}: ${describe(pid)} is no pid; what spawn, self or whereis gave is allowed`)
}
