//! Signals between processes: messages, links, monitors, aliases, exit signals, calls, and the timers that send them.
//!
//! Every function acts at once on the process table, under the scheduler's lock, so that signals between any two
//! processes take effect in the order in which they were sent. One thing waits: exit signals and DOWNs to the process whose
//! slice is running take effect when the slice ends, before its next message; `unlink` and `demonitor` withdraw them.

use viga_scheduler::RunQueues;

use crate::between::Signal;
use crate::handles::{FRAGMENT, SystemMessage, constant};
use crate::monitor::{AliasMode, Purpose};
use crate::outcome::OutcomeKind;
use crate::process::{Status, flag};
use crate::slab::NIL;
use crate::timer::Action;
use crate::{Domain, Pid};

/// A signal to the process whose slice is running. Reasons are counted.
pub(crate) enum PendingSignal {
    Exit {
        from: Pid,
        reason: u32,
        linked: bool,
    },
    Down {
        reference: u64,
        from: Pid,
        reason: u32,
    },
}

impl Domain {
    /// Sends a message; to a dead process it goes nowhere. O(1).
    #[inline]
    pub fn send(&mut self, queues: &mut RunQueues, to: Pid, handle: u32) {
        if self.table.live(to).is_some() {
            self.append(queues, to.index, handle);
        } else {
            self.handles.release(handle);
        }
    }

    /// Sends through the alias `reference` of `owner`; dropped unless it is active. O(1).
    pub fn send_alias(&mut self, queues: &mut RunQueues, owner: Pid, reference: u64, handle: u32) {
        match self.find_monitor(owner, reference) {
            Some(record) if self.monitors[record].alias != AliasMode::None => {
                if self.monitors[record].alias == AliasMode::Reply {
                    self.remove_monitor(record);
                }
                self.append(queues, owner.index, handle);
            }
            _ => self.handles.release(handle),
        }
    }

    /// Links two processes; a dead one sends the exit signal 'noproc'. O(1).
    pub fn link(&mut self, queues: &mut RunQueues, from: u32, to: Pid) {
        if self.table.live(to).is_some() {
            if self.is_guest(from) {
                self.link_away(from, to);
            } else {
                self.add_link(from, to.index);
                self.no_longer_quiet(from);
                self.no_longer_quiet(to.index);
            }
        } else if self.is_exit_pending(from, to) {
            // They count as linked still.
        } else if self.table.is_away(to) {
            self.link_away(from, to);
        } else {
            self.exit_signal(queues, to, from, constant::NOPROC, true);
            self.bury_dying(queues);
        }
    }

    /// The exit signal of a link with `from` waits for the end of the slice in progress, that of the process at `index`: until it
    /// arrives the two count as linked.
    fn is_exit_pending(&self, index: u32, from: Pid) -> bool {
        self.table.peek(index).status == Status::Running
            && self.pending.iter().any(|signal| {
                matches!(signal, PendingSignal::Exit { from: sender, linked: true, .. } if *sender == from)
            })
    }

    /// Ends a link; no exit signal from it takes effect afterwards. O(1).
    pub fn unlink(&mut self, from: u32, to: Pid) {
        if self.table.live(to).is_some() && !self.is_guest(from) {
            self.remove_link(from, to.index);
        } else {
            self.unlink_away(from, to);
            self.withdraw_exit(from, to);
        }
    }

    /// Others reach it by way of its home, so its links are like those with processes of other schedulers, on both sides.
    #[inline]
    fn is_guest(&self, index: u32) -> bool {
        self.table.peek(index).has(flag::GUEST)
    }

    /// The exit signal of a link that waits for the end of the slice in progress will not come.
    fn withdraw_exit(&mut self, index: u32, from: Pid) {
        if self.table.peek(index).status != Status::Running {
            return;
        }
        let handles = &mut self.handles;
        self.pending.retain(|signal| match *signal {
            PendingSignal::Exit {
                from: sender,
                reason,
                linked: true,
            } if sender == from => {
                handles.drop_reason(reason);
                false
            }
            _ => true,
        });
    }

