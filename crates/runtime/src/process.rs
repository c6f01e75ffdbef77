//! The process table: one entry per process, found by index, told apart by serial.

use std::collections::VecDeque;

use viga_scheduler::Priority;

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
}

/// Bits of [`Entry::flags`].
pub mod flag {
    /// Exit signals become messages.
    pub const TRAP_EXIT: u8 = 1 << 0;
    /// Has had its first slice.
    pub const STARTED: u8 = 1 << 1;
    /// Has a place in a run queue, whatever it is doing: it may have died since, or been picked ahead of its place.
    pub const QUEUED: u8 = 1 << 2;
    /// Its receive timeout has fired and was not told yet.
    pub const TIMED_OUT: u8 = 1 << 3;
    /// Was resumed and was not told yet.
    pub const RESUMED: u8 = 1 << 4;
    /// Has tables or registry entries, or had.
    pub const OWNER: u8 = 1 << 5;
    /// The root process: never ends, deaf to exit signals.
    pub const ROOT: u8 = 1 << 6;
    /// Is to be picked ahead of its queue (see `Domain::hasten`).
    pub const HASTENED: u8 = 1 << 7;
}

/// One place of the table.
///
/// ```text
///  0        4  5  6  7  8        12       16       20       24
///  +--------+--+--+--+--+--------+--------+--------+--------+
///  | serial |st|fl|pr|ww| mailbox: head, tail, len  | parent  ...
///  +--------+--+--+--+--+--------+--------+--------+--------+
///  st status   fl flags   pr priority   ww window width for the next slice
/// ```
///
/// Everything a waiting process needs fits in 80 bytes; what few processes have (names, timers that will send to
/// it) hangs off `names` and `timers`.
pub struct Entry {
    pub serial: u32,
    pub status: Status,
    pub flags: u8,
    pub priority: Priority,
    /// Messages to hand out at the next pick.
    pub window: u8,
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
}

impl Entry {
    fn free() -> Self {
        Entry {
            serial: 0,
            status: Status::Free,
            flags: 0,
            priority: Priority::Normal,
            window: 0,
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
        }
    }

    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    pub fn set(&mut self, flag: u8) {
        self.flags |= flag;
    }

    #[inline]
    pub fn clear(&mut self, flag: u8) {
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

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// All entries of one domain. Grows a chunk of 1,024 entries at a time and copies nothing; an index that has been
/// freed goes to the back of a queue, so that a pid is not seen again for a long time.
pub struct ProcessTable {
    chunks: Vec<Box<[Entry]>>,
    free: VecDeque<u32>,
    fresh: u32,
    alive: u32,
    limit: u32,
}

/// The table holds as many processes as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull {
    /// The limit that was reached.
    pub limit: u32,
}

impl ProcessTable {
    pub fn new(limit: u32) -> Self {
        ProcessTable {
            chunks: Vec::new(),
            free: VecDeque::new(),
            fresh: 0,
            alive: 0,
            limit,
        }
    }

    pub fn alive(&self) -> u32 {
        self.alive
    }

    pub fn limit(&self) -> u32 {
        self.limit
    }

    pub fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Entry>()
    }

    /// Takes a free place, for [`ProcessTable::occupy`]. `reserved` places have been taken and not occupied yet. O(1).
    #[inline]
    pub fn claim(&mut self, reserved: u32) -> Result<Pid, TableFull> {
        if self.alive + reserved >= self.limit {
            return Err(TableFull { limit: self.limit });
        }
        let index = match self.free.pop_front() {
            Some(index) => index,
            None => self.fresh_index(),
        };
        Ok(Pid {
            index,
            serial: self.entry(index).serial,
        })
    }

    /// A process begins in a claimed place. False when it is not free under this pid.
    #[inline]
    pub fn occupy(&mut self, pid: Pid, spawn: Spawn) -> bool {
        if pid.index >= self.fresh {
            return false;
        }
        let entry = self.entry(pid.index);
        if entry.serial != pid.serial || entry.status != Status::Free {
            return false;
        }
        entry.status = Status::Runnable;
        entry.priority = spawn.priority;
        entry.parent = spawn.parent;
        self.alive += 1;
        true
    }

    fn fresh_index(&mut self) -> u32 {
        let index = self.fresh;
        if index as usize == self.chunks.len() * CHUNK {
            self.chunks
                .push((0..CHUNK).map(|_| Entry::free()).collect());
        }
        self.fresh += 1;
        index
    }

    /// Ends the use of an entry whose lists are empty. One that still stands in a run queue is given back by
    /// [`ProcessTable::unqueued`].
    #[inline]
    pub fn release(&mut self, index: u32) {
        self.alive -= 1;
        let entry = self.entry(index);
        let serial = entry.serial.wrapping_add(1);
        let queued = entry.flags & flag::QUEUED;
        *entry = Entry::free();
        entry.serial = serial;
        entry.flags = queued;
        if queued == 0 {
            self.free.push_back(index);
        }
    }

    /// The entry has been popped from its run queue. False when it is not to run: its process has died in there, or was
    /// picked before its place came up (see `Domain::hasten`).
    #[inline]
    pub fn unqueued(&mut self, index: u32) -> bool {
        let entry = self.entry(index);
        entry.clear(flag::QUEUED);
        let status = entry.status;
        if status == Status::Free {
            self.free.push_back(index);
        }
        status == Status::Runnable
    }

    #[inline]
    pub fn entry(&mut self, index: u32) -> &mut Entry {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    #[inline]
    pub fn peek(&self, index: u32) -> &Entry {
        &self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    /// The entry of a live process. O(1).
    #[inline]
    pub fn live(&mut self, pid: Pid) -> Option<&mut Entry> {
        let chunk = self.chunks.get_mut((pid.index >> CHUNK_BITS) as usize)?;
        let entry = &mut chunk[pid.index as usize & (CHUNK - 1)];
        (entry.serial == pid.serial && entry.status != Status::Free).then_some(entry)
    }

    /// Pids of all live processes, by index.
    pub fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        (0..self.fresh).filter_map(|index| {
            let entry = self.peek(index);
            (entry.status != Status::Free).then_some(Pid {
                index,
                serial: entry.serial,
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
        assert!(size_of::<Entry>() <= 88, "{}", size_of::<Entry>());
    }

    fn allocate(table: &mut ProcessTable) -> Result<Pid, TableFull> {
        let pid = table.claim(0)?;
        assert!(table.occupy(pid, spawn()));
        Ok(pid)
    }

    #[test]
    fn a_freed_index_comes_back_last_and_with_another_serial() {
        let mut table = ProcessTable::new(100);
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
        let mut table = ProcessTable::new(2);
        let first = allocate(&mut table).unwrap();
        allocate(&mut table).unwrap();
        assert_eq!(allocate(&mut table), Err(TableFull { limit: 2 }));
        table.release(first.index);
        assert!(allocate(&mut table).is_ok());
    }
}
