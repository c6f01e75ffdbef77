//! The batch: slices handed to the executing isolate, from the pick to the moment when they are settled or taken back.

use viga_scheduler::{Priority, RunQueues};

use crate::buffer::Buffer;
use crate::control_block::{
    BATCH, BATCH_SLICES, ControlBlock, NOT_STAGED, REFILL, STAGED, WIDEST_WINDOW, WINDOW, entry,
    header,
};
use crate::executor::Wake;
use crate::fragment::Fragment;
use crate::handles::{FRAGMENT, SYSTEM, SystemMessage};
use crate::outcome::Outcome;
use crate::process::{Status, flag};
use crate::slab::NIL;
use crate::{Domain, Pid};

#[derive(Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) index: u32,
    pub(crate) serial: u32,
    pub(crate) wake: Wake,
    pub(crate) window_start: u32,
    pub(crate) window_len: u32,
    pub(crate) outcome: Option<Outcome>,
    /// There are fragments in its window.
    pub(crate) staged: bool,
}

pub(crate) const NO_SLICE: Slice = Slice {
    index: NIL,
    serial: 0,
    wake: Wake::Start,
    window_start: 0,
    window_len: 0,
    outcome: None,
    staged: false,
};

/// Which of the buffers that the isolate lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent {
    /// Where it writes the records that it sends.
    Outgoing,
    /// Where it finds the records of the messages in its windows.
    Incoming,
    /// Where it finds a record that it asks for.
    Single,
}

/// The slices handed to the isolate and not settled yet.
pub(crate) struct Batch {
    pub(crate) slices: [Slice; BATCH_SLICES],
    pub(crate) len: usize,
    pub(crate) settled: usize,
    /// Slices that the next batch may have.
    pub(crate) width: usize,
    /// Batches until the clock is read again, and between two readings.
    pub(crate) turns_until_clock: u32,
    pub(crate) stride: u32,
    pub(crate) looked_us: u64,
    /// The last batch began with processes that were hastened: the next one is everybody else's.
    pub(crate) hastened: bool,
    pub(crate) entered_us: u64,
    pub(crate) block: Option<ControlBlock>,
    /// Where the isolate writes the records that it sends.
    pub(crate) outgoing: Option<Buffer>,
    /// Where it finds the records that are handed out to it, and how much of that is used.
    pub(crate) incoming: Option<Buffer>,
    pub(crate) staged: usize,
    /// Where it finds a record that it asks for.
    pub(crate) single: Option<Buffer>,
    /// The process whose pending signals take effect in this crossing: its slice is over.
    pub(crate) signalled: Option<Pid>,
    /// The isolate was offered processes instead of slices.
    pub(crate) offered: bool,
}

impl Batch {
    pub fn new() -> Self {
        Batch {
            slices: [NO_SLICE; BATCH_SLICES],
            len: 0,
            settled: 0,
            width: 1,
            turns_until_clock: 0,
            stride: 1,
            looked_us: 0,
            hastened: false,
            entered_us: 0,
            block: None,
            outgoing: None,
            incoming: None,
            staged: 0,
            single: None,
            signalled: None,
            offered: false,
        }
    }

    /// The bytes through which the isolate sends and receives records.
    pub fn use_buffer(&mut self, which: Lent, buffer: Buffer) {
        match which {
            Lent::Outgoing => self.outgoing = Some(buffer),
            Lent::Incoming => self.incoming = Some(buffer),
            Lent::Single => self.single = Some(buffer),
        }
    }

    /// The isolate is gone, and its memory with it.
    pub fn forget_isolate(&mut self) {
        *self = Batch::new();
    }
}

pub(crate) fn slice_words(place: usize) -> usize {
    BATCH + place * entry::WORDS
}

