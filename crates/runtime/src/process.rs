//! The process table: one entry per process, found by index, told apart by serial.

use std::collections::VecDeque;
use std::sync::Arc;

use viga_scheduler::Priority;

use crate::away::AwayLinks;
use crate::between::{Between, PART, PART_BITS};

pub use crate::slab::NIL;
pub use viga_ets::ProcessId as Pid;

/// What a process is doing, as far as its scheduler knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Nobody has the entry.
    Free,
    /// In a run queue.
    Runnable,
    /// Handed to the executor, whose turn has not come to it yet.
    Picked,
    /// The executor runs its slice, or has run it and not come back.
    Running,
    /// Wakes with a message, a timeout or an outcome.
    Waiting,
    /// Wakes with the outcome of its call.
    AwaitsOutcome,
    /// Wakes with an outcome, or when resumed.
    Held,
    /// Offered to another scheduler.
    Leaving,
    /// Lives on another scheduler; here is its home.
    Moved,
}

/// Bits of [`Entry::flags`].
pub mod flag {
    /// Exit signals become messages.
    pub const TRAP_EXIT: u16 = 1 << 0;
    /// Has had its first slice.
    pub const STARTED: u16 = 1 << 1;
    /// Has a place in a run queue, whatever it is doing: it may have died since, or been picked ahead of its place.
    pub const QUEUED: u16 = 1 << 2;
    /// Its receive timeout has fired and was not told yet.
    pub const TIMED_OUT: u16 = 1 << 3;
    /// Was resumed and was not told yet.
    pub const RESUMED: u16 = 1 << 4;
    /// Has tables or registry entries, or had.
    pub const OWNER: u16 = 1 << 5;
    /// The root process: never ends, deaf to exit signals.
    pub const ROOT: u16 = 1 << 6;
    /// Is to be picked ahead of its queue (see `Domain::hasten`).
    pub const HASTENED: u16 = 1 << 7;
    /// Comes from another scheduler: its first message is the blueprint that it is made of.
    pub const ARRIVED: u16 = 1 << 8;
    /// A free place that another scheduler has claimed: its process is on its way.
    pub const CLAIMED: u16 = 1 << 9;
    /// May go to another scheduler: before its first slice, and with SETTLED at rest too.
    pub const MOVABLE: u16 = 1 << 10;
    /// See MOVABLE.
    pub const SETTLED: u16 = 1 << 11;
    /// Counted as movable and queued.
    pub const COUNTED: u16 = 1 << 13;
    /// Has another home, and another pid for everybody else.
    pub const GUEST: u16 = 1 << 12;
}

/// One place of the table.
///
/// ```text
///  serial | flags | status, priority, window | mailbox: head, tail, length | parent | heads of lists ... | rarely used
/// ```
///
/// Everything a waiting process needs fits in 96 bytes; what few processes have (names, links with processes of other
/// schedulers, timers that will send to it) hangs off `names`, `away` and `timers`.
pub struct Entry {
    pub serial: u32,
    pub status: Status,
    pub flags: u16,
    pub priority: Priority,
    /// Messages to hand out at the next pick.
    pub window: u8,
    /// The last period in which it was active, see `Domain::note_active`.
    pub period: u8,
    pub mailbox_head: u32,
    pub mailbox_tail: u32,
    /// Messages waiting: in the mailbox, handed out and not taken yet, or put aside by a selective receive.
    pub mailbox_len: u32,
    pub parent: Pid,
    pub links: u32,
    pub monitors_owned: u32,
    pub monitors_on: u32,
    /// The receive timeout, if armed.
    pub receive_timer: u32,
    /// Timers that will send to this process.
    pub timers: u32,
    /// Ends of its calls, oldest first.
    pub outcome_head: u32,
    pub outcome_tail: u32,
    /// Place in the executor's batch, while Picked or Running.
    pub batch_place: u32,
    pub reductions: u64,
    #[expect(
        clippy::box_collection,
        reason = "few processes have names: 8 bytes instead of 24"
    )]
    pub names: Option<Box<Vec<Box<str>>>>,
    /// Links with processes of other schedulers.
    pub away: Option<Box<AwayLinks>>,
}

