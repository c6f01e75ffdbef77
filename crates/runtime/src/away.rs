//! Processes of other schedulers: how signals leave a domain. What those that arrive do is in `arriving`.
//!
//! What two processes of different schedulers have between them is kept on both sides: each end of a link in
//! [`Entry::away`](crate::process::Entry), a monitor as a record of its owner that names the *far* target, and as a record on
//! its target that names the far owner. The sides agree because signals between them arrive in order.
//!
//! `unlink` waits for an answer before it forgets the link: a Link that the other side has sent before it saw the Unlink is void,
//! since the Unlink on its way ends it there. So both sides come to the same view. Each Unlink has a number, which its answer
//! repeats: after unlink, link and unlink again two answers come, and only the second one counts.

use hashbrown::HashMap;
use viga_scheduler::RunQueues;

use crate::between::{Reason, Signal};
use crate::fragment::Fragment;
use crate::handles::{FRAGMENT, constant};
use crate::monitor::{AliasMode, Purpose};
use crate::outcome::OutcomeKind;
use crate::process::flag;
use crate::slab::NIL;
use crate::{Domain, Pid, Spawn};

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

    pub(crate) fn deliver_fragment(
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
    pub(crate) fn forget_away_link(&mut self, index: u32, other: Pid) -> Option<AwayLink> {
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

    /// The pid of the process at `index`, as everybody knows it.
    #[inline]
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
