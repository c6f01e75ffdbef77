//! Processes of other schedulers: how signals leave a domain, and what those that arrive do.
//!
//! What two processes of different schedulers have between them is kept on both sides: each end of a link in
//! [`Entry::away`](crate::process::Entry), a monitor as a record of its owner that names the *far* target, and as a record on
//! its target that names the far owner. The sides agree because signals between them arrive in order.
//!
//! `unlink` waits for an answer before it forgets the link: a Link that the other side has sent before it saw the Unlink is void,
//! since the Unlink on its way ends it there. So both sides come to the same view. Each Unlink has a number, which its answer
//! repeats: after unlink, link and unlink again two answers come, and only the second one counts.

use std::sync::Arc;

use hashbrown::HashMap;
use viga_scheduler::RunQueues;

use crate::batch::NO_SLICE;
use crate::between::{Reason, Signal};
use crate::fragment::Fragment;
use crate::handles::{FRAGMENT, constant};
use crate::monitor::{AliasMode, NOBODY, Purpose};
use crate::outcome::OutcomeKind;
use crate::process::{Status, flag};
use crate::slab::NIL;
use crate::{Domain, Pid, Spawn};

/// Signals that take effect in one crossing.
const MOST_AT_A_TIME: u64 = 4096;

/// Links of one process with processes of other schedulers.
pub type AwayLinks = HashMap<Pid, AwayLink>;

/// This side of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwayLink {
    Linked,
    /// Ended here; the other side has not answered the Unlink of this number yet.
    Unlinking(u64),
}

/// Who a fragment of the executor is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recipient {
    Process(Pid),
    Alias(Pid, u64),
    Caller(Pid, u64),
}

impl Domain {
    // --- leaving ------------------------------------------------------------------------------------------------------

    /// Puts a signal on its way to the home of `to`.
    #[inline]
    pub(crate) fn post(&mut self, to: Pid, signal: Signal) {
        let home = self.between.home(to.index);
        let scheduler = if home == self.scheduler {
            self.moved_to(to).unwrap_or(home)
        } else {
            home
        };
        self.send_to(scheduler, signal);
    }

    /// The record that the executor has written into its outgoing buffer. `None` for a word that names none.
    pub(crate) fn outgoing_fragment(&self, word: u32) -> Option<Fragment> {
        if word & FRAGMENT == 0 {
            return None;
        }
        let offset = (word & !FRAGMENT) as usize * 8;
        Fragment::copy_of(self.batch.outgoing?.bytes().get(offset..)?).ok()
    }

    /// The handle of a reason that the executor gives: one of its own, or that of a fragment.
    pub fn reason_of_executor(&mut self, word: u32) -> u32 {
        if word & FRAGMENT == 0 {
            return word;
        }
        match self.outgoing_fragment(word) {
            Some(fragment) => self.handles.parcel(fragment, false),
            None => constant::KILLED,
        }
    }

    /// The handle of a message that the executor gives for a process of this domain.
    pub(crate) fn message_of_executor(&mut self, word: u32) -> Option<u32> {
        if word & FRAGMENT == 0 {
            return Some(word);
        }
        let fragment = self.outgoing_fragment(word)?;
        Some(self.handles.parcel(fragment, true))
    }

    pub(crate) fn send_fragment(
        &mut self,
        queues: &mut RunQueues,
        recipient: Recipient,
        word: u32,
    ) {
        let Some(fragment) = self.outgoing_fragment(word) else {
            return;
        };
        let (Recipient::Process(pid) | Recipient::Alias(pid, _) | Recipient::Caller(pid, _)) =
            recipient;
        if self.table.is_away(pid) {
            let signal = match recipient {
                Recipient::Process(to) => Signal::Message { to, fragment },
                Recipient::Alias(owner, reference) => Signal::Alias {
                    owner,
                    reference,
                    fragment,
                },
                Recipient::Caller(caller, reference) => {
                    let forgotten = self.forget_watcher(caller, reference);
                    Signal::Reply {
                        caller,
                        reference,
                        forgotten,
                        fragment,
                    }
                }
            };
            self.post(pid, signal);
        } else {
            self.deliver_fragment(queues, recipient, fragment);
        }
    }

    fn deliver_fragment(
        &mut self,
        queues: &mut RunQueues,
        recipient: Recipient,
        fragment: Fragment,
    ) {
        let handle = self.handles.parcel(fragment, true);
        match recipient {
            Recipient::Process(to) => self.send(queues, to, handle),
            Recipient::Alias(owner, reference) => self.send_alias(queues, owner, reference, handle),
            Recipient::Caller(caller, reference) => self.reply(queues, caller, reference, handle),
        }
    }

    /// A process of this domain is linked with one of another from now on. O(1).
    pub(crate) fn link_away(&mut self, from: u32, to: Pid) {
        let from_pid = self.pid_at(from);
        if self.keep_away_link(from, to) {
            self.post(to, Signal::Link { to, from: from_pid });
        }
    }

    /// False when they are linked already.
    pub(crate) fn keep_away_link(&mut self, index: u32, other: Pid) -> bool {
        let links = self.table.entry(index).away.get_or_insert_default();
        let before = links.insert(other, AwayLink::Linked);
        self.away_links += u32::from(before.is_none());
        self.no_longer_quiet(index);
        before != Some(AwayLink::Linked)
    }

    pub(crate) fn unlink_away(&mut self, from: u32, to: Pid) {
        let from_pid = self.pid_at(from);
        let links = self.table.entry(from).away.as_mut();
        if let Some(link @ AwayLink::Linked) = links.and_then(|links| links.get_mut(&to)) {
            self.unlinks += self.between.schedulers() as u64;
            let number = self.unlinks + self.scheduler as u64;
            *link = AwayLink::Unlinking(number);
            let signal = Signal::Unlink {
                to,
                from: from_pid,
                number,
            };
            self.post(to, signal);
        }
    }

