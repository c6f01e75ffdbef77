//! Mailboxes: a list of handles per process, linked through [`crate::handles`], so that appending and taking are O(1),
//! nothing is allocated per message and a mailbox of a million messages costs no process anything but its own.

use viga_scheduler::{Priority, RunQueues};

use crate::Domain;
use crate::process::{Status, flag};
use crate::slab::NIL;

/// Messages that hasten the turn of a process that is queued.
const BACKLOG: u32 = 256;

impl Domain {
    /// Appends a message to the mailbox of the live process at `index`, and wakes it. O(1).
    #[inline]
    pub(crate) fn append(&mut self, queues: &mut RunQueues, index: u32, handle: u32) {
        self.handles.set_next(handle, NIL);
        let entry = self.table.entry(index);
        let tail = entry.mailbox_tail;
        entry.mailbox_tail = handle;
        if tail == NIL {
            entry.mailbox_head = handle;
        }
        entry.mailbox_len += 1;
        let len = entry.mailbox_len;
        self.messages += 1;
        let status = entry.status;
        let hastened = entry.has(flag::HASTENED);
        let place = entry.batch_place;
        if tail != NIL {
            self.handles.set_next(tail, handle);
        }
        match status {
            Status::Waiting => self.make_runnable(queues, index),
            Status::Picked | Status::Running => self.more_behind_window(place),
            Status::Runnable if len >= BACKLOG && !hastened => self.hasten(index),
            _ => {}
        }
    }

    /// A mailbox has [`BACKLOG`] messages or more, and one more comes, while its process waits for its turn: that comes next,
    /// ahead of all of normal priority. Messages are then taken while they are young, instead of piling up behind everybody
    /// who sends more, which costs V8 a promotion for each. Nobody starves by it: after a batch of hastened processes comes one of
    /// the queue's. Its place in the queue stays, and is its place the next time it waits for a turn.
    #[cold]
    fn hasten(&mut self, index: u32) {
        let entry = self.table.entry(index);
        if entry.priority == Priority::Normal {
            entry.set(flag::HASTENED);
            self.hastened.push_back(index);
        }
    }

    /// The next process that was hastened and still waits for its turn.
    pub(crate) fn pop_hastened(&mut self) -> Option<u32> {
        while let Some(index) = self.hastened.pop_front() {
            let entry = self.table.entry(index);
            if entry.has(flag::HASTENED) {
                entry.clear(flag::HASTENED);
                if entry.status == Status::Runnable {
                    return Some(index);
                }
            }
        }
        None
    }

    /// Takes the oldest message out of the mailbox. The length stays: the message counts as waiting until it is settled.
    #[inline]
    pub(crate) fn take_head(&mut self, index: u32) -> Option<u32> {
        let entry = self.table.entry(index);
        let handle = entry.mailbox_head;
        if handle == NIL {
            return None;
        }
        let next = self.handles.next(handle);
        entry.mailbox_head = next;
        if next == NIL {
            entry.mailbox_tail = NIL;
        }
        Some(handle)
    }

    /// Puts a message that was handed out and not taken back to the front.
    pub(crate) fn put_back(&mut self, index: u32, handle: u32) {
        let entry = self.table.entry(index);
        let head = entry.mailbox_head;
        entry.mailbox_head = handle;
        if head == NIL {
            entry.mailbox_tail = handle;
        }
        self.handles.set_next(handle, head);
    }

    /// The process took messages, or put some aside and took others up again: `waiting` fewer wait (more, if negative).
    #[inline]
    pub(crate) fn settle_length(&mut self, index: u32, fewer: i32) {
        let entry = self.table.entry(index);
        entry.mailbox_len = entry
            .mailbox_len
            .saturating_add_signed(fewer.wrapping_neg());
        self.messages = self.messages.saturating_add_signed(-i64::from(fewer));
    }

    /// Queues a live process that is not queued, picked or running.
    #[inline]
    pub(crate) fn make_runnable(&mut self, queues: &mut RunQueues, index: u32) {
        let entry = self.table.entry(index);
        entry.status = Status::Runnable;
        if !entry.has(flag::QUEUED) {
            queues.push_back(index, entry.priority);
            self.table.queued(index);
        }
    }

    /// Removes the first system message for which `test` is true from the mailbox. O(mailbox).
    pub(crate) fn remove_system_message(
        &mut self,
        index: u32,
        test: impl Fn(&crate::handles::SystemMessage) -> bool,
    ) -> bool {
        let mut previous = NIL;
        let mut handle = self.table.peek(index).mailbox_head;
        while handle != NIL {
            let next = self.handles.next(handle);
            let found = handle & crate::handles::SYSTEM != 0
                && self
                    .handles
                    .peek_system(handle)
                    .is_some_and(|message| test(&message));
            if found {
                if previous == NIL {
                    self.table.entry(index).mailbox_head = next;
                } else {
                    self.handles.set_next(previous, next);
                }
                if next == NIL {
                    self.table.entry(index).mailbox_tail = previous;
                }
                self.settle_length(index, 1);
                self.handles.forget_system(handle);
                return true;
            }
            previous = handle;
            handle = next;
        }
        false
    }
}