impl Domain {
    pub(crate) fn pick(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        let mut window = WINDOW;
        let mut len = 0;
        let mut class = None;
        self.batch.staged = 0;
        let urgent = queues.len_of(Priority::Max) + queues.len_of(Priority::High) > 0;
        let hastened_last = std::mem::replace(&mut self.batch.hastened, false);
        while len < self.batch.width && window + WIDEST_WINDOW <= REFILL {
            let index = if !urgent
                && !hastened_last
                && let Some(index) = self.pop_hastened()
            {
                self.batch.hastened = true;
                class = Some(Priority::Normal);
                index
            } else {
                let Some((index, priority)) = pop_like(queues, class) else {
                    break;
                };
                if !self.table.unqueued(index) {
                    continue;
                }
                class = Some(priority);
                index
            };
            window += self.hand_out(block, len, index, window);
            len += 1;
        }
        self.batch.len = len;
        self.batch.settled = 0;
        block.set(header::BATCH_LEN, len as i32);
        block.set(header::BATCH_DONE, 0);
    }

    /// Writes one slice into the batch; gives the words of window it took.
    fn hand_out(&mut self, block: &ControlBlock, place: usize, index: u32, window: usize) -> usize {
        let outcome = self.take_outcome(index);
        let process = self.table.entry(index);
        let timed_out = process.has(flag::TIMED_OUT);
        let wake = if process.has(flag::ARRIVED) {
            Wake::Arrive
        } else if !process.has(flag::STARTED) {
            Wake::Start
        } else if outcome.is_some() {
            Wake::Outcome
        } else if process.has(flag::RESUMED) {
            Wake::Resume
        } else if timed_out {
            Wake::Timeout
        } else {
            Wake::Message
        };
        if wake == Wake::Resume || wake == Wake::Start {
            process.clear(flag::RESUMED);
        }
        process.clear(flag::TIMED_OUT);
        process.status = Status::Picked;
        process.batch_place = place as u32;
        let serial = process.serial;
        let quiet = process.links == NIL && process.monitors_on == NIL;
        // Only what is sure to want messages gets them at once; others ask (`refill`).
        let wanted = match wake {
            Wake::Message | Wake::Timeout => usize::from(process.window),
            Wake::Arrive => 1,
            _ => 0,
        };
        let quiet = quiet && process.away.is_none();
        let (len, staged) = self.fill_window(block, index, window, wanted);
        let more = self.table.peek(index).mailbox_head != NIL;
        let words = slice_words(place);
        block.set(words + entry::INDEX, index as i32);
        block.set(words + entry::WAKE, wake as i32);
        block.set(words + entry::TIMED_OUT, i32::from(timed_out));
        block.set(words + entry::WINDOW_START, window as i32);
        block.set(words + entry::WINDOW_LEN, len as i32);
        block.set(words + entry::MORE, i32::from(more));
        block.set(words + entry::QUIET, i32::from(quiet));
        if wake == Wake::Arrive {
            let known = self.pid_at(index);
            block.set(words + entry::OUTCOME_LOW, serial as i32);
            block.set(words + entry::OUTCOME_KIND, known.index as i32);
            block.set(words + entry::OUTCOME_HANDLE, known.serial as i32);
        }
        if let Some(outcome) = outcome {
            block.set(words + entry::OUTCOME_KIND, outcome.kind as i32);
            block.set(words + entry::OUTCOME_HANDLE, outcome.handle as i32);
            block.set(words + entry::OUTCOME_LOW, outcome.reference as i32);
            block.set(
                words + entry::OUTCOME_HIGH,
                (outcome.reference >> 32) as i32,
            );
        }
        self.batch.slices[place] = Slice {
            index,
            serial,
            wake,
            window_start: window as u32,
            window_len: len as u32,
            outcome,
            staged,
        };
        len
    }

    /// Hands out up to `wanted` messages; how many, and whether fragments are among them.
    fn fill_window(
        &mut self,
        block: &ControlBlock,
        index: u32,
        start: usize,
        wanted: usize,
    ) -> (usize, bool) {
        let mut len = 0;
        let mut staged = false;
        while len < wanted
            && let Some(handle) = self.take_head(index)
        {
            block.set(start + len, handle as i32);
            if handle & (SYSTEM | FRAGMENT) == FRAGMENT {
                staged = true;
                self.stage(block, start + len, handle);
            }
            len += 1;
        }
        (len, staged)
    }

