//! Processes that go to another scheduler: those that have not begun, and servers at rest.
//!
//! A process keeps its pid, whose home its first scheduler stays: there its entry is left behind as `Moved`, and every signal
//! for it still goes home first and is sent on from there. So signals between it and any other process keep their order while it
//! moves and afterwards, at the price of one more hop for what does not come from home. On the other scheduler it is a *guest*: an
//! entry under an index of that scheduler, which stands for the pid in everything that others see.
//!
//! 1. Before it hands out a batch, a scheduler with more work than another takes candidates out of its queue and names them to the
//!    isolate ([`Domain::offer`]). From then on they are `Leaving`, and are not run.
//! 2. The isolate encodes what each is made of, and the messages of its own heap; or says that one stays, because only
//!    the isolate knows whether it is at rest.
//! 3. [`Domain::move_out`] takes the process out of everything here, puts its pid in its place, and sends it off.
//! 4. It arrives in the inbox of the other scheduler behind all that was sent there before it, and its first slice makes it
//!    again ([`Wake::Arrive`](crate::executor::Wake)).
//!
//! A guest does not move again. What has a timer, a call in progress, an exit signal or a DOWN in its mailbox, or messages put
//! aside stays.

use viga_scheduler::{LoadCell, Priority, RunQueues};

use crate::away::AwayLink;
use crate::between::{Reason, Signal};
use crate::control_block::{ControlBlock, LEAVING, LEAVING_WORDS, header};
use crate::fragment::Fragment;
use crate::handles::{FRAGMENT, SYSTEM, constant};
use crate::monitor::{AliasMode, NOBODY, Purpose};
use crate::process::{Status, flag};
use crate::slab::NIL;
use crate::{Domain, Pid, Spawn};

/// Most processes offered at a time.
const MOST_OFFERED: usize = 16;
/// Most messages that a process takes along.
const MOST_MESSAGES: u32 = 64;
/// Periods in which what has gone is given time to begin.
const PERIODS_TO_SETTLE: u32 = 5;
/// More processes in a queue than this are too many to wait for that.
const MANY_QUEUED: u32 = 16;
/// Work for so long, without a break, is more than a moment's.
const PRESSED_US: u64 = 2_000;
/// For so long a process counts as active.
const LATELY_US: u64 = 100_000;
/// Words of the area LEAVING before the handles of a process: index, serial, number of messages.
const OFFER_HEAD: usize = 3;

/// A process on its way.
#[derive(Debug)]
pub struct Package {
    pid: Pid,
    parent: Pid,
    priority: Priority,
    flags: u16,
    reductions: u64,
    /// The scheduler that gets it had nothing to do, and asked.
    asked_for: bool,
    blueprint: Fragment,
    messages: Vec<Fragment>,
    links: Vec<Pid>,
    /// What it watches, oldest first, and its aliases, which watch nobody.
    monitors: Vec<(u64, Pid, AliasMode)>,
    /// Who watches it or has called it, oldest first.
    watchers: Vec<(Pid, u64, Purpose)>,
    names: Vec<Box<str>>,
}

/// What a process takes along of its flags.
const KEPT_FLAGS: u16 = flag::TRAP_EXIT | flag::OWNER;

impl Domain {
    // --- leaving ------------------------------------------------------------------------------------------------------

    /// Begins a new period for the count of movable processes that were active, when it is time to. Those that are ready at one
    /// moment say too little: of many servers that one process calls in turn hardly one is ready at a time.
    pub(crate) fn note_period(&mut self, now_us: u64) {
        if now_us.saturating_sub(self.period_since_us) > LATELY_US {
            self.period_since_us = now_us;
            self.period = self.period.wrapping_add(1);
            self.movable_before = std::mem::take(&mut self.movable_active);
            self.given_lately = 0;
            self.periods_since_given = self.periods_since_given.saturating_add(1);
            if self.periods_since_given > PERIODS_TO_SETTLE {
                self.given_recently = 0;
            }
        }
    }

    /// A slice of a movable process has been run.
    #[inline]
    pub(crate) fn note_active(&mut self, index: u32) {
        let period = self.period;
        let entry = self.table.entry(index);
        if entry.period != period {
            entry.period = period;
            self.movable_active += 1;
        }
    }

    /// Movable processes that were active lately.
    pub(crate) fn movable_lately(&self) -> u32 {
        self.movable_before.max(self.movable_active)
    }

    /// Tells the others how much there is to do here, and how much of that they might take.
    pub(crate) fn publish_load(&self, load: &LoadCell) {
        load.publish(self.batch.len as u32, [0, 0, self.movable_lately(), 0]);
    }