    /// Forgets this side of a link; what it was.
    fn forget_away_link(&mut self, index: u32, other: Pid) -> Option<AwayLink> {
        let entry = self.table.entry(index);
        let links = entry.away.as_mut()?;
        let link = links.remove(&other);
        if links.is_empty() {
            entry.away = None;
        }
        self.away_links -= u32::from(link.is_some());
        link
    }

    /// The process has ended: its links with processes of other schedulers carry the reason there.
    pub(crate) fn tell_away_links(&mut self, index: u32, pid: Pid, reason: u32) {
        let Some(links) = self.table.entry(index).away.take() else {
            return;
        };
        self.away_links -= links.len() as u32;
        for (to, link) in *links {
            if link == AwayLink::Linked {
                let reason = self.handles.reason_for(reason);
                let from = pid;
                self.post(
                    to,
                    Signal::Exit {
                        to,
                        from,
                        reason,
                        linked: true,
                    },
                );
            }
        }
    }

    /// Starts a process on another scheduler, in a place that was claimed there; `word` names the record of its blueprint.
    pub fn spawn_away(&mut self, pid: Pid, spawn: Spawn, linked: bool, monitor: u64, word: u32) {
        let Some(blueprint) = self.outgoing_fragment(word) else {
            return;
        };
        let Spawn { parent, priority } = spawn;
        let parent_lives = self.table.live(parent).is_some();
        let known = if parent_lives {
            self.pid_at(parent.index)
        } else {
            parent
        };
        if parent_lives && linked {
            self.keep_away_link(parent.index, pid);
        }
        if parent_lives && monitor != 0 {
            let record = self.add_monitor(
                monitor,
                parent.index,
                NIL,
                Purpose::Monitor,
                AliasMode::None,
            );
            self.monitors[record].far = pid;
        }
        let signal = Signal::Spawn {
            pid,
            parent: known,
            priority,
            linked,
            monitor: if parent_lives { monitor } else { 0 },
            blueprint,
        };
        self.post(pid, signal);
        if linked && !parent_lives {
            let signal = Signal::Exit {
                to: pid,
                from: parent,
                reason: Reason::Constant(constant::NOPROC),
                linked,
            };
            self.post(pid, signal);
        }
    }

    // --- arriving -----------------------------------------------------------------------------------------------------

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

    // --- the end of an isolate ------------------------------------------------------------------------------------------

    /// The isolate that executed the processes is gone: all of them end, and those linked with them or watching them hear
    /// of it. Every handle of the isolate's is void. What was in its outbox was never sent.
    pub fn isolate_ended(&mut self, queues: &mut RunQueues, reason: u32) {
        self.drop_pending();
        self.drop_batch();
        let places: Vec<Pid> = self.table.pids().collect();
        for place in places {
            if self.table.live(place).is_some() {
                self.end_process(queues, place.index, reason);
            }
        }
        self.bury_dying(queues);
        while queues.pop().is_some() {}
        self.hastened.clear();
        self.buried.clear();
        // What is left sends to other schedulers, and nobody would fire it here.
        self.wheel.cancel_all();
        self.shown.clear();
        self.handles.forget_isolate();
        self.table.free_all();
        self.batch.forget_isolate();
        let inbox = self.between.inbox(self.scheduler);
        self.between.set_attached(self.scheduler, false);
        inbox.set_vacant(true);
    }

    /// Slices in the isolate's hands are over. Fragments in their windows are the core's until they are settled; what the isolate
    /// has taken of system messages nobody knows.
    fn drop_batch(&mut self) {
        let Some(block) = self.batch.block else {
            return;
        };
        for place in self.batch.settled..self.batch.len {
            let slice = self.batch.slices[place];
            if slice.index == NIL {
                continue;
            }
            self.forget_staged(
                &block,
                slice.window_start,
                slice.window_start + slice.window_len,
            );
            if let Some(outcome) = slice.outcome
                && outcome.kind == OutcomeKind::Down
            {
                self.handles.drop_reason(outcome.handle);
            }
            let process = self.table.entry(slice.index);
            if process.serial == slice.serial && process.status != Status::Free {
                process.status = Status::Waiting;
            }
            self.batch.slices[place] = NO_SLICE;
        }
        self.batch.len = 0;
        self.batch.settled = 0;
    }

    // --- small parts ------------------------------------------------------------------------------------------------------

    #[inline]
    /// The pid of the process at `index`, as everybody knows it.
    pub(crate) fn pid_at(&self, index: u32) -> Pid {
        let entry = self.table.peek(index);
        if entry.has(flag::GUEST)
            && let Some(pid) = self.identities.get(&index)
        {
            return *pid;
        }
        Pid {
            index,
            serial: entry.serial,
        }
    }

    /// A call whose callee is far: the request leaves with it.
    pub(crate) fn call_away(
        &mut self,
        queues: &mut RunQueues,
        record: u32,
        target: Pid,
        word: u32,
    ) {
        let (owner, reference) = (self.monitors[record].owner, self.monitors[record].reference);
        let caller = self.pid_at(owner);
        match self.outgoing_fragment(word) {
            Some(fragment) => {
                self.monitors[record].far = target;
                self.post(
                    target,
                    Signal::Call {
                        target,
                        caller,
                        reference,
                        fragment,
                    },
                );
            }
            None => {
                if word & FRAGMENT == 0 {
                    self.handles.release(word);
                }
                self.remove_monitor(record);
                self.outcome(
                    queues,
                    owner,
                    reference,
                    OutcomeKind::Down,
                    constant::NOPROC,
                );
            }
        }
    }
}
