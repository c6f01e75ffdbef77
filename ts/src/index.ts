/** viga: Erlang/OTP-style processes for Node.js. This file exports the public API and holds nothing else. */
export { Pid, samePid } from './pid.js'
export { Ref, sameRef } from './ref.js'
export { ErrorCode, Exit, VigaError } from './errors.js'
export { Runtime, type RuntimeOptions } from './runtime.js'
export type { CrashReport, CrashReporter } from './report.js'
export { type Operation, giveWay } from './process/operation.js'
export { receive, type ReceiveOptions, TIMEOUT, type Timeout } from './process/receive.js'
export type { Coroutine } from './process/generator-process.js'
export {
  type Body,
  type CallbackBody,
  type PriorityName,
  spawn,
  spawnLink,
  spawnMonitor,
  type SpawnOptions,
  spawnWith,
} from './spawn.js'
export {
  alias,
  demonitor,
  type Destination,
  type Down,
  exit,
  type ExitMessage,
  isDown,
  isExit,
  link,
  makeRef,
  monitor,
  type MonitorOptions,
  self,
  send,
  trapExit,
  unalias,
  unlink,
} from './signals.js'
export { type Name, register, registered, unregister, whereis } from './names.js'
export { cancelTimer, readTimer, sendAfter, Timer } from './timers.js'
export {
  isAlive,
  type Memory,
  memory,
  processes,
  type ProcessInfo,
  processInfo,
  setLabel,
  setPriority,
  type SystemInfo,
  systemInfo,
} from './introspection.js'
