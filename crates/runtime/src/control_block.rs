//! The memory through which a V8 isolate and the core speak: 12,288 words of 32 bits that both sides read and write, never
//! at the same time. One crossing without arguments then does the work of many calls.
//!
//! ```text
//! word     0 .. 15   header, see below
//!         16 .. 31   arguments (16 .. 23) and results (24 .. 31) of operations
//!         32 .. 543  batch: 32 slices of 16 words, see `entry`
//!        544 .. 2591 window: handles of the messages handed out, per slice a run of it
//!       2592 .. 2847 released: handles that nobody wants any more
//!       2848 .. 2975 buried: index and serial of processes that signals have ended
//!       2976 .. 7071 outbox: commands of the executor, in the order in which they were given
//!       7072 .. 7199 reserved: index and serial of free places that the executor may give to new processes
//!       9248 .. 11295 leaving: processes that another scheduler wants, with the handles of their messages
//!       7200 .. 9247 staged: for each word of the window, where the record of a fragment stands in the incoming buffer
//! ```
//!
//! Beside it the executor lends the core two buffers of bytes for records ([`crate::fragment`]): it writes those it sends into
//! *outgoing*, at multiples of 8, and names one in a command by `FRAGMENT | offset / 8` in the place of a handle; the core
//! copies them before the crossing ends. The core writes the records of the fragments that it hands out into *incoming*.
//!
//! `ts/src/engine/native/control-block.ts` holds the same numbers; the addon refuses to start when [`VERSION`] differs.

/// Words of the whole block.
pub const WORDS: usize = 12288;
/// Changes whenever the layout does.
pub const VERSION: i32 = 5;

/// Words of the header.
pub mod header {
    /// Written by the core: the layout's version.
    pub const VERSION: usize = 0;
    /// Words of the outbox in use. The core sets it to 0.
    pub const OUTBOX_LEN: usize = 1;
    /// Slices in the batch.
    pub const BATCH_LEN: usize = 2;
    /// Slices of the batch that have been run; the one at this place is running.
    pub const BATCH_DONE: usize = 3;
    /// 1 while the slice at BATCH_DONE is on the stack. 0 in a crossing means that the batch is over.
    pub const IN_SLICE: usize = 4;
    /// Handles in the area RELEASED. Written by the core in each crossing that gives back; the executor sets it to 0.
    pub const RELEASED_LEN: usize = 5;
    /// Words in the area BURIED, two for each process; as RELEASED_LEN.
    pub const BURIED_LEN: usize = 6;
    /// With an empty batch: milliseconds until a timer is due, -1 without timers.
    pub const NEXT_DEADLINE: usize = 7;
    /// 1 when the executor should see to its event loop.
    pub const YIELD_DUE: usize = 8;
    /// 1 when more is released or buried than the block holds: cross again.
    pub const MORE_TO_DROP: usize = 9;
    /// Reserved places left; the executor takes the last one first.
    pub const RESERVED_LEN: usize = 10;
    /// Words of the area LEAVING in use: processes that another scheduler wants. The executor sets it to 0.
    pub const LEAVING_LEN: usize = 11;
    /// The scheduler that wants them, from 1.
    pub const LEAVING_TO: usize = 12;
    /// A scheduler that has work waiting and no isolate, from 1; or 0. The executor sets it to 0.
    pub const WANTED: usize = 13;
    /// 1 while other isolates execute schedulers of the system: a batch must not keep long from them what its first slices have sent.
    pub const OTHERS: usize = 14;
    /// 1 when the batches before this one took long: its slices must not, while there are others.
    pub const LONG: usize = 15;
}

/// First of the 8 arguments of an operation.
pub const ARGUMENTS: usize = 16;
/// First of the 8 results of an operation.
pub const RESULTS: usize = 24;

/// First slice of the batch.
pub const BATCH: usize = 32;
/// Most slices of a batch.
pub const BATCH_SLICES: usize = 32;

/// Words of one slice of the batch.
pub mod entry {
    /// From one slice to the next.
    pub const WORDS: usize = 16;
    /// Index of the process; -1 when it has ended before its turn.
    pub const INDEX: usize = 0;
    /// Why it runs: a number of [`Wake`](crate::executor::Wake).
    pub const WAKE: usize = 1;
    /// 1 when its receive timeout has fired since it last ran, whatever it is woken for.
    pub const TIMED_OUT: usize = 2;
    /// First word of its window.
    pub const WINDOW_START: usize = 3;
    /// Messages in its window.
    pub const WINDOW_LEN: usize = 4;
    /// 1 when there are messages in the mailbox behind the window.
    pub const MORE: usize = 5;
    /// With WAKE Outcome: 0 reply, 1 the callee has ended, 2 no reply in time.
    pub const OUTCOME_KIND: usize = 6;
    /// The reply, which is the executor's from now on, or the reason, which is the core's; nothing for a timeout.
    pub const OUTCOME_HANDLE: usize = 7;
    /// Lower half of the call's reference. With WAKE Arrive this is the serial of the process's place, and OUTCOME_KIND and OUTCOME_HANDLE are
    /// index and serial of its pid.
    pub const OUTCOME_LOW: usize = 8;
    /// Upper half of the call's reference.
    pub const OUTCOME_HIGH: usize = 9;
    /// Written by the executor from here to TIMEOUT: how the slice ended, a number of
    /// [`slice_end`](crate::executor::slice_end).
    pub const END: usize = 10;
    /// Messages taken out of the window.
    pub const TAKEN: usize = 11;
    /// Of these, more (or fewer) that still count as waiting.
    pub const HELD: usize = 12;
    /// What the slice has cost.
    pub const REDUCTIONS: usize = 13;
    /// Receive timeout in ms (unsigned), or KEEP_TIMEOUT or NO_TIMEOUT.
    pub const TIMEOUT: usize = 14;
    /// Written by the core, also while the slice runs: 1 while nobody is linked with the process or watches it, so that its
    /// end may wait in the outbox.
    pub const QUIET: usize = 15;
}