impl Entry {
    fn free() -> Self {
        Entry {
            serial: 0,
            status: Status::Free,
            flags: 0,
            priority: Priority::Normal,
            window: 0,
            period: 0,
            mailbox_head: NIL,
            mailbox_tail: NIL,
            mailbox_len: 0,
            parent: Pid {
                index: 0,
                serial: 0,
            },
            links: NIL,
            monitors_owned: NIL,
            monitors_on: NIL,
            receive_timer: NIL,
            timers: NIL,
            outcome_head: NIL,
            outcome_tail: NIL,
            batch_place: NIL,
            reductions: 0,
            names: None,
            away: None,
        }
    }

    /// O(names).
    pub fn forget_name(&mut self, name: &str) {
        if let Some(names) = &mut self.names {
            names.retain(|held| &**held != name);
            if names.is_empty() {
                self.names = None;
            }
        }
    }

    #[inline]
    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    pub fn set(&mut self, flag: u16) {
        self.flags |= flag;
    }

    #[inline]
    pub fn clear(&mut self, flag: u16) {
        self.flags &= !flag;
    }
}

/// What a new process begins with.
#[derive(Clone, Copy, Debug)]
pub struct Spawn {
    /// Who spawns it.
    pub parent: Pid,
    /// Of the new process.
    pub priority: Priority,
}

/// The entries of one scheduler's processes. Grows a part of 1,024 entries at a time and copies nothing; an index that has been
/// freed goes to the back of a queue, so that a pid is not seen again for a long time. Indexes are those of the whole
/// system: parts that are other schedulers' are missing here.
pub struct ProcessTable {
    scheduler: usize,
    between: Arc<Between>,
    parts: Vec<Option<Box<[Entry]>>>,
    free: VecDeque<u32>,
    /// Indexes of the newest part that have never been used.
    fresh: std::ops::Range<u32>,
    alive: u32,
    /// Movable processes in run queues.
    movable_queued: u32,
}

/// The table holds as many processes as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull {
    /// The limit that was reached.
    pub limit: u32,
}

impl ProcessTable {
    pub fn new(scheduler: usize, between: Arc<Between>) -> Self {
        ProcessTable {
            scheduler,
            between,
            parts: Vec::new(),
            free: VecDeque::new(),
            fresh: 0..0,
            alive: 0,
            movable_queued: 0,
        }
    }

    /// Processes in run queues that may go to another scheduler.
    pub fn movable_queued(&self) -> u32 {
        self.movable_queued
    }

    /// The entry has been put into a run queue.
    #[inline]
    pub fn queued(&mut self, index: u32) {
        let entry = self.entry(index);
        entry.set(flag::QUEUED);
        if entry.flags & (flag::MOVABLE | flag::COUNTED) == flag::MOVABLE {
            entry.set(flag::COUNTED);
            self.movable_queued += 1;
        }
    }

    /// Live processes of this scheduler.
    pub fn alive(&self) -> u32 {
        self.alive
    }

    /// Most live processes of all schedulers.
    pub fn limit(&self) -> u32 {
        self.between.limit()
    }

    pub fn bytes(&self) -> usize {
        self.parts.iter().flatten().count() * PART as usize * size_of::<Entry>()
    }

    /// Takes a free place, for [`ProcessTable::occupy`]. `reserved` places have been taken and not occupied yet. O(1).
    #[inline]
    pub fn claim(&mut self, reserved: u32) -> Result<Pid, TableFull> {
        let full = TableFull {
            limit: self.limit(),
        };
        if self.between.alive() + reserved >= full.limit {
            return Err(full);
        }
        self.claim_regardless()
    }

    /// As [`ProcessTable::claim`], however many processes live: for what an isolate cannot be without.
    #[inline]
    pub fn claim_regardless(&mut self) -> Result<Pid, TableFull> {
        let index = match self.free.pop_front() {
            Some(index) => index,
            None => self.fresh_index().ok_or(TableFull {
                limit: self.limit(),
            })?,
        };
        Ok(Pid {
            index,
            serial: self.entry(index).serial,
        })
    }

