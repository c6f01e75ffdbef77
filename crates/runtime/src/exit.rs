//! The end of a process, and of those that end with it.
//!
//! Order, for each: names, tables and registry entries, timers, mailbox, its own monitors and calls; then exit signals to
//! its links, then DOWNs and call outcomes to those who watched it. So whoever hears of the end finds nothing left of it.
//! A chain of links of any length is worked off from a queue, not by recursion.

use viga_scheduler::RunQueues;

use crate::between::Signal;
use crate::monitor::{AliasMode, Purpose};
use crate::outcome::OutcomeKind;
use crate::process::{Status, flag};
use crate::signal::PendingSignal;
use crate::slab::NIL;
use crate::timer::Action;
use crate::{Domain, Pid};

impl Domain {
    /// The body of a process has ended by itself. `reason` is taken over, counted by the caller.
    pub fn exit(&mut self, queues: &mut RunQueues, pid: Pid, reason: u32) {
        self.handles.retain(reason);
        match self.table.live(pid) {
            Some(entry) if !entry.has(flag::ROOT) => {
                self.end_process(queues, pid.index, reason);
                self.bury_dying(queues);
            }
            _ => {}
        }
        self.handles.drop_reason(reason);
    }

    /// Ends the processes that have been sentenced by signals, and those that their ends sentence.
    pub(crate) fn bury_dying(&mut self, queues: &mut RunQueues) {
        while let Some((index, reason)) = self.dying.pop_front() {
            let entry = self.table.peek(index);
            if entry.status != Status::Free {
                let pid = Pid {
                    index,
                    serial: entry.serial,
                };
                self.end_process(queues, index, reason);
                self.buried.push_back(pid);
            }
            self.handles.drop_reason(reason);
        }
    }

    pub(crate) fn end_process(&mut self, queues: &mut RunQueues, index: u32, reason: u32) {
        let pid = self.pid_at(index);
        let entry = self.table.entry(index);
        let names = entry.names.take();
        let owner = entry.has(flag::OWNER);
        if entry.status == Status::Running && self.batch.signalled.is_none() {
            self.drop_pending();
        }
        for name in names.into_iter().flat_map(|names| *names) {
            self.between.unname(&name, pid);
        }
        if owner {
            (self.owner_ended)(pid);
        }
        self.end_timers(index);
        self.end_mailbox(index);
        while self.table.peek(index).monitors_owned != NIL {
            let record = self.table.peek(index).monitors_owned;
            self.remove_monitor(record);
        }
        self.tell_links(queues, index, pid, reason);
        self.tell_away_links(index, pid, reason);
        self.tell_watchers(queues, index, pid, reason);
        self.forget_guest(index);
        self.table.release(index);
    }

    /// The process whose slice is running ends by itself: what would have taken effect after the slice is void.
    pub(crate) fn drop_pending(&mut self) {
        for signal in self.pending.drain(..) {
            match signal {
                PendingSignal::Exit { reason, .. } | PendingSignal::Down { reason, .. } => {
                    self.handles.drop_reason(reason);
                }
            }
        }
    }

    fn end_timers(&mut self, index: u32) {
        let entry = self.table.entry(index);
        let receive = std::mem::replace(&mut entry.receive_timer, NIL);
        let mut timer = std::mem::replace(&mut entry.timers, NIL);
        if receive != NIL {
            self.wheel.cancel(receive);
        }
        while timer != NIL {
            let cancelled = self.wheel.cancel(timer);
            timer = cancelled.process_next;
            if let Action::Send { message, .. } = cancelled.action {
                self.handles.release(message);
            }
        }
    }

    fn end_mailbox(&mut self, index: u32) {
        self.cancel_picked(index);
        let entry = self.table.entry(index);
        let (head, tail) = (entry.mailbox_head, entry.mailbox_tail);
        let len = std::mem::replace(&mut entry.mailbox_len, 0);
        entry.mailbox_head = NIL;
        entry.mailbox_tail = NIL;
        let mut outcome = std::mem::replace(&mut entry.outcome_head, NIL);
        entry.outcome_tail = NIL;
        self.messages = self.messages.saturating_sub(u64::from(len));
        if head != NIL {
            self.handles.release_chain(head, tail);
        }
        while outcome != NIL {
            let record = self.outcomes.remove(outcome);
            self.drop_outcome(record.kind, record.handle);
            outcome = record.next;
        }
    }

    /// Nobody will hear of the outcome.
    pub(crate) fn drop_outcome(&mut self, kind: OutcomeKind, handle: u32) {
        match kind {
            OutcomeKind::Reply => self.handles.release(handle),
            OutcomeKind::Down => self.handles.drop_reason(handle),
            OutcomeKind::Timeout => {}
        }
    }

    /// Oldest link first.
    fn tell_links(&mut self, queues: &mut RunQueues, index: u32, pid: Pid, reason: u32) {
        if self.table.peek(index).links == NIL {
            return;
        }
        let mut others = std::mem::take(&mut self.told);
        others.extend(self.linked_with(index));
        for other in others.drain(..).rev() {
            self.remove_link(index, other);
            self.exit_signal(queues, pid, other, reason, true);
        }
        self.told = others;
    }

    /// Oldest monitor first.
    fn tell_watchers(&mut self, queues: &mut RunQueues, index: u32, pid: Pid, reason: u32) {
        if self.table.peek(index).monitors_on == NIL {
            return;
        }
        let mut records = std::mem::take(&mut self.told);
        records.extend(self.monitor_records_on(index));
        for record in records.drain(..).rev() {
            self.tell_watcher(queues, pid, reason, record);
        }
        self.told = records;
    }

    pub(crate) fn tell_watcher(
        &mut self,
        queues: &mut RunQueues,
        pid: Pid,
        reason: u32,
        record: u32,
    ) {
        let monitor = &self.monitors[record];
        let (owner, reference, purpose) = (monitor.owner, monitor.reference, monitor.purpose);
        if owner == NIL {
            let owner = monitor.far;
            self.remove_monitor(record);
            let reason = self.handles.reason_for(reason);
            let signal = Signal::Down {
                owner,
                reference,
                from: pid,
                reason,
            };
            self.post(owner, signal);
        } else if purpose == Purpose::Monitor && self.table.peek(owner).status == Status::Running {
            self.detach_monitor(record);
            self.monitors[record].down_pending = true;
            self.handles.retain(reason);
            self.pending.push(PendingSignal::Down {
                reference,
                from: pid,
                reason,
            });
        } else if purpose == Purpose::Monitor {
            if self.monitors[record].alias == AliasMode::Explicit {
                self.detach_monitor(record);
            } else {
                self.remove_monitor(record);
            }
            self.down(queues, owner, reference, pid, reason);
        } else {
            self.remove_monitor(record);
            self.handles.retain(reason);
            self.outcome(queues, owner, reference, OutcomeKind::Down, reason);
        }
    }
}
