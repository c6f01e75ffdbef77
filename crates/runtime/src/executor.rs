//! One crossing of the slice protocol: what the executing isolate did since the last one takes effect, then it is told what to
//! run next. See [`crate::control_block`] for the memory that both sides share.
//!
//! The isolate is given a *batch* of slices at a time, so that a crossing is paid once for many slices when many
//! processes are ready. A batch is kept short in time: its width halves when batches took longer than 100 microseconds and doubles
//! when they did not, so a process of higher priority never waits much longer than for one slice.
//!
//! [`Domain::sync`] comes first in every crossing, and does, in this order:
//! 1. slices that have been run are settled: what they did not take goes back to the front of their mailboxes, they
//!    wait, are held or go to the back of their queue;
//! 2. the outbox is worked off in the order in which it was written, so that signals take effect in the order in which they were sent;
//! 3. exit signals and DOWNs that reached the process whose slice was running take effect: its last messages went before;
//! 4. what other threads have sent meanwhile takes effect (see `foreign`).

use viga_scheduler::{Priority, RunQueues};

use crate::control_block::{
    BATCH, BATCH_SLICES, BURIED, BURIED_WORDS, ControlBlock, KEEP_TIMEOUT, MOST_RESERVED,
    NO_TIMEOUT, OUTBOX, OUTBOX_WORDS, REFILL, RELEASED, RELEASED_WORDS, RESERVED, WIDEST_WINDOW,
    WINDOW, command, entry, header,
};
use crate::monitor::AliasMode;
use crate::outcome::{Outcome, OutcomeKind};
use crate::process::{Status, flag};
use crate::slab::NIL;
use crate::timer::Action;
use crate::{Domain, Pid, Spawn};

/// Messages handed out to the first slice that gets any.
pub(crate) const FIRST_WINDOW: u8 = 4;
/// Batches that took longer than this, between two looks at the clock, are followed by narrower ones.
const LONG_BATCH_US: u64 = 100;
/// Most batches between two looks at the clock, which costs as much as a short slice. It is looked at after every batch as long
/// as they take long.
const LONGEST_STRIDE: u32 = 16;
/// Places that the isolate finds reserved after each turn.
const RESERVED_AHEAD: usize = 8;
/// After so long the isolate sees to its event loop.
const EVENT_LOOP_SHARE_US: u64 = 1000;

/// Why a slice begins, as `Wake` in ts/src/engine/engine.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Wake {
    /// The first slice of a process.
    Start = 0,
    /// Messages wait, or did when it was queued.
    Message = 1,
    /// Its receive timeout has fired.
    Timeout = 2,
    /// A call of its own has come to its end.
    Outcome = 3,
    /// It was resumed from outside.
    Resume = 4,
}

/// How a slice ended, as `SliceEnd` in ts/src/engine/engine.ts.
pub mod slice_end {
    /// Waits for a message, a timeout or an outcome; runs again if one of them is there.
    pub const WAIT: i32 = 0;
    /// Runs again, behind the others of its priority.
    pub const YIELD: i32 = 1;
    /// Waits for the outcome of its call; messages do not wake it.
    pub const OUTCOME: i32 = 2;
    /// Waits to be resumed, or for an outcome.
    pub const HOLD: i32 = 3;
    /// Has ended: its exit was told in the slice, or stands in the outbox.
    pub const EXIT: i32 = 4;
}

#[derive(Clone, Copy)]
struct Slice {
    index: u32,
    serial: u32,
    wake: Wake,
    window_start: u32,
    window_len: u32,
    outcome: Option<Outcome>,
}

const NO_SLICE: Slice = Slice {
    index: NIL,
    serial: 0,
    wake: Wake::Start,
    window_start: 0,
    window_len: 0,
    outcome: None,
};

/// The slices handed to the isolate and not settled yet.
pub(crate) struct Batch {
    slices: [Slice; BATCH_SLICES],
    len: usize,
    settled: usize,
    /// Slices that the next batch may have.
    width: usize,
    /// Batches until the clock is read again, and between two readings.
    turns_until_clock: u32,
    stride: u32,
    looked_us: u64,
    entered_us: u64,
    block: Option<ControlBlock>,
    /// The process whose pending signals take effect in this crossing: its slice is over.
    pub(crate) signalled: Option<Pid>,
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
            entered_us: 0,
            block: None,
            signalled: None,
        }
    }
}