    /// Watches a process; a dead one gives DOWN 'noproc' at once. O(1).
    pub fn monitor(
        &mut self,
        queues: &mut RunQueues,
        from: u32,
        target: Pid,
        reference: u64,
        alias: AliasMode,
    ) {
        if self.table.live(target).is_some() {
            // Nobody is told of one's own end: a monitor of oneself is none, and no alias either, as in Erlang.
            if target.index != from {
                self.add_monitor(reference, from, target.index, Purpose::Monitor, alias);
                self.no_longer_quiet(target.index);
            }
        } else if self.table.is_away(target) {
            let owner = self.pid_at(from);
            let record = self.add_monitor(reference, from, NIL, Purpose::Monitor, alias);
            self.monitors[record].far = target;
            let signal = Signal::Monitor {
                target,
                owner,
                reference,
            };
            self.post(target, signal);
        } else if self.table.peek(from).status == Status::Running {
            let record = self.add_monitor(reference, from, NIL, Purpose::Monitor, alias);
            self.monitors[record].down_pending = true;
            self.pending.push(PendingSignal::Down {
                reference,
                from: target,
                reason: constant::NOPROC,
            });
        } else {
            if alias == AliasMode::Explicit {
                self.alias(from, reference, alias);
            }
            self.down(queues, from, reference, target, constant::NOPROC);
        }
    }

    /// Delivers a DOWN.
    pub(crate) fn down(
        &mut self,
        queues: &mut RunQueues,
        owner: u32,
        reference: u64,
        from: Pid,
        reason: u32,
    ) {
        self.handles.retain(reason);
        let message = self.handles.system_message(SystemMessage::Down {
            reference,
            from,
            reason,
        });
        self.append(queues, owner, message);
    }

    /// Takes the content out of a system message that has been taken from a mailbox. The handle means nothing afterwards;
    /// the reason lives until the executor is next told what it may forget.
    pub fn take_system_message(&mut self, handle: u32) -> Option<SystemMessage> {
        let message = self.handles.peek_system(handle)?;
        self.handles.forget_system(handle);
        Some(message)
    }

    /// Ends a monitor, and its alias unless that is explicit; `flush` removes its DOWN. False when it was over. O(1), with
    /// a flush that finds no monitor O(mailbox).
    pub fn demonitor(&mut self, owner: Pid, reference: u64, flush: bool) -> bool {
        let found = match self.find_monitor(owner, reference) {
            Some(record) if self.monitors[record].is_watching() => {
                self.monitors[record].down_pending = false;
                if self.monitors[record].alias == AliasMode::Explicit {
                    self.detach_monitor(record);
                } else {
                    self.remove_monitor(record);
                }
                true
            }
            _ => false,
        };
        if flush && !found {
            self.remove_system_message(
                owner.index,
                |message| matches!(message, SystemMessage::Down { reference: of, .. } if *of == reference),
            );
        }
        found
    }

    /// Makes an alias without a monitor. O(1).
    pub fn alias(&mut self, owner: u32, reference: u64, mode: AliasMode) {
        self.add_monitor(reference, owner, NIL, Purpose::Monitor, mode);
    }

    /// Ends an alias; a monitor under the same reference goes on. False when it was over. O(1).
    pub fn unalias(&mut self, owner: Pid, reference: u64) -> bool {
        match self.find_monitor(owner, reference) {
            Some(record) if self.monitors[record].alias != AliasMode::None => {
                if !self.monitors[record].is_watching() {
                    self.remove_monitor(record);
                } else {
                    self.monitors[record].alias = AliasMode::None;
                }
                true
            }
            _ => false,
        }
    }

