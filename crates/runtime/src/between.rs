//! What the schedulers of one system share: whose home each part of the process table is, the count of processes, names,
//! and an inbox for each scheduler.
//!
//! A scheduler's processes are its own: others reach them by signals ([`Signal`]) in its [`Inbox`]. All that is sent to a scheduler comes
//! in one order, in which what was sent before something else was known comes before it: so signals between any two processes
//! arrive in the order of sending, and nobody can be sent to before it begins.
//!
//! Lock order: a scheduler's lock, then the gate of an inbox or the names. Nothing is locked while these are.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use hashbrown::HashMap;
use viga_scheduler::{BALANCE_PERIOD, Balancer, Priority, WorkRequests};

use crate::Pid;
use crate::fragment::Fragment;
use crate::inbox::Inbox;
use crate::migration::Package;

/// Indexes of one part of the process table.
pub const PART: u32 = 1 << PART_BITS;
pub const PART_BITS: u32 = 10;
/// Most schedulers of one system.
pub const MOST_SCHEDULERS: usize = 256;
/// Parts of the largest process table, and one more for each scheduler, whose last part need not be full.
const PARTS: usize = (1 << 27 >> PART_BITS) + MOST_SCHEDULERS;

/// A set of schedulers, bit by bit.
pub type SchedulerSet = [u64; MOST_SCHEDULERS / 64];

/// A reason on its way: a constant, or the encoded term.
#[derive(Debug)]
pub enum Reason {
    Constant(u32),
    Fragment(Fragment),
}

/// What one scheduler sends another. The first pid is the receiver's, or that of the process to act on.
#[derive(Debug)]
pub enum Signal {
    Message {
        to: Pid,
        fragment: Fragment,
    },
    Alias {
        owner: Pid,
        reference: u64,
        fragment: Fragment,
    },
    Link {
        to: Pid,
        from: Pid,
    },
    Unlink {
        to: Pid,
        from: Pid,
        /// Of all Unlinks of the system, for the answer.
        number: u64,
    },
    /// The other side has seen the Unlink of this number: from now on a Link from it is a new one.
    UnlinkSeen {
        to: Pid,
        from: Pid,
        number: u64,
    },
    Exit {
        to: Pid,
        from: Pid,
        reason: Reason,
        linked: bool,
    },
    Monitor {
        target: Pid,
        owner: Pid,
        reference: u64,
    },
    Demonitor {
        target: Pid,
        owner: Pid,
        reference: u64,
    },
    Down {
        owner: Pid,
        reference: u64,
        from: Pid,
        reason: Reason,
    },
    Call {
        target: Pid,
        caller: Pid,
        reference: u64,
        fragment: Fragment,
    },
    Reply {
        caller: Pid,
        reference: u64,
        /// The callee's scheduler has forgotten the call: it is where the answer comes from.
        forgotten: bool,
        fragment: Fragment,
    },
    Spawn {
        /// A place that was claimed with `ProcessTable::claim_for_another`.
        pid: Pid,
        parent: Pid,
        priority: Priority,
        linked: bool,
        /// Reference of the parent's monitor, or 0.
        monitor: u64,
        blueprint: Fragment,
    },
    /// The process has been given a name.
    Named {
        to: Pid,
        name: Box<str>,
    },
    /// The name has been taken back.
    Unnamed {
        to: Pid,
        name: Box<str>,
    },
    /// A process that goes to another scheduler, see `migration`.
    Adopt(Box<Package>),
    /// The process has ended where it was a guest.
    Gone {
        to: Pid,
    },
    /// From a thread of the same isolate's owner that is not executing it: a handle of that isolate.
    LocalMessage {
        to: Pid,
        handle: u32,
    },
    LocalExit {
        to: Pid,
        from: Pid,
        reason: u32,
    },
}