impl Batch {
    /// The isolate has slices that are not settled: it may be running one of them.
    pub fn is_out(&self) -> bool {
        self.settled < self.len
    }
}

fn slice_words(place: usize) -> usize {
    BATCH + place * entry::WORDS
}

impl Domain {
    /// The isolate with this block executes the domain's processes from now on.
    pub fn attach(&mut self, block: ControlBlock) {
        self.batch.block = Some(block);
    }

    /// The isolate enters its loop: its share of time begins.
    pub fn enter(&mut self) {
        let now = self.clock.read();
        self.batch.entered_us = now;
        self.batch.looked_us = now;
        self.batch.turns_until_clock = 0;
    }

    /// What the isolate has done takes effect. First in every crossing.
    #[inline]
    pub fn sync(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        let done = (block.get(header::BATCH_DONE) as usize).min(self.batch.len);
        while self.batch.settled < done {
            self.settle(queues, block, self.batch.settled);
            self.batch.settled += 1;
        }
        // Before anything takes effect: what hits the slice in progress has to wait for its end.
        let in_slice = block.get(header::IN_SLICE) != 0;
        if done < self.batch.len && in_slice {
            self.mark_running(done);
        }
        if block.get(header::OUTBOX_LEN) != 0 {
            self.work_off_outbox(queues, block);
        }
        if let Some(pid) = self.batch.signalled.take() {
            self.settle_pending(queues, pid);
        }
        if done < self.batch.len && !in_slice {
            self.take_back_rest(queues, block, done);
        }
        if !self.foreign.is_empty() {
            self.work_off_foreign(queues);
        }
        #[cfg(feature = "hard-checks")]
        self.check_now_and_then();
    }

    /// One turn: settles, then hands out the next batch, empty when there is nothing to run.
    pub fn next(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        self.sync(queues, block);
        if self.batch.turns_until_clock == 0 {
            self.look_at_clock(queues, block);
        } else {
            self.batch.turns_until_clock -= 1;
            self.batch.width = (self.batch.width * 2).min(BATCH_SLICES);
        }
        self.pick(queues, block);
        if self.batch.len == 0 {
            self.look_at_clock(queues, block);
            self.pick(queues, block);
        }
        if self.batch.len == 0 {
            let deadline = self.wheel.next_deadline(self.batch.looked_us);
            let wait = deadline.map_or(-1, |wait| wait.min(i32::MAX as u64) as i32);
            block.set(header::NEXT_DEADLINE, wait);
        }
        self.reserve(block, RESERVED_AHEAD);
        self.give_back(block);
    }

    /// Fires timers, ends the isolate's share of time, and sees how long the batches since the last look have taken.
    fn look_at_clock(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        let now = self.clock.now_us();
        if self.wheel.is_due(now) {
            self.fire_timers(queues, now);
        }
        let batch = &mut self.batch;
        let short = now.saturating_sub(batch.looked_us) <= LONG_BATCH_US;
        batch.looked_us = now;
        if short {
            batch.stride = (batch.stride * 2).min(LONGEST_STRIDE);
            batch.width = (batch.width * 2).min(BATCH_SLICES);
        } else {
            batch.stride = 1;
            batch.width = (batch.width / 2).max(1);
        }
        batch.turns_until_clock = batch.stride - 1;
        let share_used = now.saturating_sub(batch.entered_us) > EVENT_LOOP_SHARE_US;
        block.set(header::YIELD_DUE, i32::from(share_used));
    }