    /// As [`ProcessTable::claim`], for another scheduler, whose signal will occupy the place.
    pub fn claim_for_another(&mut self) -> Result<Pid, TableFull> {
        let pid = self.claim(0)?;
        self.entry(pid.index).set(flag::CLAIMED);
        Ok(pid)
    }

    /// A process begins in a claimed place. False when it is not free under this pid.
    #[inline]
    pub fn occupy(&mut self, pid: Pid, spawn: Spawn) -> bool {
        let Some(entry) = self.place(pid) else {
            return false;
        };
        if entry.status != Status::Free {
            return false;
        }
        entry.status = Status::Runnable;
        entry.clear(flag::CLAIMED);
        entry.priority = spawn.priority;
        entry.parent = spawn.parent;
        self.alive += 1;
        self.between.one_more();
        true
    }

    fn fresh_index(&mut self) -> Option<u32> {
        if self.fresh.is_empty() {
            let part = self.between.take_part(self.scheduler)?;
            if self.parts.len() <= part as usize {
                self.parts.resize_with(part as usize + 1, || None);
            }
            self.parts[part as usize] = Some((0..PART).map(|_| Entry::free()).collect());
            self.fresh = part << PART_BITS..(part + 1) << PART_BITS;
        }
        self.fresh.next()
    }

    /// Ends the use of an entry whose lists are empty. One that still stands in a run queue is given back by
    /// [`ProcessTable::unqueued`].
    #[inline]
    pub fn release(&mut self, index: u32) {
        self.alive -= 1;
        self.between.one_less();
        let entry = self.entry(index);
        let serial = entry.serial.wrapping_add(1);
        let queued = entry.flags & (flag::QUEUED | flag::COUNTED);
        *entry = Entry::free();
        entry.serial = serial;
        entry.flags = queued;
        if queued & flag::QUEUED == 0 {
            self.free.push_back(index);
        }
    }

    /// The entry has been popped from its run queue. False when it is not to run: its process has died in there, or was
    /// picked before its place came up (see `Domain::hasten`).
    #[inline]
    pub fn unqueued(&mut self, index: u32) -> bool {
        let entry = self.entry(index);
        let counted = u32::from(entry.has(flag::COUNTED));
        entry.clear(flag::QUEUED | flag::COUNTED);
        let status = entry.status;
        self.movable_queued -= counted;
        if status == Status::Free {
            self.free.push_back(index);
        }
        status == Status::Runnable
    }

    /// No process is left and none is queued: every place that no other scheduler has claimed is free again, with those that
    /// the isolate had reserved. O(places).
    pub fn free_all(&mut self) {
        self.free.clear();
        self.movable_queued = 0;
        for (part, entries) in self.parts.iter_mut().enumerate() {
            for (place, entry) in entries.iter_mut().flatten().enumerate() {
                let index = (part as u32) << PART_BITS | place as u32;
                entry.clear(flag::QUEUED | flag::COUNTED);
                let unused = entry.status == Status::Free && !entry.has(flag::CLAIMED);
                if unused && !self.fresh.contains(&index) {
                    // A pid that the isolate has given to a process that never began names nobody, ever.
                    entry.serial = entry.serial.wrapping_add(1);
                    self.free.push_back(index);
                }
            }
        }
    }

    /// Panics for an index that is another scheduler's: the lists of a domain only hold its own.
    #[inline]
    pub fn entry(&mut self, index: u32) -> &mut Entry {
        let part = self.parts[(index >> PART_BITS) as usize].as_mut();
        &mut part.expect("an index of this scheduler")[(index & (PART - 1)) as usize]
    }

    /// As [`ProcessTable::entry`].
    #[inline]
    pub fn peek(&self, index: u32) -> &Entry {
        let part = self.parts[(index >> PART_BITS) as usize].as_ref();
        &part.expect("an index of this scheduler")[(index & (PART - 1)) as usize]
    }