    /// Offers processes to a scheduler that has asked for work, or that this one shall relieve itself to.
    #[cold]
    pub(crate) fn share_work(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        if block.get(header::LEAVING_LEN) != 0 {
            return;
        }
        let thief = self.between.requests.take(self.scheduler);
        let thief = thief.filter(|_| self.is_pressed());
        let path = self
            .emigration
            .due(self.between.balancer.paths(), self.scheduler);
        let (to, most) = match (thief, path) {
            (Some(thief), _) => (thief, MOST_OFFERED),
            (None, Some(path)) => (path.target as usize, path.limit as usize),
            (None, None) => return,
        };
        let most = most.min(self.to_spare());
        let may_take = self.between.is_online(to) && self.between.inbox(to).is_attached();
        if most != 0 && to != self.scheduler && may_take {
            self.asked_for = thief.is_some();
            self.offer(queues, block, to, most);
        }
    }

    /// Enough waits to wake another scheduler for it (`+swt`), or there has been no end to the work for a while. What a moment would have
    /// done here is not worth a process's move.
    fn is_pressed(&self) -> bool {
        self.table.movable_queued() >= self.between.wake_threshold()
            || self.batch.looked_us.saturating_sub(self.busy_since_us) > PRESSED_US
    }

    /// Begins to count how long there is work without a break, after there was none.
    pub(crate) fn note_busy(&mut self, now_us: u64) {
        if std::mem::take(&mut self.was_idle) {
            self.busy_since_us = now_us;
        }
    }

    /// How many may go in this period. Half of what there is: who would give all would stand idle himself, and a guest does not
    /// come back. What has gone counts until it can be seen to work elsewhere, where its module may have to be loaded first; but a
    /// long queue is halved in each period. All, where no work shall be.
    fn to_spare(&self) -> usize {
        if !self.between.is_online(self.scheduler) {
            return MOST_OFFERED;
        }
        let active = self.movable_before.div_ceil(2);
        let active = active.saturating_sub(self.given_recently);
        let queued = self.table.movable_queued();
        let queued = if queued > MANY_QUEUED {
            queued.div_ceil(2).saturating_sub(self.given_lately)
        } else {
            0
        };
        active.max(queued) as usize
    }

    /// Names up to `most` processes to the isolate that may go to scheduler `to`, at most half of those that are ready.
    pub(crate) fn offer(
        &mut self,
        queues: &mut RunQueues,
        block: &ControlBlock,
        to: usize,
        most: usize,
    ) {
        let most = most.min(MOST_OFFERED);
        let mut chosen = Vec::new();
        let mut at = LEAVING;
        queues.steal_half(&mut chosen, |index| {
            let wanted = OFFER_HEAD + self.table.peek(index).mailbox_len as usize;
            let may = self.offered < most as u32
                && at + wanted <= LEAVING + LEAVING_WORDS
                && self.may_leave(index);
            if may {
                self.write_offer(block, at, index);
                self.offered += 1;
                at += wanted;
            }
            may
        });
        for (index, _) in chosen {
            self.table.unqueued(index);
            self.table.entry(index).status = Status::Leaving;
        }
        self.offered = 0;
        self.batch.offered = at != LEAVING;
        block.set(header::LEAVING_LEN, (at - LEAVING) as i32);
        block.set(header::LEAVING_TO, to as i32 + 1);
    }

    fn may_leave(&self, index: u32) -> bool {
        let entry = self.table.peek(index);
        let busy = flag::GUEST | flag::ARRIVED | flag::TIMED_OUT | flag::RESUMED | flag::HASTENED;
        entry.status == Status::Runnable
            && entry.has(flag::MOVABLE)
            && !entry.has(busy)
            && entry.receive_timer == NIL
            && entry.timers == NIL
            && entry.outcome_head == NIL
            && entry.mailbox_len <= MOST_MESSAGES
            && self.mailbox_may_leave(index, entry.mailbox_len)
            && self.relations_may_leave(index)
    }

    fn mailbox_may_leave(&self, index: u32, len: u32) -> bool {
        let mut handle = self.table.peek(index).mailbox_head;
        let mut listed = 0;
        while handle != NIL {
            if handle & SYSTEM != 0 {
                return false;
            }
            listed += 1;
            handle = self.handles.next(handle);
        }
        listed == len
    }

    fn relations_may_leave(&self, index: u32) -> bool {
        let entry = self.table.peek(index);
        let settled = entry
            .away
            .as_ref()
            .is_none_or(|links| links.values().all(|link| *link == AwayLink::Linked));
        settled
            && self.owned_records(index).all(|record| {
                let monitor = &self.monitors[record];
                monitor.purpose == Purpose::Monitor && !monitor.down_pending
            })
    }