    /// Copies the record of a fragment that is handed out into the incoming buffer, if there is room.
    fn stage(&mut self, block: &ControlBlock, word: usize, handle: u32) {
        let at = self.batch.staged;
        let record = self.handles.fragment(handle).map(Fragment::record);
        let place = match (record, self.batch.incoming) {
            (Some(record), Some(incoming)) if incoming.write(at, record) => {
                self.batch.staged = (at + record.len()).next_multiple_of(8);
                at as i32
            }
            _ => NOT_STAGED,
        };
        block.set(word - WINDOW + STAGED, place);
    }

    /// Copies the record of a fragment into the isolate's buffer for single records. `Err` has the bytes that this would take.
    pub fn show_fragment(&self, handle: u32) -> Result<(), usize> {
        let fragment = self.handles.fragment(handle);
        let record = fragment.map_or(&[][..], Fragment::record);
        match self.batch.single {
            Some(single) if single.write(0, record) => Ok(()),
            _ => Err(record.len()),
        }
    }

    /// As [`Domain::show_fragment`], for a message that the isolate has taken: it is forgotten at the next crossing, when what
    /// it refers to has been read.
    pub fn show_message(&mut self, handle: u32) -> Result<(), usize> {
        self.show_fragment(handle)?;
        // As a message it has one count, which is given up then.
        if self.handles.fragment(handle).is_some() {
            self.shown.push(handle);
        }
        Ok(())
    }

    /// The reason of a system message, shown if it is a fragment; the message is taken, the reason forgotten at the next
    /// crossing. `Err` has the bytes that showing it would take: nothing was taken then.
    pub fn show_system_message(&mut self, handle: u32) -> Result<Option<SystemMessage>, usize> {
        let reason = match self.handles.peek_system(handle) {
            Some(SystemMessage::Exit { reason, .. } | SystemMessage::Down { reason, .. }) => reason,
            None => return Ok(None),
        };
        if reason & FRAGMENT != 0 {
            self.show_fragment(reason)?;
            self.handles.retain(reason);
            self.shown.push(reason);
        }
        Ok(self.take_system_message(handle))
    }

    #[cold]
    pub(crate) fn forget_shown(&mut self) {
        while let Some(handle) = self.shown.pop() {
            self.handles.drop_reason(handle);
        }
    }

    /// The isolate has taken these messages out of its window: fragments among them are used up.
    pub(crate) fn forget_staged(&mut self, block: &ControlBlock, start: u32, end: u32) {
        for word in start..end {
            let handle = block.get(word as usize) as u32;
            if handle & (SYSTEM | FRAGMENT) == FRAGMENT {
                self.handles.forget_foreign(handle);
            }
        }
    }

    pub(crate) fn take_outcome(&mut self, index: u32) -> Option<Outcome> {
        let head = self.table.peek(index).outcome_head;
        if head == NIL {
            return None;
        }
        let outcome = self.outcomes.remove(head);
        let process = self.table.entry(index);
        process.outcome_head = outcome.next;
        if outcome.next == NIL {
            process.outcome_tail = NIL;
        }
        Some(outcome)
    }

    pub(crate) fn mark_running(&mut self, place: usize) {
        let Slice { index, serial, .. } = self.batch.slices[place];
        let process = self.table.entry(index);
        if process.serial == serial && process.status == Status::Picked {
            process.status = Status::Running;
        }
    }