    /// Hands the isolate what it may forget: released handles and processes that signals have ended.
    pub fn give_back(&mut self, block: &ControlBlock) {
        let mut released = 0;
        if self.handles.has_released() {
            while released < RELEASED_WORDS
                && let Some(handle) = self.handles.take_released()
            {
                block.set(RELEASED + released, handle as i32);
                released += 1;
            }
        }
        block.set(header::RELEASED_LEN, released as i32);
        let mut buried = 0;
        while buried < BURIED_WORDS
            && let Some(pid) = self.buried.pop_front()
        {
            block.set(BURIED + buried, pid.index as i32);
            block.set(BURIED + buried + 1, pid.serial as i32);
            buried += 2;
        }
        block.set(header::BURIED_LEN, buried as i32);
        let more = self.handles.has_released() || !self.buried.is_empty();
        block.set(header::MORE_TO_DROP, i32::from(more));
    }

    /// Reserves places for processes that the isolate will start, up to `wanted`, as far as the limit allows.
    pub fn reserve(&mut self, block: &ControlBlock, wanted: usize) {
        let mut len = (block.get(header::RESERVED_LEN).max(0) as usize).min(MOST_RESERVED);
        while len < wanted.min(MOST_RESERVED)
            && let Ok(pid) = self.table.claim(len as u32)
        {
            block.set(RESERVED + len * 2, pid.index as i32);
            block.set(RESERVED + len * 2 + 1, pid.serial as i32);
            len += 1;
        }
        block.set(header::RESERVED_LEN, len as i32);
    }

    // --- picking ------------------------------------------------------------------------------------------------------