/// See the module.
pub struct Between {
    homes: Box<[AtomicU8]>,
    parts: AtomicU32,
    alive: AtomicU32,
    limit: u32,
    /// How many schedulers take work, from the first on. Relaxed and without a partner: what is decided on an old number is put
    /// right by the next balance.
    online: AtomicUsize,
    references: AtomicU64,
    names: RwLock<HashMap<Box<str>, Pid>>,
    /// Processes on their way between two schedulers, which neither has, with the flags that they are given meanwhile.
    travellers: Mutex<HashMap<Pid, u16>>,
    inboxes: Box<[Inbox]>,
    /// Schedulers that isolates execute.
    attached: AtomicU32,
    /// Processes that wait, movable, before another scheduler is given some at once.
    wake_threshold: AtomicU32,
    /// Decides who gives work to whom.
    pub balancer: Balancer,
    /// Schedulers that have nothing to do ask others for work.
    pub requests: WorkRequests,
}

/// Identifiers of references that an isolate gets at a time.
pub const REFERENCES: u64 = 1 << 24;

impl Between {
    pub fn new(limit: u32, schedulers: usize, compact: bool) -> Self {
        let schedulers = schedulers.clamp(1, MOST_SCHEDULERS);
        Between {
            homes: (0..PARTS).map(|_| AtomicU8::new(0)).collect(),
            parts: AtomicU32::new(0),
            alive: AtomicU32::new(0),
            limit,
            online: AtomicUsize::new(schedulers),
            references: AtomicU64::new(1),
            names: RwLock::default(),
            travellers: Mutex::default(),
            inboxes: (0..schedulers).map(|_| Inbox::new()).collect(),
            attached: AtomicU32::new(0),
            wake_threshold: AtomicU32::new(4),
            balancer: Balancer::new(schedulers, compact, BALANCE_PERIOD),
            requests: WorkRequests::new(schedulers),
        }
    }

    /// Number of schedulers.
    pub fn schedulers(&self) -> usize {
        self.inboxes.len()
    }

    /// Scheduler `number`, from 0, takes work.
    #[inline]
    pub fn is_online(&self, number: usize) -> bool {
        number < self.online.load(Ordering::Relaxed)
    }

    /// So many schedulers take work. How many did before.
    pub fn set_online(&self, online: usize) -> usize {
        self.online.swap(online, Ordering::Relaxed)
    }

    /// The scheduler whose home the index is.
    #[inline]
    pub fn home(&self, index: u32) -> usize {
        // Synchronizes with the store in `take_part`, by way of whatever brought the pid here.
        self.homes
            .get((index >> PART_BITS) as usize)
            .map_or(0, |home| home.load(Ordering::Acquire) as usize)
    }

    /// A part of the table for this scheduler; `None` when all are taken.
    pub fn take_part(&self, scheduler: usize) -> Option<u32> {
        // Relaxed: the number alone matters.
        let part = self.parts.fetch_add(1, Ordering::Relaxed);
        let home = self.homes.get(part as usize)?;
        // Pairs with the load in `home`.
        home.store(scheduler as u8, Ordering::Release);
        Some(part)
    }

    /// The first of [`REFERENCES`] identifiers that nobody else gets.
    pub fn take_references(&self) -> u64 {
        // Relaxed: the number alone matters.
        self.references.fetch_add(REFERENCES, Ordering::Relaxed)
    }

