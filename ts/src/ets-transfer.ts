import type { TableId } from './engine/stores.js'
import type { Pid } from './pid.js'

/** What the new owner of a table receives: from `giveAway`, or because its owner has ended and it is the heir. */
export interface EtsTransfer<Data = unknown> {
  readonly type: 'ETS-TRANSFER'
  /** For `ets.open`. */
  readonly table: TableId
  readonly from: Pid<unknown>
  readonly data: Data
}

export function etsTransfer(table: TableId, from: Pid, data: unknown): EtsTransfer {
  return { type: 'ETS-TRANSFER', table, from: from as Pid<unknown>, data }
}

/** Pattern for receive: the transfer of any table. */
export function isEtsTransfer(message: unknown): message is EtsTransfer {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ETS-TRANSFER'
}
