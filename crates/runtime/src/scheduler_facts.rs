//! What each scheduler of a system is and does, as any thread sees it: also while the scheduler is stuck in a slice.

use viga_scheduler::{Priority, Snapshot, WallState};

use crate::{System, SystemFacts};

/// What is known of one scheduler, without asking it.
#[derive(Clone, Copy, Debug)]
pub struct SchedulerFacts {
    /// Takes work, see [`System::set_online`].
    pub online: bool,
    /// What it does; `None` while no isolate executes it.
    pub state: Option<WallState>,
    /// Its part of what [`System::facts`] adds up: names and the limit are the system's alone.
    pub counts: SystemFacts,
    /// What it has counted of its own rests and wake-ups, and where its time went. Slices and what has moved are among `counts`.
    pub seen: Snapshot,
}

impl System {
    /// What scheduler `number`, from 0, is and does. Holds its lock, which its isolate holds in crossings alone; what the slice
    /// in progress has done is missing.
    #[must_use]
    pub fn scheduler_facts(&self, number: usize) -> SchedulerFacts {
        let scheduler = self.scheduler(number);
        let mut guard = scheduler.lock();
        let (queues, domain) = guard.split();
        let mut counts = domain.facts();
        for (length, priority) in counts.run_queue.iter_mut().zip(Priority::ALL) {
            *length = queues.len_of(priority) as u32;
        }
        let attached = domain.batch.block.is_some();
        drop(guard);
        let statistics = scheduler.statistics();
        let seen = statistics.snapshot();
        counts.wakeups = seen.wakeups;
        SchedulerFacts {
            online: statistics.load().is_online(),
            state: attached.then_some(seen.wall.state),
            counts,
            seen,
        }
    }
}
