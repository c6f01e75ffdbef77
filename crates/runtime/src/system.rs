//! The system as any thread sees it: domains, each under its scheduler's lock. Everything here may be called from any
//! thread, also while the isolate that executes the processes is busy or stuck.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use viga_scheduler::{Guard, Parker, Priority, RunQueues, Scheduler, choose_victim};

use crate::away::AwayLink;
use crate::between::{Between, MOST_SCHEDULERS, SchedulerSet, Signal};
use crate::domain::OwnerEnded;
use crate::handles::constant;
use crate::monitor::NOBODY;
use crate::process::{TableFull, flag};
use crate::signal::PendingSignal;
use crate::{ControlBlock, Domain, Pid, Spawn, Status};

/// What is known of one process, without asking it.
#[derive(Clone, Debug)]
pub struct ProcessFacts {
    /// What it does; `Picked` while its slice runs without having crossed into the core.
    pub status: Status,
    /// By which it is queued next.
    pub priority: Priority,
    /// Whether exit signals become messages.
    pub trap_exit: bool,
    /// Messages waiting, those included that a selective receive has put aside and those in its window.
    pub message_queue_length: u32,
    /// Charged to it by all slices that are settled.
    pub reductions: u64,
    /// Who spawned it; it may have ended since.
    pub parent: Pid,
    /// Linked processes, newest link first.
    pub links: Vec<Pid>,
    /// Processes it monitors, newest monitor first, once per monitor.
    pub monitors: Vec<Pid>,
    /// Processes that monitor it, newest monitor first, once per monitor; callers are not among them.
    pub monitored_by: Vec<Pid>,
    /// Its registered names, oldest first.
    pub names: Vec<String>,
    /// Bytes the runtime holds for it.
    pub memory: u64,
}

impl ProcessFacts {
    /// A process that is on its way from another scheduler.
    fn of_expected() -> Self {
        ProcessFacts {
            status: Status::Runnable,
            priority: Priority::Normal,
            trap_exit: false,
            message_queue_length: 0,
            reductions: 0,
            parent: NOBODY,
            links: Vec::new(),
            monitors: Vec::new(),
            monitored_by: Vec::new(),
            names: Vec::new(),
            memory: 0,
        }
    }
}

/// Counts of the whole system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemFacts {
    /// Live processes, the root process included.
    pub process_count: u32,
    /// Most processes alive at one time.
    pub process_limit: u32,
    /// Timers running: of messages, receives and calls.
    pub timer_count: u32,
    /// Registered names.
    pub name_count: u32,
    /// Monitors, aliases and calls in progress.
    pub monitor_count: u32,
    /// Linked pairs.
    pub link_count: u32,
    /// Messages waiting in all mailboxes, as `ProcessFacts::message_queue_length` counts them.
    pub message_count: u64,
    /// Processes that have gone to other schedulers.
    pub migrations_out: u64,
    /// Processes that have come from other schedulers.
    pub migrations_in: u64,
    /// Those of them for which a scheduler without work had asked.
    pub steals: u64,
    /// Messages and reasons that came from other schedulers and were not taken yet.
    pub fragment_count: u32,
    /// Slices settled.
    pub slices: u64,
    /// Reductions of the slices settled.
    pub reductions: u64,
    /// Times the parked executor was called back from another thread.
    pub wakeups: u64,
    /// Processes queued, by priority from max to low.
    pub run_queue: [u32; 4],
    /// Bytes of the process table and everything between processes.
    pub memory: u64,
}

/// See the module.
#[derive(Clone)]
pub struct System {
    schedulers: Arc<[Scheduler<Domain>]>,
    between: Arc<Between>,
}

fn members(set: SchedulerSet) -> impl Iterator<Item = usize> {
    (0..set.len()).flat_map(move |word| {
        let mut bits = set[word];
        std::iter::from_fn(move || {
            let bit = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(word * 64 + bit)
        })
    })
}