    /// The running slice has taken its whole window and wants more. Everything it took is settled.
    pub fn refill(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        self.sync(queues, block);
        let place = block.get(header::BATCH_DONE) as usize;
        if place >= self.batch.len {
            return;
        }
        let words = slice_words(place);
        let slice = self.batch.slices[place];
        let mut len = 0;
        let mut more = false;
        let mut staged = false;
        if slice.staged {
            let end = slice.window_start + slice.window_len;
            self.forget_staged(block, slice.window_start, end);
        }
        let process = self.table.entry(slice.index);
        let alive = process.serial == slice.serial && process.status == Status::Running;
        if alive {
            process.window = widened(process.window);
            if slice.window_len != 0 {
                // The blueprint was the first message of all.
                process.clear(flag::ARRIVED);
            }
            let wanted = usize::from(process.window);
            self.settle_length(slice.index, slice.window_len as i32);
            (len, staged) = self.fill_window(block, slice.index, REFILL, wanted);
            more = self.table.peek(slice.index).mailbox_head != NIL;
        }
        self.batch.slices[place].window_start = REFILL as u32;
        self.batch.slices[place].window_len = len as u32;
        self.batch.slices[place].staged = staged;
        block.set(words + entry::WINDOW_START, REFILL as i32);
        block.set(words + entry::WINDOW_LEN, len as i32);
        block.set(words + entry::MORE, i32::from(more));
    }

    /// The running slice gives back what it has not taken of its window, `taken` messages on, so that its mailbox is whole.
    pub fn return_window(&mut self, queues: &mut RunQueues, block: &ControlBlock, taken: u32) {
        self.sync(queues, block);
        let place = block.get(header::BATCH_DONE) as usize;
        if place >= self.batch.len {
            return;
        }
        let slice = self.batch.slices[place];
        let process = self.table.peek(slice.index);
        if process.serial != slice.serial || process.status != Status::Running {
            // It has ended in its own slice: what is left of the window is given back when that is settled.
            return;
        }
        let taken = taken.min(slice.window_len);
        for word in (slice.window_start + taken..slice.window_start + slice.window_len).rev() {
            self.put_back(slice.index, block.get(word as usize) as u32);
        }
        self.batch.slices[place].window_len = taken;
        let words = slice_words(place);
        block.set(words + entry::WINDOW_LEN, taken as i32);
        block.set(words + entry::MORE, 1);
    }

    /// Links and watchers of a process whose slice is picked or running: its end must be told at once.
    #[inline]
    pub(crate) fn no_longer_quiet(&mut self, index: u32) {
        let process = self.table.peek(index);
        if matches!(process.status, Status::Picked | Status::Running)
            && let Some(block) = self.batch.block
        {
            block.set(slice_words(process.batch_place as usize) + entry::QUIET, 0);
        }
    }

    /// A message has arrived for a process whose slice is picked or running.
    #[inline]
    pub(crate) fn more_behind_window(&mut self, place: u32) {
        if let Some(block) = self.batch.block {
            block.set(slice_words(place as usize) + entry::MORE, 1);
        }
    }

    /// The process ends before its turn in the batch: its slice is struck out.
    pub(crate) fn cancel_picked(&mut self, index: u32) {
        let process = self.table.peek(index);
        if process.status != Status::Picked {
            return;
        }
        let place = process.batch_place as usize;
        let slice = self.batch.slices[place];
        let Some(block) = self.batch.block else {
            return;
        };
        for word in slice.window_start..slice.window_start + slice.window_len {
            self.handles.release(block.get(word as usize) as u32);
        }
        if let Some(outcome) = slice.outcome {
            self.drop_outcome(outcome.kind, outcome.handle);
        }
        self.batch.slices[place] = NO_SLICE;
        block.set(slice_words(place) + entry::INDEX, -1);
    }

    /// Messages in the window of a slice that has not begun.
    #[cfg(feature = "hard-checks")]
    pub(crate) fn handed_out(&self, place: u32) -> u32 {
        self.batch.slices[place as usize].window_len
    }
}

pub(crate) fn widened(window: u8) -> u8 {
    window.saturating_mul(2).clamp(1, WIDEST_WINDOW as u8)
}

/// The next process of a batch whose last one is of `class`: max and high stand alone, and low only joins normal in its
/// ratio, never because normal has run out: those of the batch come back.
fn pop_like(queues: &mut RunQueues, class: Option<Priority>) -> Option<(u32, Priority)> {
    match class {
        None => queues.pop(),
        Some(urgent @ (Priority::Max | Priority::High)) => {
            queues.pop_of_class(urgent).map(|index| (index, urgent))
        }
        Some(_) if queues.len_of(Priority::Normal) > 0 => queues.pop(),
        Some(_) => None,
    }
}
