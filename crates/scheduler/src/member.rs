//! A thread's part in a pool, whether the thread is the pool's own or adopted: finding a task, running a slice,
//! settling it, announcing a park.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::idle::Load;
use crate::shared::{Seat, Shared};
use crate::steal::{Loot, Thief};
use crate::table::NumberCache;
use crate::task::{Settled, TaskKey};
use crate::{Body, Context, Priority, Scheduler, SliceEnd, TaskRef, WallState};

/// What a look for work brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Task(u32),
    Nothing,
    /// The pool shuts down.
    Closing,
}

/// What came of going to park.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parking {
    /// Something came in between: look again.
    NotNow,
    /// A task was found after all.
    Found(u32),
    /// The park is announced; the thread may give itself up.
    Announced,
}

pub(crate) struct Member {
    shared: Arc<Shared>,
    index: usize,
    numbers: NumberCache,
    thief: Thief,
    last: Option<TaskKey>,
    /// Whether this member is counted as looking in `Idle`.
    looking: bool,
    /// Whether it has announced a park that it has not ended.
    parked: bool,
}

impl Member {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        Member {
            thief: Thief::new(index, &shared),
            shared,
            index,
            numbers: NumberCache::default(),
            last: None,
            looking: false,
            parked: false,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn scheduler(&self) -> &Scheduler<Seat> {
        &self.shared.schedulers[self.index]
    }

    /// The next task of the own queue, or one of somebody else's.
    pub(crate) fn look_for_work(&mut self) -> Found {
        match self.pop() {
            Found::Nothing => {}
            found => {
                self.stop_looking();
                return found;
            }
        }
        self.start_looking();
        match self.thief.steal_by_hints(&self.shared) {
            Loot::Task(id) => {
                self.stop_looking();
                Found::Task(id)
            }
            Loot::Nothing => Found::Nothing,
        }
    }

    fn pop(&mut self) -> Found {
        let mut guard = self.scheduler().lock();
        let (queues, seat) = guard.split();
        if seat.closing {
            return Found::Closing;
        }
        let next = queues.pop();
        let leaves_some = !queues.is_empty();
        drop(guard);
        if leaves_some {
            // They wait at least for the slice that begins now.
            self.shared.call_thief(Load::Plenty);
        }
        next.map_or(Found::Nothing, |(id, _)| Found::Task(id))
    }

    /// Whether a look for work would be worth while, by hints alone.
    pub(crate) fn sees_work(&self) -> bool {
        let mut schedulers = self.shared.schedulers.iter().enumerate();
        schedulers.any(|(index, scheduler)| {
            let ready = scheduler.statistics().run_queue_length();
            ready > u32::from(index != self.index)
        })
    }

    /// Whether any task waits anywhere, by hints alone.
    fn sees_tasks_waiting(&self) -> bool {
        let mut schedulers = self.shared.schedulers.iter();
        schedulers.any(|scheduler| scheduler.statistics().run_queue_length() > 0)
    }

    /// Whether some other scheduler is running slices.
    pub(crate) fn sees_others_busy(&self) -> bool {
        let mut schedulers = self.shared.schedulers.iter().enumerate();
        schedulers.any(|(index, scheduler)| index != self.index && scheduler.statistics().is_busy())
    }

    /// Announces a park, in this order: under the own lock with the own queue empty; then among the idle; then a
    /// last round over the others' queues under their locks. The reasons are in `park.rs` and `idle.rs`.
    pub(crate) fn announce_park(&mut self) -> Parking {
        let mut guard = self.scheduler().lock();
        let (queues, seat) = guard.split();
        if seat.closing || !queues.is_empty() {
            return Parking::NotNow;
        }
        guard.announce_park();
        drop(guard);
        self.scheduler()
            .statistics()
            .wall_time()
            .turn(WallState::Parked);
        self.parked = true;
        self.shared.idle.enter(self.index);
        if std::mem::take(&mut self.looking) {
            self.shared.idle.end_looking();
        }
        match self.thief.steal_under_locks(&self.shared) {
            Loot::Nothing => Parking::Announced,
            Loot::Task(id) => {
                self.end_park();
                self.stop_looking();
                Parking::Found(id)
            }
        }
    }

    /// Ends an announced park, whoever caused the end; does nothing when there is none.
    pub(crate) fn end_park(&mut self) {
        if !std::mem::take(&mut self.parked) {
            return;
        }
        self.scheduler().retract_park();
        if !self.shared.idle.leave(self.index) {
            // Whoever called this member counted it as looking.
            self.looking = true;
        }
    }