    /// exit(to, reason): an exit signal that no link carries. `reason` is counted and taken over. O(1), and whatever
    /// ends with it.
    pub fn signal_exit(&mut self, queues: &mut RunQueues, from: Pid, to: Pid, reason: u32) {
        self.handles.retain(reason);
        let (from, to) = self.as_known(from, to);
        if self.table.live(to).is_some() {
            self.exit_signal(queues, from, to.index, reason, false);
            self.bury_dying(queues);
        } else if self.table.is_away(to) {
            let reason = self.handles.reason_for(reason);
            let linked = false;
            let signal = Signal::Exit {
                to,
                from,
                reason,
                linked,
            };
            self.post(to, signal);
        }
        self.handles.drop_reason(reason);
    }

    /// An exit signal reaches the live process at `index`. What dies of it waits in `dying`.
    pub(crate) fn exit_signal(
        &mut self,
        queues: &mut RunQueues,
        from: Pid,
        index: u32,
        reason: u32,
        linked: bool,
    ) {
        let own = from == self.pid_at(index);
        let entry = self.table.entry(index);
        let own_message = own && entry.has(flag::TRAP_EXIT) && reason != constant::KILL;
        if entry.status == Status::Running && !own_message {
            self.handles.retain(reason);
            self.pending.push(PendingSignal::Exit {
                from,
                reason,
                linked,
            });
        } else if entry.has(flag::TRAP_EXIT)
            && (linked || reason != constant::KILL || entry.has(flag::ROOT))
        {
            self.handles.retain(reason);
            let message = self
                .handles
                .system_message(SystemMessage::Exit { from, reason });
            self.append(queues, index, message);
        } else if entry.has(flag::ROOT) {
            // Deaf: the code outside any process goes on whatever ends around it.
        } else if reason == constant::KILL && !linked {
            self.end_by_signal(index, constant::KILLED);
        } else if reason != constant::NORMAL || own {
            self.end_by_signal(index, reason);
        }
    }

    /// The sender as others know it; and the receiver, where it is the sender itself, as this scheduler does.
    fn as_known(&self, from: Pid, to: Pid) -> (Pid, Pid) {
        if self.guests.is_empty() || self.table.is_away(from) {
            return (from, to);
        }
        let known = self.pid_at(from.index);
        (known, if to == known { from } else { to })
    }

    fn end_by_signal(&mut self, index: u32, reason: u32) {
        self.handles.retain(reason);
        self.dying.push_back((index, reason));
    }

    /// The slice of the process at `index` is over: what came meanwhile takes effect, until it dies of it.
    pub(crate) fn settle_pending(&mut self, queues: &mut RunQueues, pid: Pid) {
        let mut signals = std::mem::take(&mut self.pending);
        for signal in signals.drain(..) {
            let alive = self.table.live(pid).is_some();
            match signal {
                PendingSignal::Exit {
                    from,
                    reason,
                    linked,
                } => {
                    if alive {
                        self.exit_signal(queues, from, pid.index, reason, linked);
                        self.bury_dying(queues);
                    }
                    self.handles.drop_reason(reason);
                }
                PendingSignal::Down {
                    reference,
                    from,
                    reason,
                } => {
                    if alive {
                        self.settle_down(queues, pid, reference, from, reason);
                    }
                    self.handles.drop_reason(reason);
                }
            }
        }
        // Ends that came of it may have reached the slice that runs by now.
        signals.append(&mut self.pending);
        self.pending = signals;
    }

    fn settle_down(
        &mut self,
        queues: &mut RunQueues,
        owner: Pid,
        reference: u64,
        from: Pid,
        reason: u32,
    ) {
        let Some(record) = self.find_monitor(owner, reference) else {
            return;
        };
        if !std::mem::replace(&mut self.monitors[record].down_pending, false) {
            return;
        }
        if self.monitors[record].alias != AliasMode::Explicit {
            self.remove_monitor(record);
        }
        self.down(queues, owner.index, reference, from, reason);
    }

    /// Runs a process that waits or is held; a running one gets a slice more. O(1).
    pub fn resume(&mut self, queues: &mut RunQueues, pid: Pid) {
        let Some(entry) = self.table.live(pid) else {
            return;
        };
        entry.set(flag::RESUMED);
        if matches!(
            entry.status,
            Status::Waiting | Status::AwaitsOutcome | Status::Held
        ) {
            self.make_runnable(queues, pid.index);
        }
    }

