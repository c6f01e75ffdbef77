/** viga: Erlang/OTP-style processes for Node.js. This file exports the public API and holds nothing else. */
export { Pid, samePid } from './pid.js'
export { Ref, sameRef } from './ref.js'
export { ErrorCode, Exit, VigaError } from './errors.js'
export { Runtime, type RuntimeOptions } from './runtime.js'
export type { SchedulerOptions, Settings } from './settings.js'
export type { BusyWait, WakeupThreshold } from './flags.js'
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
  type SchedulerInfo,
  schedulers,
  setLabel,
  setPriority,
  type SystemInfo,
  systemInfo,
  type TimedScheduler,
  type Utilization,
  utilization,
} from './introspection.js'
export type { GarbageCollection, Heap, IsolateFacts } from './isolate-page.js'
export type { SchedulerFacts, SchedulerState, WallTime } from './engine/engine.js'
export { GenServer } from './gen-server.js'
export type { CallOptions } from './call.js'
export type { From } from './from.js'
export { from } from './server-process.js'
export { ignore, type Ignore, type Next, noReply, type NoReply, ok, type Ok, reply, replyLater, type Reply, stop, type Stop, type StopReply } from './server-result.js'
export type { CallResult, CastResult, Eventually, ServerBehaviour, ServerStatus, SystemMessage } from './server-behaviour.js'
export type { HasPid, ServerRef } from './server-ref.js'
export type { ServerName } from './server-name.js'
export { StartError, type StartOperation, type StartOptions } from './start.js'
export type { ModuleMeta } from './blueprint.js'
export { schedulerId } from './scheduler-place.js'
export { runScheduler } from './run-scheduler.js'
export type { SchedulerReport, SchedulerReporter } from './worker-pool.js'
export { genServer, type HandleOf, ServerDefinition, type ServerParts } from './server-definition.js'
export { ServerHandle } from './server-handle.js'
export type { ChildId, ChildOverrides, ChildSpec, Restart, Shutdown, StartedChild } from './child-spec.js'
export { Supervisor, SupervisorHandle, type SupervisorOptions } from './supervisor.js'
export type { AutoShutdown, Strategy } from './supervisor-decision.js'
export type { ChildCounts, ChildInfo } from './supervisor-request.js'
export { DynamicSupervisor, DynamicSupervisorHandle, type DynamicSupervisorOptions } from './dynamic-supervisor.js'
export { Agent, AgentHandle } from './agent.js'
export { isTaskReply, Task, type TaskOutcome, type TaskReply } from './task.js'
export { TaskSupervisor, TaskSupervisorHandle, type TaskSupervisorOptions } from './task-supervisor.js'
export { hibernate } from './process/hibernate.js'
export { type Dirty, dirty, type DirtyJobOptions } from './dirty.js'
export type { DirtyPoolInfo } from './dirty-pool.js'
export type { DirtyOptions } from './dirty-settings.js'
export { runDirtyWorker } from './run-dirty-worker.js'
export { settled } from './process/promise-operation.js'
export { Binary } from './binary.js'
export {
  type Condition,
  type CounterUpdate,
  ets,
  type EtsTransfer,
  type Field,
  isEtsTransfer,
  type Page,
  type RangeOptions,
  type SelectOptions,
  Table,
  type TableId,
  type TableInfo,
  type TableOptions,
  type TermType,
  type Where,
} from './ets.js'
export { Registry, type RegistryOptions, type Registration, Via, via } from './registry.js'
export { trace } from './trace.js'
export type { TraceContext } from './trace-context.js'
export { compareTerms } from './term/order.js'
