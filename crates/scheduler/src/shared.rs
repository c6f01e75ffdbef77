//! What the threads of a pool share: the schedulers, the task table, who is idle; and how a task gets into a queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::config::{BodyPanic, PoolConfig};
use crate::idle::{Idle, Load};
use crate::sync::statistic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, ignoring_poison};
use crate::table::TaskTable;
use crate::task::{BodySlot, TaskKey, Woken};
use crate::{Body, Parker, Priority, Scheduler, Unpark};

/// What the pool keeps under each scheduler's lock.
pub(crate) struct Seat {
    /// Whether a thread runs this scheduler.
    pub(crate) open: bool,
    /// Whether the pool shuts down.
    pub(crate) closing: bool,
}

/// The pool shuts down and takes no task.
#[derive(Debug)]
pub(crate) struct Closing;

pub(crate) struct Shared {
    /// The pool's threads first, then the seats.
    pub(crate) schedulers: Box<[Scheduler<Seat>]>,
    /// The bells of the seats.
    pub(crate) bells: Box<[Arc<Bell>]>,
    pub(crate) table: TaskTable,
    pub(crate) idle: Idle,
    pub(crate) config: PoolConfig,
    /// Where the next task from outside goes.
    next: AtomicUsize,
}

/// Calls the foreign thread that has a seat, whichever it is at the moment.
#[derive(Default)]
pub(crate) struct Bell {
    unpark: Mutex<Option<Arc<dyn Unpark>>>,
}

impl Bell {
    pub(crate) fn set(&self, unpark: Option<Arc<dyn Unpark>>) {
        *ignoring_poison(self.unpark.lock()) = unpark;
    }
}

impl Unpark for Bell {
    fn unpark(&self) {
        let unpark = ignoring_poison(self.unpark.lock()).clone();
        if let Some(unpark) = unpark {
            unpark.unpark();
        }
    }
}

impl Shared {
    pub(crate) fn new(config: PoolConfig) -> Self {
        let bells: Box<[Arc<Bell>]> = (0..config.seats).map(|_| Arc::default()).collect();
        let threads = (0..config.threads).map(|_| (Parker::thread(), true));
        let seats = bells.iter().map(|bell| {
            let bell = Arc::clone(bell);
            (Parker::foreign(move || bell.unpark()), false)
        });
        let schedulers: Box<[Scheduler<Seat>]> = (0..)
            .zip(threads.chain(seats))
            .map(|(id, (parker, open))| {
                let seat = Seat {
                    open,
                    closing: false,
                };
                Scheduler::new(id, parker, seat)
            })
            .collect();
        Shared {
            idle: Idle::new(schedulers.len(), config.threads),
            schedulers,
            bells,
            table: TaskTable::new(),
            config,
            next: AtomicUsize::new(0),
        }
    }

    /// Makes a task of `body` in slot `id`, which the caller took from the table, and queues it.
    ///
    /// On failure the task is dead and its body dropped, and the caller gives `id` back.
    pub(crate) fn start_task(
        &self,
        id: u32,
        body: Box<dyn Body>,
        priority: Priority,
        preferred: u32,
    ) -> (TaskKey, Result<(), Closing>) {
        let cell = self.table.cell(id);
        // SAFETY: the caller took `id` from the table and no other thread has it.
        let generation = unsafe { cell.populate(body, priority, preferred) };
        let queued = self.enqueue(id, priority, preferred);
        if queued.is_err() {
            self.drop_body(id, cell.kill());
        }
        (TaskKey { id, generation }, queued)
    }

    /// The scheduler for the next task from outside: in turn.
    pub(crate) fn next_scheduler(&self) -> u32 {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.schedulers.len();
        self.schedulers[next].id()
    }

    pub(crate) fn wake_task(&self, key: TaskKey) {
        let cell = self.table.cell(key.id);
        if let Woken::MustQueue(priority) = cell.wake(key.generation) {
            // A closing pool ends the task wherever it is: nothing is owed to it.
            let _closing = self.enqueue(key.id, priority, cell.home());
        }
    }

    /// Puts a `QUEUED` task into the queue of `preferred`, or of the next scheduler that has a thread, and sees to
    /// it that somebody comes for it.
    pub(crate) fn enqueue(
        &self,
        id: u32,
        priority: Priority,
        preferred: u32,
    ) -> Result<(), Closing> {
        let (before, from) = self.schedulers.split_at(preferred as usize);
        for scheduler in from.iter().chain(before) {
            let mut guard = scheduler.lock();
            let (queues, seat) = guard.split();
            if seat.closing {
                return Err(Closing);
            }
            if seat.open {
                queues.push_back(id, priority);
                let ready = queues.len();
                drop(guard);
                self.call_for(scheduler, ready);
                return Ok(());
            }
        }
        self.leave_for_whoever_comes(id, priority, preferred);
        Ok(())
    }

    /// No scheduler has a thread. Whoever takes a seat next finds the task when it looks for something to steal.
    fn leave_for_whoever_comes(&self, id: u32, priority: Priority, preferred: u32) {
        let scheduler = &self.schedulers[preferred as usize];
        scheduler.lock().queues().push_back(id, priority);
        scheduler.wake();
        self.call_thief(Load::Plenty);
    }

    /// Wakes the scheduler that got a task, and somebody to help if it has more than it can begin at once.
    fn call_for(&self, scheduler: &Scheduler<Seat>, ready: usize) {
        let woken = scheduler.wake();
        match (woken, ready) {
            (true, 0..=1) => {}
            (false, 0..=1) => self.call_thief(Load::Lone),
            _ => self.call_thief(Load::Plenty),
        }
    }

    pub(crate) fn call_thief(&self, load: Load) {
        if let Some(index) = self.idle.call(load) {
            self.schedulers[index].wake();
        }
    }

    /// Drops a body, which may panic as well. Returns whether it did.
    pub(crate) fn drop_body(&self, task: u32, body: BodySlot) -> bool {
        match catch_unwind(AssertUnwindSafe(|| drop(body))) {
            Ok(()) => false,
            Err(payload) => {
                self.report_panic(task, payload);
                true
            }
        }
    }

    /// Tells the reporter. A reporter that panics has nobody to be reported to; its panic ends here.
    pub(crate) fn report_panic(&self, task: u32, payload: Box<dyn std::any::Any + Send>) {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a text".to_owned());
        if let Some(report) = &self.config.on_panic {
            let panic = BodyPanic { task, message };
            let _its_own_panic = catch_unwind(AssertUnwindSafe(|| report(&panic)));
        }
    }

    /// Ends every task; bodies that run are dropped by their runners.
    pub(crate) fn end_all_tasks(&self) {
        for (id, cell) in (0..).zip(self.table.cells()) {
            self.drop_body(id, cell.kill());
        }
    }
}
