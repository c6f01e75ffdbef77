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
//! 4. what other schedulers and threads have sent meanwhile takes effect (see `arriving`).
//!
//! [`System::operate`](crate::System::operate) ends it: what is for other schedulers goes into their inboxes, and they are woken.

use viga_scheduler::RunQueues;

use crate::batch::Lent;
use crate::control_block::{
    BATCH_SLICES, BURIED, BURIED_WORDS, ControlBlock, MOST_RESERVED, RELEASED, RELEASED_WORDS,
    RESERVED, header,
};
use crate::{Buffer, Domain};

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
    /// The first slice of a process that another scheduler has started here: its first message is what it is made of.
    Arrive = 5,
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
    /// Waits to be resumed; its first slice is still to come.
    pub const ARRIVING: i32 = 5;
}

impl Domain {
    /// The isolate with this block executes the domain's processes from now on.
    pub fn attach(&mut self, block: ControlBlock) {
        // Whatever came while nobody was here is not for this isolate to let go of.
        self.handles.forget_released();
        self.buried.clear();
        self.batch.block = Some(block);
        let inbox = self.between.inbox(self.scheduler);
        inbox.set_vacant(false);
        self.between.set_attached(self.scheduler, true);
    }

    /// The isolate lends bytes. Its staged records must have been read.
    pub fn lend(&mut self, which: Lent, buffer: Buffer) {
        self.batch.use_buffer(which, buffer);
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
        if !self.shown.is_empty() {
            self.forget_shown();
        }
        let done = (block.get(header::BATCH_DONE) as usize).min(self.batch.len);
        while self.batch.settled < done {
            self.settle(queues, block, self.batch.settled);
            self.batch.settled += 1;
        }
        // Before anything takes effect: what hits the slice in progress has to wait for its end.
        let in_slice = block.get(header::IN_SLICE) != 0;
        if done < self.batch.len {
            if in_slice {
                self.mark_running(done);
            } else {
                self.take_back_rest(queues, block, done);
            }
        }
        if block.get(header::OUTBOX_LEN) != 0 {
            self.work_off_outbox(queues, block);
        }
        if let Some(pid) = self.batch.signalled.take() {
            self.settle_pending(queues, pid);
        }
        // Not during a slice: an exit signal waits for its end, and what the same sender sent afterwards must not pass it.
        if !in_slice && self.has_arrivals() {
            self.work_off_inbox(queues);
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
        self.pick_unless_offering(queues, block);
        if self.batch.len == 0 && block.get(header::LEAVING_LEN) == 0 && self.wheel.len() != 0 {
            self.look_at_clock(queues, block);
            self.pick_unless_offering(queues, block);
        }
        if self.batch.len == 0 {
            self.was_idle = true;
            let deadline = self.wheel.next_deadline(self.batch.looked_us);
            let wait = deadline.map_or(-1, |wait| wait.min(i32::MAX as u64) as i32);
            block.set(header::NEXT_DEADLINE, wait);
        }
        block.set(header::OTHERS, i32::from(self.between.has_several()));
        self.reserve(block, RESERVED_AHEAD);
        self.give_back(block);
    }

    /// While processes are offered the isolate crosses for each, which a batch in its hands would not survive.
    #[inline]
    fn pick_unless_offering(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        if block.get(header::LEAVING_LEN) == 0 {
            self.pick(queues, block);
        } else {
            self.batch.len = 0;
            self.batch.settled = 0;
            block.set(header::BATCH_LEN, 0);
            block.set(header::BATCH_DONE, 0);
        }
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
        block.set(header::LONG, i32::from(!short));
        self.note_period(now);
        self.note_busy(now);
        // Not twice in a row: what the isolate keeps would be offered to it for ever, and nothing would run.
        let offered_last = std::mem::replace(&mut self.batch.offered, false);
        if !offered_last && self.table.movable_queued() != 0 {
            self.share_work(queues, block);
        }
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
}
