//! The system as any thread sees it: one domain under its scheduler's lock. Everything here may be called from any
//! thread, also while the isolate that executes the processes is busy or stuck.

use std::sync::Arc;

use viga_scheduler::{Guard, Parker, Priority, Scheduler};

use crate::foreign::ForeignSignal;
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
    scheduler: Arc<Scheduler<Domain>>,
}

impl System {
    /// A system with the root process alone. `owner_ended` is told of the end of processes that were marked as owners;
    /// it is called under the lock and must not call back.
    pub fn new(
        process_limit: u32,
        parker: Parker,
        owner_ended: impl FnMut(Pid) + Send + 'static,
    ) -> Self {
        let domain = Domain::new(process_limit, Box::new(owner_ended));
        System {
            scheduler: Arc::new(Scheduler::new(1, parker, domain)),
        }
    }

    /// Takes the lock: the run queues and the domain.
    #[inline]
    pub fn lock(&self) -> Guard<'_, Domain> {
        self.scheduler.lock()
    }

    /// The executing isolate's crossing: what it has done takes effect, and it is told what to run next.
    #[inline]
    pub fn next(&self, block: &ControlBlock) {
        let mut guard = self.lock();
        let (queues, domain) = guard.split();
        domain.next(queues, block);
    }

    /// Starts a process from any thread and wakes its scheduler.
    pub fn spawn(&self, spawn: Spawn) -> Result<Pid, TableFull> {
        let mut guard = self.lock();
        let (queues, domain) = guard.split();
        let pid = domain.spawn(queues, spawn);
        drop(guard);
        self.scheduler.wake();
        pid
    }

    /// Sends a handle from any thread and wakes the receiver's scheduler. While the isolate has slices, the message arrives with
    /// its next crossing.
    pub fn send(&self, to: Pid, handle: u32) {
        let mut guard = self.lock();
        let (queues, domain) = guard.split();
        domain.foreign_signal(queues, ForeignSignal::Message { to, handle });
        drop(guard);
        self.scheduler.wake();
    }

    /// An exit signal from any thread; as [`System::send`].
    pub fn signal_exit(&self, from: Pid, to: Pid, reason: u32) {
        let mut guard = self.lock();
        let (queues, domain) = guard.split();
        domain.foreign_signal(queues, ForeignSignal::Exit { from, to, reason });
        drop(guard);
        self.scheduler.wake();
    }

    /// The process that has the name.
    #[must_use]
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.lock().state().whereis(name)
    }

    /// True while the process is alive.
    #[must_use]
    pub fn is_alive(&self, pid: Pid) -> bool {
        self.lock().state().is_alive(pid)
    }

    /// Everything known of a live process.
    #[must_use]
    pub fn process_facts(&self, pid: Pid) -> Option<ProcessFacts> {
        self.lock().state().process_facts(pid)
    }

    /// Pids of all live processes, by index.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        self.lock().state().table.pids().collect()
    }

    /// Counts of the whole system.
    #[must_use]
    pub fn facts(&self) -> SystemFacts {
        let mut guard = self.lock();
        let (queues, domain) = guard.split();
        let mut facts = domain.facts();
        for (length, priority) in facts.run_queue.iter_mut().zip(Priority::ALL) {
            *length = queues.len_of(priority) as u32;
        }
        facts.wakeups = self.scheduler.statistics().snapshot().wakeups;
        facts
    }

    /// The scheduler, for its parker and statistics.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler<Domain> {
        &self.scheduler
    }
}

impl Domain {
    /// Everything known of a live process. O(links + monitors + names).
    pub fn process_facts(&mut self, pid: Pid) -> Option<ProcessFacts> {
        self.table.live(pid)?;
        let entry = self.table.peek(pid.index);
        let pids = |indexes: &mut dyn Iterator<Item = u32>| -> Vec<Pid> {
            indexes
                .map(|index| Pid {
                    index,
                    serial: self.table.peek(index).serial,
                })
                .collect()
        };
        let links = pids(&mut self.linked_with(pid.index));
        let monitors = pids(&mut self.monitored_by_it(pid.index));
        let monitored_by = pids(&mut self.monitors_of_it(pid.index));
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
        self.table.pids().collect()
    }

    /// Names in use, in no order.
    pub fn registered(&self) -> Vec<String> {
        self.names.keys().map(|name| name.to_string()).collect()
    }

    fn facts(&self) -> SystemFacts {
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
            name_count: self.names.len() as u32,
            monitor_count: self.monitors.len(),
            link_count: self.links.len(),
            message_count: self.messages,
            slices: self.slices,
            reductions: self.reductions,
            wakeups: 0,
            run_queue: [0; 4],
            memory: memory as u64,
        }
    }
}