impl System {
    /// A system of one scheduler, with the root process alone. `owner_ended` is told of the end of processes that were
    /// marked as owners; it is called under a scheduler's lock and must not call back.
    pub fn new(
        process_limit: u32,
        parker: Parker,
        owner_ended: impl Fn(Pid) + Send + Sync + 'static,
    ) -> Self {
        Self::with_schedulers(process_limit, vec![parker], true, owner_ended)
    }

    /// A system of one scheduler for each parker, 256 at most, numbered from 0. The first has its root process; the others
    /// get theirs when an isolate [attaches](System::attach). With `compact` work stays on few schedulers while they keep up.
    pub fn with_schedulers(
        process_limit: u32,
        parkers: Vec<Parker>,
        compact: bool,
        owner_ended: impl Fn(Pid) + Send + Sync + 'static,
    ) -> Self {
        let owner_ended: OwnerEnded = Arc::new(owner_ended);
        let between = Arc::new(Between::new(process_limit.max(1), parkers.len(), compact));
        let schedulers = parkers.into_iter().take(MOST_SCHEDULERS).enumerate();
        let schedulers = schedulers.map(|(number, parker)| {
            let domain = Domain::new(number, Arc::clone(&between), Arc::clone(&owner_ended));
            Scheduler::new(number as u32 + 1, parker, domain)
        });
        let system = System {
            schedulers: schedulers.collect(),
            between,
        };
        system.lock().state().root();
        system
    }

    /// Number of schedulers.
    #[must_use]
    pub fn schedulers(&self) -> usize {
        self.schedulers.len()
    }

