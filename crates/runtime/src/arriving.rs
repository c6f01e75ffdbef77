//! What signals from other schedulers do here.

use std::sync::Arc;

use viga_scheduler::RunQueues;

use crate::away::{AwayLink, Recipient};
use crate::between::{Reason, Signal};
use crate::fragment::Fragment;
use crate::handles::constant;
use crate::monitor::{NOBODY, Purpose};
use crate::process::flag;
use crate::slab::NIL;
use crate::{Domain, Pid, Spawn};

/// Signals that take effect in one crossing.
const MOST_AT_A_TIME: u64 = 4096;

impl Domain {
    /// Puts a signal on its way to a scheduler, which is woken when this crossing ends. Where others send to it at this moment, it waits
    /// till then as well.
    #[inline]
    pub(crate) fn send_to(&mut self, scheduler: usize, signal: Signal) {
        let delayed = if self.out[scheduler].is_empty() {
            self.between.inbox(scheduler).try_push(signal)
        } else {
            Some(signal)
        };
        if let Some(signal) = delayed {
            self.out[scheduler].push(signal);
        }
        self.receivers[scheduler / 64] |= 1 << (scheduler % 64);
        self.any_sent = true;
    }

    /// Others have sent something. On the thread of the isolate, if there is one.
    #[inline]
    pub(crate) fn has_arrivals(&self) -> bool {
        // SAFETY: whoever has the domain has its scheduler's lock; the thread is the caller's promise.
        unsafe { self.between.inbox(self.scheduler).has_some() }
    }

    /// What others have sent takes effect, so much at a time, so that they cannot keep the receiver from running. How many signals it
    /// was. On the thread of the isolate, if there is one.
    pub(crate) fn work_off_inbox(&mut self, queues: &mut RunQueues) -> u64 {
        let between = Arc::clone(&self.between);
        let inbox = between.inbox(self.scheduler);
        let mut received = 0;
        while received < MOST_AT_A_TIME {
            // SAFETY: whoever has the domain has its scheduler's lock; the thread is the caller's promise.
            let Some(signal) = (unsafe { inbox.pop() }) else {
                break;
            };
            received += 1;
            self.receive(queues, signal);
        }
        if received != 0 {
            inbox.note_received(received);
        }
        received
    }

    /// A signal for a process that has moved is sent on; one for a guest finds it in its place here.
    #[inline]
    fn receive(&mut self, queues: &mut RunQueues, mut signal: Signal) {
        if !(self.moved.is_empty() && self.guests.is_empty())
            && let Some(to) = signal.receiver()
        {
            if self.table.has_moved(*to) {
                let to = *to;
                self.post(to, signal);
                return;
            }
            *to = self.place_of(*to);
        }
        self.arrive(queues, signal);
    }

    fn arrive(&mut self, queues: &mut RunQueues, signal: Signal) {
        match signal {
            Signal::Message { to, fragment } => {
                self.deliver_fragment(queues, Recipient::Process(to), fragment);
            }
            Signal::Call {
                target,
                caller,
                reference,
                fragment,
            } => {
                self.call_arrives(queues, target, caller, reference, fragment);
            }
            Signal::Reply {
                caller,
                reference,
                forgotten,
                fragment,
            } => {
                self.reply_arrives(queues, caller, reference, forgotten, fragment);
            }
            Signal::Alias {
                owner,
                reference,
                fragment,
            } => {
                self.deliver_fragment(queues, Recipient::Alias(owner, reference), fragment);
            }
            Signal::Link { to, from } => self.link_arrives(to, from),
            Signal::Unlink { to, from, number } => {
                if self.table.live(to).is_some()
                    && self.away_link(to.index, from) == Some(AwayLink::Linked)
                {
                    self.forget_away_link(to.index, from);
                }
                let signal = Signal::UnlinkSeen {
                    to: from,
                    from: to,
                    number,
                };
                self.post(from, signal);
            }
            Signal::UnlinkSeen { to, from, number } => {
                if self.table.live(to).is_some()
                    && self.away_link(to.index, from) == Some(AwayLink::Unlinking(number))
                {
                    self.forget_away_link(to.index, from);
                }
            }
            Signal::Exit {
                to,
                from,
                reason,
                linked,
            } => {
                self.exit_arrives(queues, to, from, reason, linked);
            }
            Signal::Monitor {
                target,
                owner,
                reference,
            } => {
                if self.table.live(target).is_some() {
                    self.add_watcher(target.index, owner, reference, Purpose::Monitor);
                    self.no_longer_quiet(target.index);
                } else {
                    self.post_noproc(owner, reference, target);
                }
            }
            Signal::Demonitor {
                owner, reference, ..
            } => {
                self.forget_watcher(owner, reference);
            }
            Signal::Adopt(package) => self.adopt(queues, *package),
            Signal::Gone { to } => self.guest_gone(to),
            Signal::Down {
                owner,
                reference,
                from,
                reason,
            } => {
                self.down_arrives(queues, owner, reference, from, reason);
            }
            Signal::Spawn {
                pid,
                parent,
                priority,
                linked,
                monitor,
                blueprint,
            } => {
                let spawn = Spawn { parent, priority };
                self.spawn_arrives(queues, pid, spawn, linked, monitor, blueprint);
            }
            Signal::Named { to, name } | Signal::Unnamed { to, name } => self.see_name(to, name),
            Signal::LocalMessage { to, handle } => self.send(queues, to, handle),
            Signal::LocalExit { to, from, reason } => self.signal_exit(queues, from, to, reason),
        }
    }