    /// An isolate executes the scheduler from now on, or none does.
    pub fn set_attached(&self, scheduler: usize, attached: bool) {
        if self.inbox(scheduler).set_attached(attached) == attached {
            return;
        }
        // Relaxed: a hint.
        if attached {
            self.attached.fetch_add(1, Ordering::Relaxed);
        } else {
            self.attached.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// More than one scheduler is executed. A hint.
    #[inline]
    pub fn has_several(&self) -> bool {
        self.attached.load(Ordering::Relaxed) > 1
    }

    /// See the field.
    pub fn wake_threshold(&self) -> u32 {
        self.wake_threshold.load(Ordering::Relaxed)
    }

    /// See the field.
    pub fn set_wake_threshold(&self, processes: u32) {
        self.wake_threshold
            .store(processes.max(1), Ordering::Relaxed);
    }

    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Live processes of all schedulers.
    #[inline]
    pub fn alive(&self) -> u32 {
        // Relaxed: a count, exact for who changes it and near enough for the others.
        self.alive.load(Ordering::Relaxed)
    }

    #[inline]
    pub fn one_more(&self) {
        // Relaxed: as in `alive`.
        self.alive.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub fn one_less(&self) {
        // Relaxed: as in `alive`.
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }

    /// Gives `pid` the name. False when it is taken.
    pub fn name(&self, name: &str, pid: Pid) -> bool {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let free = !names.contains_key(name);
        if free {
            names.insert(name.into(), pid);
        }
        free
    }

    /// Takes the name from `pid`, if it has it.
    pub fn unname(&self, name: &str, pid: Pid) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.get(name) == Some(&pid) {
            names.remove(name);
        }
    }

    /// Takes the name from whoever has it.
    pub fn take_name(&self, name: &str) -> Option<Pid> {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        names.remove(name)
    }

    pub fn whereis(&self, name: &str) -> Option<Pid> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.get(name).copied()
    }

    pub fn names(&self) -> Vec<String> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.keys().map(|name| name.to_string()).collect()
    }

    pub fn name_count(&self) -> usize {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.len()
    }

    fn travellers(&self) -> MutexGuard<'_, HashMap<Pid, u16>> {
        self.travellers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The process leaves its home. Under the lock of that.
    pub fn depart(&self, pid: Pid) {
        self.travellers().insert(pid, 0);
    }

    /// The process has come to the scheduler that it went to. The flags that it was given on the way. Under the lock of that.
    pub fn arrive(&self, pid: Pid) -> u16 {
        self.travellers().remove(&pid).unwrap_or(0)
    }

    /// The process is on its way, and gets these flags when it arrives. Exact under the lock of the scheduler that it goes to.
    pub fn is_on_its_way(&self, pid: Pid, flags: u16) -> bool {
        let mut travellers = self.travellers();
        travellers
            .get_mut(&pid)
            .map(|given| *given |= flags)
            .is_some()
    }

    #[inline]
    pub fn inbox(&self, scheduler: usize) -> &Inbox {
        &self.inboxes[scheduler]
    }
}

impl Signal {
    /// The process that it is for, if that is one which may have moved.
    pub fn receiver(&mut self) -> Option<&mut Pid> {
        match self {
            Signal::Message { to, .. }
            | Signal::Alias { owner: to, .. }
            | Signal::Link { to, .. }
            | Signal::Unlink { to, .. }
            | Signal::UnlinkSeen { to, .. }
            | Signal::Exit { to, .. }
            | Signal::Monitor { target: to, .. }
            | Signal::Down { owner: to, .. }
            | Signal::Call { target: to, .. }
            | Signal::Reply { caller: to, .. }
            | Signal::Named { to, .. }
            | Signal::Unnamed { to, .. }
            | Signal::Demonitor { target: to, .. } => Some(to),
            Signal::Spawn { .. }
            | Signal::Adopt(_)
            | Signal::Gone { .. }
            | Signal::LocalMessage { .. }
            | Signal::LocalExit { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_one_home_each() {
        let between = Between::new(100, 3, true);
        assert_eq!(between.take_part(2), Some(0));
        assert_eq!(between.take_part(1), Some(1));
        assert_eq!(between.home(5), 2);
        assert_eq!(between.home(PART), 1);
        assert_eq!(between.home(u32::MAX), 0);
    }

    #[test]
    fn a_name_is_taken_back_from_its_holder_alone() {
        let between = Between::new(1, 1, true);
        let [one, other] = [1, 2].map(|index| Pid { index, serial: 0 });
        assert!(between.name("a", one));
        assert!(!between.name("a", other));
        between.unname("a", other);
        assert_eq!(between.whereis("a"), Some(one));
        between.unname("a", one);
        assert_eq!(between.whereis("a"), None);
    }
}