    /// Takes the lock of the first scheduler: its run queues and its domain.
    #[inline]
    pub fn lock(&self) -> Guard<'_, Domain> {
        self.schedulers[0].lock()
    }

    /// One crossing of the isolate of scheduler `number`, or what stands for it: runs `body`, then sends off what is for other
    /// schedulers and wakes them.
    #[inline]
    pub fn operate<T>(
        &self,
        number: usize,
        body: impl FnOnce(&mut RunQueues, &mut Domain) -> T,
    ) -> T {
        let mut guard = self.schedulers[number].lock();
        let (queues, domain) = guard.split();
        let given = body(queues, domain);
        if domain.any_sent {
            let receivers = domain.send_off();
            drop(guard);
            self.call(receivers);
        }
        given
    }

    /// Wakes the schedulers that something was sent to; answers for those that no isolate executes.
    fn call(&self, receivers: SchedulerSet) {
        for number in members(receivers) {
            let inbox = self.between.inbox(number);
            self.schedulers[number].wake_for_lane();
            if inbox.is_vacant() {
                self.stand_in(number);
            }
        }
    }

    /// Works off what has come for a scheduler that no isolate executes: what its processes would be told goes back to the senders.
    #[cold]
    fn stand_in(&self, number: usize) {
        self.operate(number, |queues, domain| {
            if domain.batch.block.is_none() {
                while domain.work_off_inbox(queues) != 0 {}
            }
        });
    }

    /// The executing isolate's crossing: what it has done takes effect, and it is told what to run next.
    #[inline]
    pub fn next(&self, number: usize, block: &ControlBlock) {
        self.operate(number, |queues, domain| {
            domain.next(queues, block);
            // While nobody else is there nobody asks for work; `balance` tells then.
            if domain.between.has_several() {
                domain.publish_load(self.schedulers[number].statistics().load());
            }
        });
    }

    /// Scheduler `number` balances the load if it is time to. A scheduler that is to get work and has no isolate yet.
    pub fn balance(&self, number: usize) -> Option<usize> {
        let load = self.schedulers[number].statistics().load();
        self.operate(number, |_, domain| domain.publish_load(load));
        let statistics = self.schedulers.iter().map(Scheduler::statistics);
        let plan = self.between.balancer.check(statistics)?;
        let mut targets = plan.paths.iter().flatten().map(|path| path.target as usize);
        targets.find(|target| !self.between.inbox(*target).is_attached())
    }

    /// So many movable processes wait in a queue before another scheduler is given some at once (`+swt`).
    pub fn set_wake_threshold(&self, processes: u32) {
        self.between.set_wake_threshold(processes);
    }

    /// Scheduler `number` has nothing to do: asks one that has too much.
    pub fn ask_for_work(&self, number: usize) {
        if self.between.balancer.paths().rests(number) || !self.between.is_online(number) {
            return;
        }
        let statistics = self.schedulers.iter().map(Scheduler::statistics);
        if let Some(victim) = choose_victim(number, statistics) {
            self.between.requests.ask(victim, number);
        }
    }

    /// So many schedulers take work, from the first on: at least 1, at most all. The others keep what is pinned to them, and
    /// give away what may move as it becomes ready. Takes effect with the next balance. How many did before.
    pub fn set_online(&self, online: usize) -> usize {
        let online = online.clamp(1, self.schedulers.len());
        for (number, scheduler) in self.schedulers.iter().enumerate() {
            scheduler.statistics().load().set_online(number < online);
        }
        self.between.set_online(online)
    }

    /// An isolate executes the processes of scheduler `number` from now on. Its root process.
    pub fn attach(&self, number: usize, block: ControlBlock) -> Pid {
        self.operate(number, |_, domain| {
            domain.attach(block);
            domain.root()
        })
    }

    /// The isolate of scheduler `number` has ended, however it did: its processes end with the reason
    /// [`SCHEDULER_DOWN`](crate::handles::constant::SCHEDULER_DOWN), and others hear of it. On the isolate's thread, which
    /// still has the memory of its control block. Idempotent.
    pub fn isolate_ended(&self, number: usize) {
        self.operate(number, |queues, domain| {
            if domain.batch.block.is_some() {
                domain.isolate_ended(queues, constant::SCHEDULER_DOWN);
            }
        });
        // What came before the scheduler was marked; pairs with the fence between sending and looking for the mark.
        fence(Ordering::SeqCst);
        self.stand_in(number);
    }

    /// The isolate of scheduler `number` has nothing to do: until the next wake-up it may sleep. False when something has
    /// arrived meanwhile.
    pub fn park(&self, number: usize) -> bool {
        let mut guard = self.schedulers[number].lock();
        let idle = guard.queues().is_empty() && guard.state().hastened.is_empty();
        if idle {
            guard.announce_park();
        }
        drop(guard);
        idle && self.schedulers[number].still_parks(|| self.has_arrivals(number))
    }

    /// Something has come for scheduler `number`. Without a lock: for the isolate that executes it, while it waits.
    #[inline]
    #[must_use]
    pub fn has_arrivals(&self, number: usize) -> bool {
        // SAFETY: only the isolate's thread receives while there is an isolate, and it is the one that asks.
        unsafe { self.between.inbox(number).has_some() }
    }

    /// As [`System::has_arrivals`], as far as any other thread can tell.
    #[must_use]
    pub fn seems_to_have_arrivals(&self, number: usize) -> bool {
        self.between.inbox(number).seems_waiting()
    }

    /// A place for a process that scheduler `number` will be told to start ([`Domain::spawn_away`]).
    pub fn claim(&self, number: usize) -> Result<Pid, TableFull> {
        self.schedulers[number]
            .lock()
            .state()
            .table
            .claim_for_another()
    }

    /// The first of 16,777,216 identifiers of references that nobody else gets.
    #[must_use]
    pub fn take_references(&self) -> u64 {
        self.between.take_references()
    }

    /// The scheduler that executes the process, if it lives: from 0.
    #[inline]
    #[must_use]
    pub fn home(&self, pid: Pid) -> usize {
        self.between.home(pid.index).min(self.schedulers.len() - 1)
    }

    /// Starts a process on the first scheduler from any thread, and wakes it.
    pub fn spawn(&self, spawn: Spawn) -> Result<Pid, TableFull> {
        let pid = self.operate(0, |queues, domain| domain.spawn(queues, spawn));
        self.schedulers[0].wake();
        pid
    }

    /// Sends a handle of the receiver's isolate from any thread. While that isolate has slices, the message arrives with
    /// its next crossing, otherwise at once.
    pub fn send(&self, to: Pid, handle: u32) {
        self.bring(to, Signal::LocalMessage { to, handle });
    }

    /// An exit signal from any thread, with a reason of the receiver's isolate; as [`System::send`].
    pub fn signal_exit(&self, from: Pid, to: Pid, reason: u32) {
        self.bring(to, Signal::LocalExit { to, from, reason });
    }

    fn bring(&self, to: Pid, signal: Signal) {
        let number = self.home(to);
        self.between.inbox(number).push(signal);
        self.operate(number, |queues, domain| {
            if domain.batch.block.is_none() {
                domain.work_off_inbox(queues);
            }
        });
        self.schedulers[number].wake();
    }

    /// The process that has the name.
    #[must_use]
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.between.whereis(name)
    }

    /// Names in use, in no order.
    #[must_use]
    pub fn registered(&self) -> Vec<String> {
        self.between.names()
    }

    /// True while the process is alive.
    #[must_use]
    pub fn is_alive(&self, pid: Pid) -> bool {
        let mut guard = self.at(pid);
        guard.state().is_alive(pid) || self.between.is_on_its_way(pid, 0)
    }

    /// Everything known of a live process.
    #[must_use]
    pub fn process_facts(&self, pid: Pid) -> Option<ProcessFacts> {
        let mut guard = self.at(pid);
        let expected = || {
            let travels = self.between.is_on_its_way(pid, 0);
            travels.then(ProcessFacts::of_expected)
        };
        guard.state().process_facts(pid).or_else(expected)
    }

    /// The process owns something: its end is told to `owner_ended`. False when it is dead.
    #[must_use]
    pub fn mark_owner(&self, pid: Pid) -> bool {
        let mut guard = self.at(pid);
        guard.state().mark_owner(pid);
        guard.state().is_alive(pid) || self.between.is_on_its_way(pid, flag::OWNER)
    }

    /// The scheduler on which the process lives, if it does, or to which it is on its way.
    fn at(&self, pid: Pid) -> Guard<'_, Domain> {
        let mut guard = self.schedulers[self.home(pid)].lock();
        match guard.state().moved_to(pid) {
            Some(number) => {
                drop(guard);
                self.schedulers[number].lock()
            }
            None => guard,
        }
    }

    /// Pids of all live processes, scheduler by scheduler.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let schedulers = self.schedulers.iter();
        schedulers
            .flat_map(|scheduler| scheduler.lock().state().pids())
            .collect()
    }

    /// Counts of the whole system. Each scheduler is asked after the other, so what is on its way between two may be missing.
    #[must_use]
    pub fn facts(&self) -> SystemFacts {
        let mut sum = SystemFacts {
            process_limit: self.between.limit(),
            name_count: self.between.name_count() as u32,
            ..SystemFacts::default()
        };
        let mut link_ends = 0;
        for scheduler in self.schedulers.iter() {
            let mut guard = scheduler.lock();
            let (queues, domain) = guard.split();
            let facts = domain.facts();
            link_ends += domain.away_links;
            sum.process_count += facts.process_count;
            sum.timer_count += facts.timer_count;
            sum.monitor_count += facts.monitor_count;
            sum.link_count += facts.link_count;
            sum.message_count += facts.message_count;
            sum.fragment_count += facts.fragment_count;
            sum.migrations_out += facts.migrations_out;
            sum.migrations_in += facts.migrations_in;
            sum.steals += facts.steals;
            sum.slices += facts.slices;
            sum.reductions += facts.reductions;
            sum.memory += facts.memory;
            for (length, priority) in sum.run_queue.iter_mut().zip(Priority::ALL) {
                *length += queues.len_of(priority) as u32;
            }
            sum.wakeups += scheduler.statistics().snapshot().wakeups;
        }
        sum.link_count += link_ends / 2;
        sum
    }

    /// A scheduler, for its parker and statistics.
    #[must_use]
    pub fn scheduler(&self, number: usize) -> &Scheduler<Domain> {
        &self.schedulers[number]
    }
}

