/**
 * The memory through which this isolate and the native core speak: the same numbers as
 * crates/runtime/src/control_block.rs, which draws and explains the layout.
 */
export const WORDS = 12288
export const VERSION = 5

export const HEADER_VERSION = 0
export const OUTBOX_LEN = 1
export const BATCH_LEN = 2
export const BATCH_DONE = 3
export const IN_SLICE = 4
export const RELEASED_LEN = 5
export const BURIED_LEN = 6
export const NEXT_DEADLINE = 7
export const YIELD_DUE = 8
export const MORE_TO_DROP = 9
export const RESERVED_LEN = 10
export const LEAVING_LEN = 11
export const LEAVING_TO = 12
export const WANTED = 13
export const OTHERS = 14
export const LONG = 15

export const A0 = 16
export const A1 = 17
export const A2 = 18
export const A3 = 19
export const A4 = 20
export const A5 = 21
export const A6 = 22
export const R0 = 24
export const R1 = 25
export const R2 = 26
export const R3 = 27
export const R4 = 28
export const R5 = 29

export const BATCH = 32
export const SLICE_WORDS = 16

/** Words of a slice, from its first. */
export const SLICE_INDEX = 0
export const SLICE_WAKE = 1
export const SLICE_TIMED_OUT = 2
export const SLICE_WINDOW_START = 3
export const SLICE_WINDOW_LEN = 4
export const SLICE_MORE = 5
export const SLICE_OUTCOME_KIND = 6
export const SLICE_OUTCOME_HANDLE = 7
export const SLICE_OUTCOME_LOW = 8
export const SLICE_OUTCOME_HIGH = 9
export const SLICE_END = 10
export const SLICE_TAKEN = 11
export const SLICE_HELD = 12
export const SLICE_REDUCTIONS = 13
export const SLICE_TIMEOUT = 14
export const SLICE_QUIET = 15

export const WINDOW = 544
export const RELEASED = 2592
export const BURIED = 2848
export const OUTBOX = 2976
export const OUTBOX_WORDS = 4096
export const RESERVED = 7072
/** For each word of the windows, where the record of a fragment stands in the incoming buffer, or -1. */
export const STAGED = 7200
/** Processes that another scheduler wants: for each index, serial, number of messages, and their handles. */
export const LEAVING = 9248

export const COMMAND_SEND = 1
export const COMMAND_EXIT = 2
export const COMMAND_REPLY = 3
export const COMMAND_CALL = 4
export const COMMAND_SEND_ALIAS = 5
export const COMMAND_SPAWN = 6
/** Bit of a spawn beside the priority: linked with its parent. */
export const SPAWN_LINKED = 4
/** How far to the left the mobility of a spawned process stands beside the priority. */
export const MOBILITY_SHIFT = 3

/** Longest timeout the block carries, in ms; two values more mean none and unchanged. */
export const LONGEST_TIMEOUT = 4_294_967_293