    /// Starts a timer that sends a message. Gives its record and stamp, which name it. O(1).
    pub fn start_timer(&mut self, to: Pid, milliseconds: u64, message: u32) -> (u32, u32) {
        let Some(message) = self.message_of_executor(message) else {
            return (NIL, 0);
        };
        let now = self.clock.read();
        if message & FRAGMENT != 0 && self.table.is_away(to) {
            let timer = self
                .wheel
                .start(now, milliseconds, Action::SendAway { to, message });
            return (timer, self.wheel.get_mut(timer).stamp);
        }
        if self.table.live(to).is_none() {
            self.handles.release(message);
            return (NIL, 0);
        }
        let action = Action::Send {
            target: to.index,
            message,
        };
        let timer = self.wheel.start(now, milliseconds, action);
        let head = std::mem::replace(&mut self.table.entry(to.index).timers, timer);
        if head != NIL {
            self.wheel.get_mut(head).process_previous = timer;
        }
        let record = self.wheel.get_mut(timer);
        record.process_next = head;
        (timer, record.stamp)
    }

    fn is_running_timer(&self, timer: u32, stamp: u32) -> bool {
        self.wheel.get(timer).is_some_and(|found| {
            found.stamp == stamp
                && matches!(found.action, Action::Send { .. } | Action::SendAway { .. })
        })
    }

    /// Milliseconds left, of a timer that sends.
    pub fn read_timer(&mut self, timer: u32, stamp: u32) -> Option<u64> {
        let now = self.clock.read();
        self.is_running_timer(timer, stamp)
            .then(|| self.wheel.left(now, timer))
    }

    /// Cancels a timer that sends; milliseconds that were left. O(1).
    pub fn cancel_timer(&mut self, timer: u32, stamp: u32) -> Option<u64> {
        let left = self.read_timer(timer, stamp)?;
        let cancelled = self.wheel.cancel(timer);
        match cancelled.action {
            Action::Send { target, message } => {
                self.unlist_timer(target, cancelled.process_previous, cancelled.process_next);
                self.handles.release(message);
            }
            Action::SendAway { message, .. } => self.handles.release(message),
            Action::Receive { .. } | Action::Call { .. } => {}
        }
        Some(left)
    }

    pub(crate) fn unlist_timer(&mut self, target: u32, previous: u32, next: u32) {
        if previous == NIL {
            self.table.entry(target).timers = next;
        } else {
            self.wheel.get_mut(previous).process_next = next;
        }
        if next != NIL {
            self.wheel.get_mut(next).process_previous = previous;
        }
    }

    /// Fires every timer that is due.
    pub(crate) fn fire_timers(&mut self, queues: &mut RunQueues, now_us: u64) {
        self.wheel.advance(now_us);
        while let Some(timer) = self.wheel.pop_due() {
            match timer.action {
                Action::Send { target, message } => {
                    self.unlist_timer(target, timer.process_previous, timer.process_next);
                    self.append(queues, target, message);
                }
                Action::SendAway { to, message } => {
                    if let Some(fragment) = self.handles.take_fragment(message) {
                        self.post(to, Signal::Message { to, fragment });
                    }
                }
                Action::Receive { target } => {
                    let entry = self.table.entry(target);
                    entry.receive_timer = NIL;
                    entry.set(flag::TIMED_OUT);
                    if entry.status == Status::Waiting {
                        self.make_runnable(queues, target);
                    }
                }
                Action::Call { monitor } => {
                    self.monitors[monitor].purpose = Purpose::Call { timer: NIL };
                    let ended = self.remove_monitor(monitor);
                    self.outcome(
                        queues,
                        ended.owner,
                        ended.reference,
                        OutcomeKind::Timeout,
                        constant::NORMAL,
                    );
                }
            }
        }
    }
}
