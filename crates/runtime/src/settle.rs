//! Settling: what slices that have been run leave behind takes effect, and what code between slices does in their stead.

use viga_scheduler::RunQueues;

use crate::batch::{slice_words, widened};
use crate::control_block::{ControlBlock, KEEP_TIMEOUT, NO_TIMEOUT, WIDEST_WINDOW, entry};
use crate::executor::{Wake, slice_end};
use crate::outcome::{Outcome, OutcomeKind};
use crate::process::{Status, flag};
use crate::slab::NIL;
use crate::timer::Action;
use crate::{Domain, Pid};

impl Domain {
    pub(crate) fn settle(&mut self, queues: &mut RunQueues, block: &ControlBlock, place: usize) {
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
        if slice.staged {
            self.forget_staged(block, slice.window_start, slice.window_start + taken);
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
        // Its blueprint has been taken first of all.
        process.clear(flag::ARRIVED);
        if end != slice_end::ARRIVING {
            process.set(flag::STARTED);
            if !process.has(flag::SETTLED) {
                process.clear(flag::MOVABLE);
            }
        }
        let movable = process.has(flag::MOVABLE);
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
        if movable {
            self.note_active(slice.index);
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
            slice_end::HOLD | slice_end::ARRIVING => {
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
    pub(crate) fn take_back_rest(
        &mut self,
        queues: &mut RunQueues,
        block: &ControlBlock,
        done: usize,
    ) {
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
            if !process.has(flag::QUEUED) {
                queues.push_front(slice.index, process.priority);
                self.table.queued(slice.index);
            } else if !process.has(flag::HASTENED) {
                // It was picked ahead of its place.
                process.set(flag::HASTENED);
                self.hastened.push_front(slice.index);
            }
        }
        // Its reductions were spent: so many slices are enough for one.
        self.batch.width = done.max(1);
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
}