impl Domain {
    /// Everything known of a live process. O(links + monitors + names).
    pub fn process_facts(&mut self, pid: Pid) -> Option<ProcessFacts> {
        let pid = self.place_of(pid);
        if self.table.is_expected(pid) {
            return Some(ProcessFacts::of_expected());
        }
        self.table.live(pid)?;
        let entry = self.table.peek(pid.index);
        let linked = self.linked_with(pid.index).map(|index| self.pid_at(index));
        let linked_away = entry.away.iter().flat_map(|links| links.iter());
        let linked_away = linked_away.filter(|(_, link)| **link == AwayLink::Linked);
        let links: Vec<Pid> = linked.chain(linked_away.map(|(pid, _)| *pid)).collect();
        let monitors: Vec<Pid> = self.monitored_by_it(pid.index).collect();
        let monitored_by: Vec<Pid> = self.monitors_of_it(pid.index).collect();
        let names: Vec<String> = entry
            .names
            .iter()
            .flat_map(|names| names.iter())
            .map(|name| name.to_string())
            .collect();
        let memory = size_of_val(entry)
            + entry.mailbox_len as usize * size_of::<u32>()
            + links.len() * size_of::<crate::link::Link>()
            + (monitors.len() + monitored_by.len()) * size_of::<crate::monitor::Monitor>()
            + names.iter().map(|name| name.len() * 2).sum::<usize>();
        Some(ProcessFacts {
            status: entry.status,
            priority: entry.priority,
            trap_exit: entry.has(flag::TRAP_EXIT),
            message_queue_length: entry.mailbox_len + self.pending_messages(pid.index),
            reductions: entry.reductions,
            parent: entry.parent,
            links,
            monitors,
            monitored_by,
            names,
            memory: memory as u64,
        })
    }

