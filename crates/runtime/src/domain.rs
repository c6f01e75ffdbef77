//! What one scheduler's lock guards beside its run queues: the processes and everything between them.

use std::collections::VecDeque;

use hashbrown::HashMap;
use viga_scheduler::{Priority, RunQueues};

use crate::batch::Batch;
use crate::clock::Clock;
use crate::foreign::ForeignSignal;
use crate::handles::Handles;
use crate::link::Link;
use crate::monitor::Monitor;
use crate::outcome::Outcome;
use crate::process::{ProcessTable, Spawn, TableFull, flag};
use crate::signal::PendingSignal;
use crate::slab::Slab;
use crate::timer::Wheel;
use crate::{Pid, Status};

/// Told of the end of each process that was marked as an owner, before its links and watchers are.
pub type OwnerEnded = Box<dyn FnMut(Pid) + Send>;

/// See the module. The operations are in `signal`, `exit`, `mailbox`, `link`, `monitor` and `executor`.
pub struct Domain {
    pub(crate) table: ProcessTable,
    pub(crate) handles: Handles,
    pub(crate) links: Slab<Link>,
    pub(crate) link_index: HashMap<[u32; 2], u32>,
    pub(crate) monitors: Slab<Monitor>,
    pub(crate) monitor_index: HashMap<u64, u32>,
    pub(crate) outcomes: Slab<Outcome>,
    pub(crate) wheel: Wheel,
    pub(crate) clock: Clock,
    pub(crate) names: HashMap<Box<str>, Pid>,
    /// Processes that signals have ended and whose bodies the executor still holds.
    pub(crate) buried: VecDeque<Pid>,
    /// Processes sentenced by signals, with the counted reason.
    pub(crate) dying: VecDeque<(u32, u32)>,
    /// Exit signals and DOWNs to the process whose slice is running, in order.
    pub(crate) pending: Vec<PendingSignal>,
    /// What other threads sent while the isolate had slices, in order.
    pub(crate) foreign: Vec<ForeignSignal>,
    /// Processes to be picked ahead of normal priority, see `hasten`.
    pub(crate) hastened: VecDeque<u32>,
    pub(crate) owner_ended: OwnerEnded,
    /// Room for the ends of one process, kept between its uses.
    pub(crate) told: Vec<u32>,
    /// Messages waiting in all mailboxes.
    pub(crate) messages: u64,
    pub(crate) batch: Batch,
    pub(crate) slices: u64,
    pub(crate) reductions: u64,
    #[cfg(feature = "hard-checks")]
    pub(crate) crossings_unchecked: u64,
}

/// Why a name could not be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// Another process has it.
    Taken,
    /// The process is not alive.
    NoProcess,
}

impl Domain {
    /// A domain with the root process alone, at index 0.
    pub fn new(process_limit: u32, owner_ended: OwnerEnded) -> Self {
        let mut table = ProcessTable::new(process_limit.max(1));
        let root = Spawn {
            parent: Pid {
                index: 0,
                serial: 0,
            },
            priority: Priority::Normal,
        };
        if let Ok(pid) = table.claim(0)
            && table.occupy(pid, root)
        {
            let entry = table.entry(pid.index);
            entry.status = Status::Held;
            entry.set(flag::ROOT | flag::STARTED);
        }
        Domain {
            table,
            handles: Handles::new(),
            links: Slab::new(),
            link_index: HashMap::new(),
            monitors: Slab::new(),
            monitor_index: HashMap::new(),
            outcomes: Slab::new(),
            wheel: Wheel::new(),
            clock: Clock::new(),
            names: HashMap::new(),
            buried: VecDeque::new(),
            dying: VecDeque::new(),
            pending: Vec::new(),
            foreign: Vec::new(),
            hastened: VecDeque::new(),
            owner_ended,
            told: Vec::new(),
            messages: 0,
            batch: Batch::new(),
            slices: 0,
            reductions: 0,
            #[cfg(feature = "hard-checks")]
            crossings_unchecked: 0,
        }
    }

    /// Starts a process, runnable. O(1).
    #[inline]
    pub fn spawn(&mut self, queues: &mut RunQueues, spawn: Spawn) -> Result<Pid, TableFull> {
        let pid = self.table.claim(0)?;
        self.begin(queues, pid, spawn);
        Ok(pid)
    }

    /// A process begins in a claimed place, runnable. False when the place is not free under this pid.
    #[inline]
    pub(crate) fn begin(&mut self, queues: &mut RunQueues, pid: Pid, spawn: Spawn) -> bool {
        let begun = self.table.occupy(pid, spawn);
        if begun {
            self.table.entry(pid.index).window = crate::executor::FIRST_WINDOW;
            self.make_runnable(queues, pid.index);
        }
        begun
    }

    /// Most processes alive at once.
    pub fn process_limit(&self) -> u32 {
        self.table.limit()
    }

    /// True while the process is alive. O(1).
    pub fn is_alive(&mut self, pid: Pid) -> bool {
        self.table.live(pid).is_some()
    }

    /// The process has tables or registry entries: its end is told to [`OwnerEnded`].
    pub fn mark_owner(&mut self, pid: Pid) {
        if let Some(entry) = self.table.live(pid) {
            entry.set(flag::OWNER);
        }
    }

    /// Whether exit signals become messages. Gives the old value; false for a dead process.
    pub fn set_trap_exit(&mut self, pid: Pid, trap: bool) -> bool {
        let Some(entry) = self.table.live(pid) else {
            return false;
        };
        let old = entry.has(flag::TRAP_EXIT);
        if trap {
            entry.set(flag::TRAP_EXIT);
        } else {
            entry.clear(flag::TRAP_EXIT);
        }
        old
    }

    /// Gives the old priority. One that is queued already is picked once more by the old one.
    pub fn set_priority(&mut self, pid: Pid, priority: Priority) -> Option<Priority> {
        let entry = self.table.live(pid)?;
        Some(std::mem::replace(&mut entry.priority, priority))
    }

    /// Gives a live process a name of its own. O(1).
    pub fn register(&mut self, name: &str, pid: Pid) -> Result<(), RegisterError> {
        if self.names.contains_key(name) {
            return Err(RegisterError::Taken);
        }
        let entry = self.table.live(pid).ok_or(RegisterError::NoProcess)?;
        let name: Box<str> = name.into();
        entry.names.get_or_insert_default().push(name.clone());
        self.names.insert(name, pid);
        Ok(())
    }

    /// Takes a name back. False when nobody has it. O(names of the process).
    pub fn unregister(&mut self, name: &str) -> bool {
        let Some(pid) = self.names.remove(name) else {
            return false;
        };
        let entry = self.table.entry(pid.index);
        if let Some(names) = &mut entry.names {
            names.retain(|held| &**held != name);
            if names.is_empty() {
                entry.names = None;
            }
        }
        true
    }

    /// The process that has the name. O(1).
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.names.get(name).copied()
    }
}