    /// Somebody has given the process a name or has taken it back, and others may have since: what is so now counts. Each change
    /// is followed by a signal, so the process's own list is right after the last one.
    fn see_name(&mut self, to: Pid, name: Box<str>) {
        if self.table.live(to).is_none() {
            self.between.unname(&name, to);
            return;
        }
        let has_it = self.between.whereis(&name) == Some(self.pid_at(to.index));
        let entry = self.table.entry(to.index);
        entry.forget_name(&name);
        if has_it {
            entry.names.get_or_insert_default().push(name);
        }
    }

    fn away_link(&self, index: u32, other: Pid) -> Option<AwayLink> {
        self.table.peek(index).away.as_ref()?.get(&other).copied()
    }

    fn link_arrives(&mut self, to: Pid, from: Pid) {
        if self.table.live(to).is_none() {
            let reason = Reason::Constant(constant::NOPROC);
            self.post(
                from,
                Signal::Exit {
                    to: from,
                    from: to,
                    reason,
                    linked: true,
                },
            );
        } else if self.away_link(to.index, from).is_none() {
            self.keep_away_link(to.index, from);
        }
    }

    fn exit_arrives(
        &mut self,
        queues: &mut RunQueues,
        to: Pid,
        from: Pid,
        reason: Reason,
        linked: bool,
    ) {
        if self.table.live(to).is_none() {
            return;
        }
        if linked {
            if self.away_link(to.index, from) != Some(AwayLink::Linked) {
                return;
            }
            self.forget_away_link(to.index, from);
        }
        let reason = self.handles.reason_from(reason);
        self.handles.retain(reason);
        self.exit_signal(queues, from, to.index, reason, linked);
        self.bury_dying(queues);
        self.handles.drop_reason(reason);
    }

    fn post_noproc(&mut self, owner: Pid, reference: u64, from: Pid) {
        let reason = Reason::Constant(constant::NOPROC);
        self.post(
            owner,
            Signal::Down {
                owner,
                reference,
                from,
                reason,
            },
        );
    }

    fn call_arrives(
        &mut self,
        queues: &mut RunQueues,
        target: Pid,
        caller: Pid,
        reference: u64,
        request: Fragment,
    ) {
        if self.table.live(target).is_none() {
            self.post_noproc(caller, reference, target);
            return;
        }
        self.add_watcher(
            target.index,
            caller,
            reference,
            Purpose::Call { timer: NIL },
        );
        self.no_longer_quiet(target.index);
        let handle = self.handles.parcel(request, true);
        self.append(queues, target.index, handle);
    }

    fn reply_arrives(
        &mut self,
        queues: &mut RunQueues,
        caller: Pid,
        reference: u64,
        forgotten: bool,
        value: Fragment,
    ) {
        if forgotten && let Some(record) = self.find_monitor(caller, reference) {
            self.monitors[record].far = NOBODY;
        }
        self.deliver_fragment(queues, Recipient::Caller(caller, reference), value);
    }

    fn down_arrives(
        &mut self,
        queues: &mut RunQueues,
        owner: Pid,
        reference: u64,
        from: Pid,
        reason: Reason,
    ) {
        let Some(record) = self.find_monitor(owner, reference) else {
            return;
        };
        if self.monitors[record].far != from {
            // Ended meanwhile: what is left under the reference is an alias.
            return;
        }
        self.monitors[record].far = NOBODY;
        let reason = self.handles.reason_from(reason);
        self.handles.retain(reason);
        self.tell_watcher(queues, from, reason, record);
        self.handles.drop_reason(reason);
    }

    fn spawn_arrives(
        &mut self,
        queues: &mut RunQueues,
        pid: Pid,
        spawn: Spawn,
        linked: bool,
        monitor: u64,
        blueprint: Fragment,
    ) {
        let parent = spawn.parent;
        if !self.begin(queues, pid, spawn) {
            return;
        }
        self.table.entry(pid.index).set(flag::ARRIVED);
        let handle = self.handles.parcel(blueprint, true);
        self.append(queues, pid.index, handle);
        if linked {
            self.keep_away_link(pid.index, parent);
        }
        if monitor != 0 {
            self.add_watcher(pid.index, parent, monitor, Purpose::Monitor);
        }
    }
}