    /// Messages that the running process at `index` will find when its slice is over, because of signals that wait.
    fn pending_messages(&self, index: u32) -> u32 {
        let entry = self.table.peek(index);
        if entry.status != Status::Running {
            return 0;
        }
        let traps = entry.has(flag::TRAP_EXIT);
        let messages = self.pending.iter().filter(|signal| match signal {
            PendingSignal::Down { .. } => true,
            PendingSignal::Exit { .. } => traps,
        });
        messages.count() as u32
    }

    /// Live processes by index.
    pub fn pids(&self) -> Vec<Pid> {
        let places = self.table.pids();
        places.map(|place| self.pid_at(place.index)).collect()
    }

    /// What had to wait for gates goes into the inboxes. Who was sent something.
    fn send_off(&mut self) -> SchedulerSet {
        self.any_sent = false;
        let receivers = std::mem::take(&mut self.receivers);
        for number in members(receivers) {
            if !self.out[number].is_empty() {
                self.between.inbox(number).append(&mut self.out[number]);
            }
        }
        receivers
    }

    pub(crate) fn facts(&self) -> SystemFacts {
        let memory = self.table.bytes()
            + self.handles.bytes()
            + self.links.bytes()
            + self.monitors.bytes()
            + self.outcomes.bytes()
            + self.wheel.bytes();
        SystemFacts {
            process_count: self.table.alive(),
            process_limit: self.table.limit(),
            timer_count: self.wheel.len(),
            name_count: 0,
            monitor_count: self.monitors.len() - self.watcher_index.len() as u32,
            link_count: self.links.len(),
            message_count: self.messages,
            fragment_count: self.handles.fragment_count(),
            migrations_out: self.given_away,
            migrations_in: self.taken_over,
            steals: self.asked_over,
            slices: self.slices,
            reductions: self.reductions,
            wakeups: 0,
            run_queue: [0; 4],
            memory: memory as u64,
        }
    }
}