    #[inline]
    fn place(&mut self, pid: Pid) -> Option<&mut Entry> {
        let part = self.parts.get_mut((pid.index >> PART_BITS) as usize)?;
        let entry = &mut part.as_mut()?[(pid.index & (PART - 1)) as usize];
        (entry.serial == pid.serial).then_some(entry)
    }

    /// The entry of a live process of this scheduler. O(1).
    #[inline]
    pub fn live(&mut self, pid: Pid) -> Option<&mut Entry> {
        self.place(pid)
            .filter(|entry| !matches!(entry.status, Status::Free | Status::Moved))
    }

    /// Another scheduler has claimed the place under this pid: its process is on its way here.
    pub fn is_expected(&mut self, pid: Pid) -> bool {
        self.place(pid)
            .is_some_and(|entry| entry.status == Status::Free && entry.has(flag::CLAIMED))
    }

    /// The process lives on another scheduler, if it lives.
    #[inline]
    pub fn is_away(&self, pid: Pid) -> bool {
        self.between.home(pid.index) != self.scheduler || self.has_moved(pid)
    }

    /// The process is of this home and lives elsewhere.
    pub fn has_moved(&self, pid: Pid) -> bool {
        let part = self.parts.get((pid.index >> PART_BITS) as usize);
        part.and_then(Option::as_ref).is_some_and(|part| {
            let entry = &part[(pid.index & (PART - 1)) as usize];
            entry.serial == pid.serial && entry.status == Status::Moved
        })
    }

    /// The process goes elsewhere; its pid stays here.
    pub fn leave(&mut self, index: u32) {
        self.alive -= 1;
        self.between.one_less();
        self.entry(index).status = Status::Moved;
    }

    /// As [`ProcessTable::release`], for a process that lived elsewhere.
    pub fn give_back(&mut self, index: u32) {
        self.alive += 1;
        self.between.one_more();
        self.release(index);
    }

    /// As [`ProcessTable::claim`], for a process that lives already. `None` when the system has no index left.
    pub fn claim_beyond_limit(&mut self) -> Option<Pid> {
        let index = match self.free.pop_front() {
            Some(index) => index,
            None => self.fresh_index()?,
        };
        let serial = self.entry(index).serial;
        Some(Pid { index, serial })
    }

    /// Pids of all live processes of this scheduler, by index.
    pub fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        self.parts.iter().enumerate().flat_map(|(part, entries)| {
            let first = (part as u32) << PART_BITS;
            let entries = entries.iter().flatten().enumerate();
            entries.filter_map(move |(place, entry)| {
                let lives = !matches!(entry.status, Status::Free | Status::Moved);
                lives.then_some(Pid {
                    index: first | place as u32,
                    serial: entry.serial,
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn() -> Spawn {
        Spawn {
            parent: Pid {
                index: 0,
                serial: 0,
            },
            priority: Priority::Normal,
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 96, "{}", size_of::<Entry>());
    }

    fn table(limit: u32) -> ProcessTable {
        ProcessTable::new(0, Arc::new(Between::new(limit, 1, true)))
    }

    fn allocate(table: &mut ProcessTable) -> Result<Pid, TableFull> {
        let pid = table.claim(0)?;
        assert!(table.occupy(pid, spawn()));
        Ok(pid)
    }

    #[test]
    fn a_freed_index_comes_back_last_and_with_another_serial() {
        let mut table = table(100);
        let first = allocate(&mut table).unwrap();
        let second = allocate(&mut table).unwrap();
        table.release(first.index);
        table.release(second.index);
        let third = allocate(&mut table).unwrap();
        assert_eq!(third.index, first.index);
        assert_ne!(third.serial, first.serial);
        assert!(table.live(first).is_none());
        assert!(table.live(third).is_some());
    }

    #[test]
    fn a_full_table_refuses_and_takes_again() {
        let mut table = table(2);
        let first = allocate(&mut table).unwrap();
        allocate(&mut table).unwrap();
        assert_eq!(allocate(&mut table), Err(TableFull { limit: 2 }));
        table.release(first.index);
        assert!(allocate(&mut table).is_ok());
    }
}