    fn write_offer(&self, block: &ControlBlock, at: usize, index: u32) {
        let entry = self.table.peek(index);
        block.set(at, index as i32);
        block.set(at + 1, entry.serial as i32);
        block.set(at + 2, entry.mailbox_len as i32);
        let mut handle = entry.mailbox_head;
        let mut word = at + OFFER_HEAD;
        while handle != NIL {
            block.set(word, handle as i32);
            word += 1;
            handle = self.handles.next(handle);
        }
    }

    /// The isolate has offered process `pid`, that keeps it: it goes on here.
    pub fn stay(&mut self, queues: &mut RunQueues, pid: Pid, for_good: bool) {
        if let Some(entry) = self.table.live(pid)
            && entry.status == Status::Leaving
        {
            if for_good {
                entry.clear(flag::MOVABLE);
            }
            self.make_runnable(queues, pid.index);
        }
    }

    /// The process goes to scheduler `to`. `blueprint` names the record of what it is made of; at word `at` of the block stands
    /// the offer, with each handle of the isolate's replaced by the name of a record. False when it cannot go (any more): it
    /// goes on here, and nothing has been taken.
    pub fn move_out(
        &mut self,
        queues: &mut RunQueues,
        block: &ControlBlock,
        pid: Pid,
        to: usize,
        blueprint: u32,
        at: usize,
    ) -> bool {
        let leaving = |entry: &mut crate::process::Entry| entry.status == Status::Leaving;
        if !self.table.live(pid).is_some_and(leaving) {
            return false;
        }
        let index = pid.index;
        let listed = (block.get(at + 2).max(0) as u32).min(MOST_MESSAGES);
        let messages = self.messages_of_offer(block, index, at, listed);
        let (Some(blueprint), Some(messages)) = (self.outgoing_fragment(blueprint), messages)
        else {
            self.stay(queues, pid, false);
            return false;
        };
        let entry = self.table.entry(index);
        let mut package = Package {
            pid,
            parent: entry.parent,
            priority: entry.priority,
            flags: entry.flags & KEPT_FLAGS,
            reductions: entry.reductions,
            asked_for: self.asked_for,
            blueprint,
            messages,
            links: Vec::new(),
            monitors: Vec::new(),
            watchers: Vec::new(),
            names: entry.names.take().map_or_else(Vec::new, |names| *names),
        };
        self.empty_mailbox(index);
        self.between.depart(pid);
        // From now on it is far, for everybody who stays.
        self.table.leave(index);
        self.moved.insert(index, to);
        self.pack_links(index, &mut package);
        self.pack_monitors(index, &mut package);
        self.pack_watchers(index, &mut package);
        self.send_to(to, Signal::Adopt(Box::new(package)));
        self.emigration.note_given(1);
        self.given_away += 1;
        self.given_lately += 1;
        self.given_recently += 1;
        self.periods_since_given = 0;
        true
    }

    /// Copies of the messages that wait: those of the isolate's heap from the records it has written, the others as they are.
    /// `None` when one came meanwhile that cannot go.
    fn messages_of_offer(
        &self,
        block: &ControlBlock,
        index: u32,
        at: usize,
        listed: u32,
    ) -> Option<Vec<Fragment>> {
        let mut messages = Vec::new();
        let mut handle = self.table.peek(index).mailbox_head;
        while handle != NIL {
            let place = messages.len() as u32;
            let fragment = if handle & SYSTEM != 0 {
                None
            } else if handle & FRAGMENT != 0 {
                self.handles.fragment(handle)?.duplicate()
            } else if place < listed {
                self.outgoing_fragment(block.get(at + OFFER_HEAD + place as usize) as u32)
            } else {
                None
            };
            messages.push(fragment?);
            handle = self.handles.next(handle);
        }
        Some(messages)
    }

    /// The isolate forgets its own values itself.
    fn empty_mailbox(&mut self, index: u32) {
        let entry = self.table.entry(index);
        let mut handle = std::mem::replace(&mut entry.mailbox_head, NIL);
        entry.mailbox_tail = NIL;
        let len = std::mem::replace(&mut entry.mailbox_len, 0);
        self.messages = self.messages.saturating_sub(u64::from(len));
        while handle != NIL {
            let next = self.handles.next(handle);
            self.handles.release(handle);
            handle = next;
        }
    }

    fn pack_links(&mut self, index: u32, package: &mut Package) {
        let others: Vec<u32> = self.linked_with(index).collect();
        for other in others.into_iter().rev() {
            self.remove_link(index, other);
            self.keep_away_link(other, package.pid);
            package.links.push(self.pid_at(other));
        }
        if let Some(links) = self.table.entry(index).away.take() {
            self.away_links -= links.len() as u32;
            package.links.extend(links.into_keys());
        }
    }