    fn start_looking(&mut self) {
        if !std::mem::replace(&mut self.looking, true) {
            self.shared.idle.begin_looking();
        }
    }

    /// The last one to find something calls the next, because nobody else was called while it looked.
    pub(crate) fn stop_looking(&mut self) {
        if !std::mem::take(&mut self.looking) {
            return;
        }
        if self.shared.idle.end_looking() && self.sees_tasks_waiting() {
            self.shared.call_thief(Load::Plenty);
        }
    }

    /// Runs one slice of a task that was popped or stolen, from its start to its settlement.
    pub(crate) fn run_slice(&mut self, id: u32) {
        if let Some((key, mut body)) = self.start(id) {
            let end = self.execute(key, body.as_mut());
            self.settle(key, body, end);
        }
    }

    /// Makes a popped task `RUNNING` and takes its body. Nothing when shutdown has ended the task.
    pub(crate) fn start(&mut self, id: u32) -> Option<(TaskKey, Box<dyn Body>)> {
        let cell = self.shared.table.cell(id);
        let generation = cell.start(self.scheduler().id())?;
        // SAFETY: the line above made the task run, and it is not settled yet.
        let body = unsafe { cell.take_body() };
        let key = TaskKey { id, generation };
        let statistics = self.scheduler().statistics();
        statistics.wall_time().turn(WallState::Running);
        if self.last != Some(key) {
            statistics.note_context_switch();
            self.last = Some(key);
        }
        Some((key, body?))
    }

    /// Runs the body for one slice. A panic is reported and ends the task.
    pub(crate) fn execute(&mut self, key: TaskKey, body: &mut dyn Body) -> SliceEnd {
        let mut context = Context::new(self, key);
        // The body is dropped after a panic and never run again, so nobody sees what it left half done.
        let outcome = catch_unwind(AssertUnwindSafe(|| body.run(&mut context)));
        let spent = context.spent();
        self.scheduler().statistics().note_slice(spent);
        outcome.unwrap_or_else(|payload| {
            self.scheduler().statistics().note_panic();
            self.shared.report_panic(key.id, payload);
            SliceEnd::Exit
        })
    }

    /// Gives a running task back: to its rest, to the queue or to the grave.
    pub(crate) fn settle(&mut self, key: TaskKey, body: Box<dyn Body>, end: SliceEnd) {
        if end == SliceEnd::Exit {
            return self.bury(key, body);
        }
        let cell = self.shared.table.cell(key.id);
        // SAFETY: the caller made the task run, and it is settled below.
        unsafe { cell.put_body(body) };
        let settled = match end {
            SliceEnd::Wait => cell.settle_wait(),
            SliceEnd::Yield | SliceEnd::Exit => cell.settle_yield(),
        };
        match settled {
            Settled::Waiting => {}
            Settled::MustQueue(priority) => {
                // A closing pool ends the task wherever it is: nothing is owed to it.
                let _closing = self.shared.enqueue(key.id, priority, self.scheduler().id());
            }
            Settled::MustBury => {
                // SAFETY: the task was not settled: it is still this runner's.
                if let Some(body) = unsafe { cell.take_body() } {
                    self.bury(key, body);
                }
            }
        }
    }

    fn bury(&mut self, key: TaskKey, body: Box<dyn Body>) {
        self.shared.table.cell(key.id).bury();
        if self.shared.drop_body(key.id, Some(body)) {
            self.scheduler().statistics().note_panic();
        }
        self.shared
            .table
            .return_cached_number(&mut self.numbers, key.id);
    }

    pub(crate) fn spawn(&mut self, body: Box<dyn Body>, priority: Priority) -> TaskRef {
        let id = self.shared.table.take_cached_number(&mut self.numbers);
        let home = self.scheduler().id();
        let (key, queued) = self.shared.start_task(id, body, priority, home);
        if queued.is_err() {
            self.shared
                .table
                .return_cached_number(&mut self.numbers, id);
        }
        TaskRef::new(Arc::clone(&self.shared), key)
    }

    /// Takes the member out of every count it is in. The thread leaves the pool.
    pub(crate) fn resign(&mut self) {
        self.end_park();
        self.stop_looking();
        self.scheduler()
            .statistics()
            .wall_time()
            .turn(WallState::Parked);
        self.shared.table.return_cache(&mut self.numbers);
    }
}
