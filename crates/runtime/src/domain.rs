//! What one scheduler's lock guards beside its run queues: the processes and everything between them.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use viga_scheduler::{Emigration, Priority, RunQueues};

use crate::batch::Batch;
use crate::between::{Between, SchedulerSet, Signal};
use crate::clock::Clock;
use crate::handles::Handles;
use crate::link::Link;
use crate::monitor::{Monitor, NOBODY};
use crate::outcome::Outcome;
use crate::process::{ProcessTable, Spawn, TableFull, flag};
use crate::signal::PendingSignal;
use crate::slab::Slab;
use crate::timer::Wheel;
use crate::{Pid, Status};

/// Told of the end of each process that was marked as an owner, before its links and watchers are.
pub type OwnerEnded = Arc<dyn Fn(Pid) + Send + Sync>;

/// See the module. The operations are in `signal`, `exit`, `mailbox`, `link`, `monitor` and `executor`.
pub struct Domain {
    /// Number of its scheduler, from 0.
    pub(crate) scheduler: usize,
    pub(crate) between: Arc<Between>,
    pub(crate) table: ProcessTable,
    pub(crate) handles: Handles,
    pub(crate) links: Slab<Link>,
    pub(crate) link_index: HashMap<[u32; 2], u32>,
    pub(crate) monitors: Slab<Monitor>,
    /// Records by reference, of owners that live here.
    pub(crate) monitor_index: HashMap<u64, u32>,
    /// Records of owners that live on other schedulers.
    pub(crate) watcher_index: HashMap<(Pid, u64), u32>,
    /// Ends of links, here, with processes of other schedulers.
    pub(crate) away_links: u32,
    /// Counts the Unlinks sent, in steps of the number of schedulers, so that no two schedulers give one number.
    pub(crate) unlinks: u64,
    pub(crate) outcomes: Slab<Outcome>,
    pub(crate) wheel: Wheel,
    pub(crate) clock: Clock,
    /// Processes that signals have ended and whose bodies the executor still holds.
    pub(crate) buried: VecDeque<Pid>,
    /// Processes sentenced by signals, with the counted reason.
    pub(crate) dying: VecDeque<(u32, u32)>,
    /// Exit signals and DOWNs to the process whose slice is running, in order.
    pub(crate) pending: Vec<PendingSignal>,
    /// Signals that wait for the gate of each scheduler's inbox, in order; and who was sent something in this crossing.
    pub(crate) out: Box<[Vec<Signal>]>,
    pub(crate) receivers: SchedulerSet,
    pub(crate) any_sent: bool,
    /// Fragments that the isolate has been shown outside a window, messages and reasons: forgotten at the next crossing.
    pub(crate) shown: Vec<u32>,
    /// Where processes of this home are that have moved, by index.
    pub(crate) moved: HashMap<u32, usize>,
    /// Guests, by pid: their places here; and their pids, by index.
    pub(crate) guests: HashMap<Pid, Pid>,
    pub(crate) identities: HashMap<u32, Pid>,
    pub(crate) emigration: Emigration,
    /// Processes that have gone to other schedulers, and that have come from them.
    pub(crate) given_away: u64,
    pub(crate) taken_over: u64,
    /// Those of `taken_over` for which this scheduler had asked.
    pub(crate) asked_over: u64,
    /// What is offered at the moment was asked for.
    pub(crate) asked_for: bool,
    /// Movable processes active in this period and in the one before, see `Domain::note_active`.
    pub(crate) movable_active: u32,
    pub(crate) movable_before: u32,
    /// There was nothing to do; and since when there is.
    pub(crate) was_idle: bool,
    pub(crate) busy_since_us: u64,
    /// Processes given away in this period.
    pub(crate) given_lately: u32,
    /// Processes given away lately that may not have begun yet where they are, and periods since the last one went.
    pub(crate) given_recently: u32,
    pub(crate) periods_since_given: u32,
    pub(crate) period: u8,
    pub(crate) period_since_us: u64,
    /// Processes offered in this crossing.
    pub(crate) offered: u32,
    /// The process that stands for the code of the isolate outside any process.
    root: Pid,
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
    /// The domain of a scheduler, without any process.
    pub fn new(scheduler: usize, between: Arc<Between>, owner_ended: OwnerEnded) -> Self {
        let table = ProcessTable::new(scheduler, Arc::clone(&between));
        let out = (0..between.schedulers()).map(|_| Vec::new()).collect();
        Domain {
            scheduler,
            between,
            table,
            handles: Handles::new(),
            links: Slab::new(),
            link_index: HashMap::new(),
            monitors: Slab::new(),
            monitor_index: HashMap::new(),
            watcher_index: HashMap::new(),
            away_links: 0,
            unlinks: 0,
            outcomes: Slab::new(),
            wheel: Wheel::new(),
            clock: Clock::new(),
            buried: VecDeque::new(),
            dying: VecDeque::new(),
            pending: Vec::new(),
            out,
            receivers: SchedulerSet::default(),
            any_sent: false,
            shown: Vec::new(),
            moved: HashMap::new(),
            guests: HashMap::new(),
            identities: HashMap::new(),
            emigration: Emigration::default(),
            given_away: 0,
            taken_over: 0,
            asked_over: 0,
            asked_for: false,
            movable_active: 0,
            movable_before: 0,
            was_idle: true,
            busy_since_us: 0,
            given_lately: 0,
            given_recently: 0,
            periods_since_given: 0,
            period: 1,
            period_since_us: 0,
            offered: 0,
            root: NOBODY,
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

    /// The root process, which is started unless it lives: nothing ends it but the end of its isolate.
    pub fn root(&mut self) -> Pid {
        if self.table.live(self.root).is_none()
            && let Ok(pid) = self.table.claim_regardless()
        {
            let spawn = Spawn {
                parent: pid,
                priority: Priority::Normal,
            };
            self.table.occupy(pid, spawn);
            let entry = self.table.entry(pid.index);
            entry.status = Status::Held;
            entry.set(flag::ROOT | flag::STARTED);
            self.root = pid;
        }
        self.root
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
        let pid = self.place_of(pid);
        self.table.live(pid).is_some() || self.table.is_expected(pid)
    }

    /// The process has tables or registry entries: its end is told to [`OwnerEnded`].
    pub fn mark_owner(&mut self, pid: Pid) {
        let pid = self.place_of(pid);
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

    /// Gives a live process a name of its own. O(1). Whether one of another scheduler lives is found out there: if it does not,
    /// the name is free again soon.
    pub fn register(&mut self, name: &str, pid: Pid) -> Result<(), RegisterError> {
        let away = self.table.is_away(pid);
        if !away && self.table.live(pid).is_none() {
            let taken = self.between.whereis(name).is_some();
            return Err(if taken {
                RegisterError::Taken
            } else {
                RegisterError::NoProcess
            });
        }
        if !self.between.name(name, pid) {
            return Err(RegisterError::Taken);
        }
        let name: Box<str> = name.into();
        if away {
            self.post(pid, Signal::Named { to: pid, name });
        } else {
            let entry = self.table.entry(pid.index);
            // It may have had the name before, and not know yet that another scheduler has taken it back.
            entry.forget_name(&name);
            entry.names.get_or_insert_default().push(name);
        }
        Ok(())
    }

    /// Takes a name back. False when nobody has it. O(names of the process).
    pub fn unregister(&mut self, name: &str) -> bool {
        let Some(pid) = self.between.take_name(name) else {
            return false;
        };
        if let Some(entry) = self.table.live(pid) {
            entry.forget_name(name);
        } else if self.table.is_away(pid) {
            let name = name.into();
            self.post(pid, Signal::Unnamed { to: pid, name });
        }
        true
    }

    /// The process that has the name. O(1).
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.between.whereis(name)
    }
}