    fn pack_monitors(&mut self, index: u32, package: &mut Package) {
        let records: Vec<u32> = self.owned_records(index).collect();
        for record in records.into_iter().rev() {
            let monitor = &self.monitors[record];
            let (reference, alias, local) = (monitor.reference, monitor.alias, monitor.target);
            let mut target = std::mem::replace(&mut self.monitors[record].far, NOBODY);
            if local != NIL {
                target = self.pid_at(local);
            }
            self.remove_monitor(record);
            if local != NIL {
                self.add_watcher(local, package.pid, reference, Purpose::Monitor);
            }
            package.monitors.push((reference, target, alias));
        }
    }

    fn pack_watchers(&mut self, index: u32, package: &mut Package) {
        let records: Vec<u32> = self.monitor_records_on(index).collect();
        for record in records.into_iter().rev() {
            let monitor = &self.monitors[record];
            let (owner, far, reference) = (monitor.owner, monitor.far, monitor.reference);
            let purpose = match monitor.purpose {
                Purpose::Monitor => Purpose::Monitor,
                Purpose::Call { .. } => Purpose::Call { timer: NIL },
            };
            if owner == NIL {
                self.remove_monitor(record);
                package.watchers.push((far, reference, purpose));
            } else {
                self.detach_monitor(record);
                self.monitors[record].far = package.pid;
                package
                    .watchers
                    .push((self.pid_at(owner), reference, purpose));
            }
        }
    }

    // --- at home, when it is gone ---------------------------------------------------------------------------------------------

    /// Where the process of this home is now, if it has moved.
    #[inline]
    pub(crate) fn moved_to(&self, pid: Pid) -> Option<usize> {
        if self.moved.is_empty() || !self.table.has_moved(pid) {
            return None;
        }
        self.moved.get(&pid.index).copied()
    }

    /// The guest has ended: its place is free again.
    pub(crate) fn guest_gone(&mut self, pid: Pid) {
        if self.table.has_moved(pid) {
            self.moved.remove(&pid.index);
            self.table.give_back(pid.index);
        }
    }

    /// Indexes whose processes are elsewhere.
    pub fn moved_indexes(&self) -> Vec<u32> {
        self.moved.keys().copied().collect()
    }

    // --- as a guest -------------------------------------------------------------------------------------------------------

    /// The pid under which this scheduler keeps the process: another one for a guest.
    #[inline]
    pub fn place_of(&self, pid: Pid) -> Pid {
        if self.guests.is_empty() {
            return pid;
        }
        self.guests.get(&pid).copied().unwrap_or(pid)
    }

    pub(crate) fn adopt(&mut self, queues: &mut RunQueues, mut package: Package) {
        package.flags |= self.between.arrive(package.pid);
        let spawn = Spawn {
            parent: package.parent,
            priority: package.priority,
        };
        let Some(place) = self.table.claim_beyond_limit() else {
            self.turn_away(package);
            return;
        };
        self.taken_over += 1;
        self.asked_over += u64::from(package.asked_for);
        self.guests.insert(package.pid, place);
        self.identities.insert(place.index, package.pid);
        self.begin(queues, place, spawn);
        let entry = self.table.entry(place.index);
        entry.set(flag::ARRIVED | flag::GUEST | package.flags);
        entry.reductions = package.reductions;
        if !package.names.is_empty() {
            entry.names = Some(Box::new(package.names));
        }
        for other in package.links {
            self.keep_away_link(place.index, other);
        }
        for (reference, target, alias) in package.monitors {
            let record = self.add_monitor(reference, place.index, NIL, Purpose::Monitor, alias);
            self.monitors[record].far = target;
        }
        for (owner, reference, purpose) in package.watchers {
            self.add_watcher(place.index, owner, reference, purpose);
        }
        for fragment in std::iter::once(package.blueprint).chain(package.messages) {
            let handle = self.handles.parcel(fragment, true);
            self.append(queues, place.index, handle);
        }
    }

    /// No index is left in the whole system: the process ends as if its scheduler had.
    #[cold]
    fn turn_away(&mut self, package: Package) {
        let from = package.pid;
        for name in &package.names {
            self.between.unname(name, from);
        }
        if package.flags & flag::OWNER != 0 {
            (self.owner_ended)(from);
        }
        for to in package.links {
            let reason = Reason::Constant(constant::SCHEDULER_DOWN);
            let linked = true;
            self.post(
                to,
                Signal::Exit {
                    to,
                    from,
                    reason,
                    linked,
                },
            );
        }
        for (owner, reference, _) in package.watchers {
            let reason = Reason::Constant(constant::SCHEDULER_DOWN);
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
        self.post(from, Signal::Gone { to: from });
    }

    /// The process at `index` has ended; its home is told if that is elsewhere.
    pub(crate) fn forget_guest(&mut self, index: u32) {
        if let Some(pid) = self.identities.remove(&index) {
            self.guests.remove(&pid);
            self.post(pid, Signal::Gone { to: pid });
        }
    }
}