/// No receive timeout; one that is armed is cancelled.
pub const NO_TIMEOUT: i32 = -1;
/// The receive timeout stays as it is.
pub const KEEP_TIMEOUT: i32 = -2;

/// First word of the windows.
pub const WINDOW: usize = BATCH + BATCH_SLICES * entry::WORDS;
/// Words of all windows of a batch.
pub const WINDOW_WORDS: usize = 2048;
/// Most messages handed to one slice at a time.
pub const WIDEST_WINDOW: usize = 64;
/// Where the running slice finds more messages when its window is used up.
pub const REFILL: usize = WINDOW + WINDOW_WORDS - WIDEST_WINDOW;
/// First of the handles that nobody wants any more.
pub const RELEASED: usize = WINDOW + WINDOW_WORDS;
/// Most handles given back in one crossing.
pub const RELEASED_WORDS: usize = 256;
/// First of the processes that signals have ended, two words each.
pub const BURIED: usize = RELEASED + RELEASED_WORDS;
/// Words for them: 64 processes in one crossing.
pub const BURIED_WORDS: usize = 128;
/// First word of the outbox.
pub const OUTBOX: usize = BURIED + BURIED_WORDS;
/// Words of the outbox.
pub const OUTBOX_WORDS: usize = 4096;
/// First word of the reserved places, two words each.
pub const RESERVED: usize = OUTBOX + OUTBOX_WORDS;
/// Most places reserved at a time.
pub const MOST_RESERVED: usize = 64;

/// First of the words that say where the fragments of the windows stand, in the order of [`WINDOW`]: a multiple of 8, or
/// [`NOT_STAGED`] for one that must be asked for.
pub const STAGED: usize = RESERVED + 2 * MOST_RESERVED;
/// First of the processes that may leave: for each index, serial, number of messages, and the handles of these.
pub const LEAVING: usize = STAGED + WINDOW_WORDS;
/// Words for them.
pub const LEAVING_WORDS: usize = 2048;
/// See [`STAGED`].
pub const NOT_STAGED: i32 = -1;

/// Commands of the outbox. Each is 4 words, or 8 where a reference is named: command, three operands, and then
/// reference low, reference high, two operands.
pub mod command {
    /// index, serial, handle
    pub const SEND: i32 = 1;
    /// index, serial, reason handle
    pub const EXIT: i32 = 2;
    /// caller's index, caller's serial, handle; reference
    pub const REPLY: i32 = 3;
    /// target's index, target's serial, handle; reference, timeout (ms unsigned, or NO_TIMEOUT), caller's index
    pub const CALL: i32 = 4;
    /// owner's index, owner's serial, handle; reference
    pub const SEND_ALIAS: i32 = 5;
    /// reserved index, reserved serial, priority (bits 0 and 1), link (bit 2), movable (bit 3), at rest too (bit 4); reference of the monitor or 0, parent's index,
    /// parent's serial
    pub const SPAWN: i32 = 6;
}

const _: () = assert!(LEAVING + LEAVING_WORDS <= WORDS);

/// A view of the block. The words belong to the executing isolate; the core reads and writes them only while that isolate is
/// inside a crossing.
#[derive(Clone, Copy)]
pub struct ControlBlock {
    words: *mut i32,
}

// SAFETY: the pointer is only followed during a crossing of the isolate that owns the words, under the scheduler's lock.
unsafe impl Send for ControlBlock {}

impl ControlBlock {
    /// A view of the words, into which it writes the layout's version.
    ///
    /// # Safety
    /// `words` must point to [`WORDS`] words that stay where they are for as long as the view is used, and that nothing else
    /// touches while the view's methods run.
    pub unsafe fn new(words: *mut i32) -> Self {
        let block = ControlBlock { words };
        block.set(header::VERSION, VERSION);
        block
    }

    /// The word at `place`.
    #[inline]
    pub fn get(&self, place: usize) -> i32 {
        debug_assert!(place < WORDS);
        // SAFETY: every place is a constant of this module or was checked against the length of its area; `new` promises the
        // memory.
        unsafe { *self.words.add(place) }
    }

    /// Sets the word at `place`.
    #[inline]
    pub fn set(&self, place: usize, value: i32) {
        debug_assert!(place < WORDS);
        // SAFETY: as in `get`.
        unsafe { *self.words.add(place) = value }
    }

    /// Argument `number` of an operation, 0 to 7.
    #[inline]
    pub fn argument(&self, number: usize) -> u32 {
        self.get(ARGUMENTS + (number & 7)) as u32
    }

    /// Sets result `number` of an operation, 0 to 7.
    #[inline]
    pub fn set_result(&self, number: usize, value: u32) {
        self.set(RESULTS + (number & 7), value as i32);
    }
}