    fn pick(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        let mut window = WINDOW;
        let mut len = 0;
        let mut class = None;
        while len < self.batch.width && window + WIDEST_WINDOW <= REFILL {
            let Some((index, priority)) = pop_like(queues, class) else {
                break;
            };
            if !self.table.unqueued(index) {
                continue;
            }
            class = Some(priority);
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
        let wake = if !process.has(flag::STARTED) {
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
        let wanted = if matches!(wake, Wake::Message | Wake::Timeout) {
            usize::from(process.window)
        } else {
            0
        };
        let len = self.fill_window(block, index, window, wanted);
        let more = self.table.peek(index).mailbox_head != NIL;
        let words = slice_words(place);
        block.set(words + entry::INDEX, index as i32);
        block.set(words + entry::WAKE, wake as i32);
        block.set(words + entry::TIMED_OUT, i32::from(timed_out));
        block.set(words + entry::WINDOW_START, window as i32);
        block.set(words + entry::WINDOW_LEN, len as i32);
        block.set(words + entry::MORE, i32::from(more));
        block.set(words + entry::QUIET, i32::from(quiet));
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
        };
        len
    }

    fn fill_window(
        &mut self,
        block: &ControlBlock,
        index: u32,
        start: usize,
        wanted: usize,
    ) -> usize {
        let mut len = 0;
        while len < wanted
            && let Some(handle) = self.take_head(index)
        {
            block.set(start + len, handle as i32);
            len += 1;
        }
        len
    }

    fn take_outcome(&mut self, index: u32) -> Option<Outcome> {
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

    // --- while a slice runs -------------------------------------------------------------------------------------------------

    fn mark_running(&mut self, place: usize) {
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
        let process = self.table.entry(slice.index);
        let alive = process.serial == slice.serial && process.status == Status::Running;
        let mut len = 0;
        let mut more = false;
        if alive {
            process.window = widened(process.window);
            let wanted = usize::from(process.window);
            self.settle_length(slice.index, slice.window_len as i32);
            len = self.fill_window(block, slice.index, REFILL, wanted);
            more = self.table.peek(slice.index).mailbox_head != NIL;
        }
        self.batch.slices[place].window_start = REFILL as u32;
        self.batch.slices[place].window_len = len as u32;
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

    // --- settling --------------------------------------------------------------------------------------------------------------

    fn settle(&mut self, queues: &mut RunQueues, block: &ControlBlock, place: usize) {
        let slice = self.batch.slices[place];
        if slice.index == NIL {
            return;
        }
        let words = slice_words(place);
        let end = block.get(words + entry::END);
        let taken = (block.get(words + entry::TAKEN).max(0) as u32).min(slice.window_len);
        let reductions = block.get(words + entry::REDUCTIONS).max(0) as u64;
        self.slices += 1;
        self.reductions += reductions;
        if let Some(outcome) = slice.outcome
            && outcome.kind == OutcomeKind::Down
        {
            self.handles.drop_reason(outcome.handle);
        }
        let process = self.table.peek(slice.index);
        let gone = process.serial != slice.serial || process.status == Status::Free;
        if gone || end == slice_end::EXIT {
            if self.batch.signalled.is_none() {
                self.drop_pending();
            }
            for word in slice.window_start + taken..slice.window_start + slice.window_len {
                self.handles.release(block.get(word as usize) as u32);
            }
            if !gone {
                // Its EXIT stands in the outbox.
                let process = self.table.entry(slice.index);
                process.status = Status::Running;
                process.set(flag::STARTED);
            }
            return;
        }
        let process = self.table.entry(slice.index);
        process.set(flag::STARTED);
        process.reductions += reductions;
        if taken == slice.window_len {
            if taken != 0 && process.mailbox_head != NIL {
                process.window = widened(process.window);
            }
        } else {
            process.window = (taken + 1).min(WIDEST_WINDOW as u32) as u8;
            for word in (slice.window_start + taken..slice.window_start + slice.window_len).rev() {
                self.put_back(slice.index, block.get(word as usize) as u32);
            }
        }
        let fewer = taken as i32 - block.get(words + entry::HELD);
        if fewer != 0 {
            self.settle_length(slice.index, fewer);
        }
        self.set_receive_timeout(slice.index, block.get(words + entry::TIMEOUT));
        // They came during the first slice settled now: later ones were not running in a crossing yet.
        if !self.pending.is_empty() && self.batch.signalled.is_none() {
            self.batch.signalled = Some(Pid {
                index: slice.index,
                serial: slice.serial,
            });
        }
        self.settle_status(queues, slice.index, end);
    }

    fn settle_status(&mut self, queues: &mut RunQueues, index: u32, end: i32) {
        let process = self.table.entry(index);
        let told = process.has(flag::RESUMED) || process.outcome_head != NIL;
        let again = match end {
            slice_end::WAIT => {
                process.status = Status::Waiting;
                told || process.mailbox_head != NIL || process.has(flag::TIMED_OUT)
            }
            slice_end::OUTCOME => {
                process.status = Status::AwaitsOutcome;
                told
            }
            slice_end::HOLD => {
                process.status = Status::Held;
                told
            }
            _ => true,
        };
        if again {
            self.make_runnable(queues, index);
        }
    }

    fn set_receive_timeout(&mut self, index: u32, timeout: i32) {
        if timeout == KEEP_TIMEOUT {
            return;
        }
        let process = self.table.entry(index);
        process.clear(flag::TIMED_OUT);
        let armed = std::mem::replace(&mut process.receive_timer, NIL);
        if armed != NIL {
            self.wheel.cancel(armed);
        }
        if timeout != NO_TIMEOUT {
            let now = self.clock.read();
            let timer = self.wheel.start(
                now,
                u64::from(timeout as u32),
                Action::Receive { target: index },
            );
            self.table.entry(index).receive_timer = timer;
        }
    }

    /// The batch is over before its last slice: the others go back to the front of their queues, as they were.
    fn take_back_rest(&mut self, queues: &mut RunQueues, block: &ControlBlock, done: usize) {
        for place in (done..self.batch.len).rev() {
            let slice = self.batch.slices[place];
            if slice.index == NIL {
                continue;
            }
            let timed_out = block.get(slice_words(place) + entry::TIMED_OUT) != 0;
            for word in (slice.window_start..slice.window_start + slice.window_len).rev() {
                self.put_back(slice.index, block.get(word as usize) as u32);
            }
            if let Some(outcome) = slice.outcome {
                self.put_back_outcome(slice.index, outcome);
            }
            let process = self.table.entry(slice.index);
            if timed_out {
                process.set(flag::TIMED_OUT);
            }
            if slice.wake == Wake::Resume {
                process.set(flag::RESUMED);
            }
            process.status = Status::Runnable;
            process.set(flag::QUEUED);
            queues.push_front(slice.index, process.priority);
        }
        self.batch.len = done;
    }

    fn put_back_outcome(&mut self, index: u32, outcome: Outcome) {
        let next = self.table.peek(index).outcome_head;
        let record = self.outcomes.insert(Outcome { next, ..outcome });
        let process = self.table.entry(index);
        process.outcome_head = record;
        if next == NIL {
            process.outcome_tail = record;
        }
    }

    // --- between slices ----------------------------------------------------------------------------------------------------------

    /// Code of a process that runs between slices takes its next message; `None` means that it waits from now on, for at
    /// most `timeout` (0: it only looked). The message's length is settled.
    pub fn take_outside(&mut self, pid: Pid, timeout: i32) -> Option<u32> {
        self.table.live(pid)?;
        let handle = self.take_head(pid.index);
        if handle.is_some() {
            self.settle_length(pid.index, 1);
            self.set_receive_timeout(pid.index, NO_TIMEOUT);
        } else if timeout != 0 {
            self.set_receive_timeout(pid.index, timeout);
        }
        let process = self.table.entry(pid.index);
        if matches!(process.status, Status::Held | Status::Waiting) {
            process.status = if handle.is_none() && timeout != 0 {
                Status::Waiting
            } else {
                Status::Held
            };
        }
        handle
    }

    /// Messages put aside (or taken up again, if negative) by code that runs between slices.
    pub fn hold_outside(&mut self, pid: Pid, more: i32) {
        if self.table.live(pid).is_some() {
            self.settle_length(pid.index, more.wrapping_neg());
        }
    }

    // --- the outbox ------------------------------------------------------------------------------------------------------------------

    fn work_off_outbox(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        let len = (block.get(header::OUTBOX_LEN).max(0) as usize).min(OUTBOX_WORDS);
        let end = OUTBOX + len;
        let mut at = OUTBOX;
        while at + 4 <= end {
            let pid = Pid {
                index: block.get(at + 1) as u32,
                serial: block.get(at + 2) as u32,
            };
            let handle = block.get(at + 3) as u32;
            let code = block.get(at);
            at += 4;
            match code {
                command::SEND => self.send(queues, pid, handle),
                command::EXIT => self.exit(queues, pid, handle),
                _ if at + 4 <= end => {
                    let low = block.get(at) as u32;
                    let high = block.get(at + 1) as u32;
                    let reference = u64::from(low) | u64::from(high) << 32;
                    match code {
                        command::REPLY => self.reply(queues, pid, reference, handle),
                        command::SEND_ALIAS => self.send_alias(queues, pid, reference, handle),
                        command::SPAWN => {
                            let parent = Pid {
                                index: block.get(at + 2) as u32,
                                serial: block.get(at + 3) as u32,
                            };
                            self.spawn_reserved(queues, pid, parent, handle, reference);
                        }
                        _ => {
                            let timeout = block.get(at + 2);
                            let timeout =
                                (timeout != NO_TIMEOUT).then_some(u64::from(timeout as u32));
                            let caller = block.get(at + 3) as u32;
                            self.call(queues, caller, pid, reference, handle, timeout);
                        }
                    }
                    at += 4;
                }
                _ => break,
            }
        }
        block.set(header::OUTBOX_LEN, 0);
    }
}

impl Domain {
    /// The isolate has started a process in a reserved place. `how`: priority in bits 0 and 1, linked in bit 2.
    fn spawn_reserved(
        &mut self,
        queues: &mut RunQueues,
        pid: Pid,
        parent: Pid,
        how: u32,
        monitor: u64,
    ) {
        let priority = Priority::from_u8(how as u8 & 3).unwrap_or(Priority::Normal);
        if !self.begin(queues, pid, Spawn { parent, priority }) {
            return;
        }
        let parent_lives = self.table.live(parent).is_some();
        if how & 4 != 0 {
            if parent_lives {
                self.link(queues, parent.index, pid);
            } else {
                self.link(queues, pid.index, parent);
            }
        }
        if monitor != 0 && parent_lives {
            self.monitor(queues, parent.index, pid, monitor, AliasMode::None);
        }
    }
}

fn widened(window: u8) -> u8 {
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
