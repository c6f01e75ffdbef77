import type { MessagePort } from 'node:worker_threads'
import type { DirtySettings } from './dirty-settings.js'
import type { Settings } from './settings.js'

/** Where the data of a scheduler's thread are among its workerData. */
export const SCHEDULER_DATA = 'viga.scheduler'

/** What a thread needs to be a scheduler of a system that runs. */
export interface SchedulerData {
  /** Version of the package that started it; another one's protocol may differ. */
  readonly version: string
  readonly system: number
  readonly scheduler: number
  readonly settings: Settings
  readonly dirty: DirtySettings
  /** What isolates know of themselves, see isolate-page.ts. */
  readonly page: SharedArrayBuffer
  readonly port: MessagePort
}

/** What a scheduler's thread tells the one that started the runtime. */
export type SchedulerMessage =
  /** It is part of the system. */
  | { readonly kind: 'joined' }
  /** A process there has been started on `scheduler`, which must be running. */
  | { readonly kind: 'want'; readonly scheduler: number }
  /** A process there has ended by an error; the report as a term. */
  | { readonly kind: 'crash'; readonly report: Uint8Array }
  /** Runtime.stop was called there. */
  | { readonly kind: 'stop' }
