//! What a scheduler has done, readable by any thread while it works.
//!
//! Every atomic here is relaxed and has no partner: the numbers decide nothing, and a reader that is a moment
//! late is right enough. Counters that only the owner writes are a load and a store, without a locked
//! instruction. The owner's group and the group others write to are on cache lines of their own.

use crate::sync::statistic::{AtomicU32, AtomicU64, Ordering};
use crate::{LoadCell, Priority, WallSample, WallState, WallTime};

/// A counter with one writer, the scheduler's owner.
#[derive(Debug, Default)]
pub(crate) struct OwnerCounter(AtomicU64);

impl OwnerCounter {
    pub(crate) fn add(&self, amount: u64) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before.wrapping_add(amount), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A counter with many writers.
#[derive(Debug, Default)]
pub(crate) struct SharedCounter(AtomicU64);

impl SharedCounter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct ByOwner {
    slices: OwnerCounter,
    context_switches: OwnerCounter,
    reductions: OwnerCounter,
    steals: OwnerCounter,
    parks: OwnerCounter,
    spins: OwnerCounter,
    spins_found: OwnerCounter,
    panics: OwnerCounter,
    migrations_in: OwnerCounter,
    migrations_out: OwnerCounter,
    wall_time: WallTime,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct ByAnyone {
    stolen: SharedCounter,
    wakeups: SharedCounter,
    poisonings: SharedCounter,
    /// Written under the scheduler's lock, by whoever holds it.
    run_queue_lengths: [AtomicU32; Priority::ALL.len()],
}

/// The counters of one scheduler. The owner reports what it does through the `note_` methods; anyone may read.
///
/// ```
/// use viga_scheduler::{Parker, Priority, Scheduler};
///
/// let scheduler = Scheduler::new(0, Parker::foreign(|| ()), ());
/// scheduler.lock().queues().push_back(1, Priority::High);
/// scheduler.statistics().note_slice(120);
/// let seen = scheduler.statistics().snapshot();
/// assert_eq!((seen.slices, seen.reductions), (1, 120));
/// assert_eq!(seen.run_queue_lengths, [0, 1, 0, 0]);
/// ```
#[derive(Debug, Default)]
pub struct Statistics {
    by_owner: ByOwner,
    by_anyone: ByAnyone,
    load: LoadCell,
}

/// The counters of one scheduler at one moment. Each number is exact, the set is not one instant's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Slices run.
    pub slices: u64,
    /// Slices that ran another task than the slice before.
    pub context_switches: u64,
    /// Reductions charged.
    pub reductions: u64,
    /// Tasks this scheduler took from others.
    pub steals: u64,
    /// Tasks others took from this scheduler.
    pub stolen: u64,
    /// Times somebody woke this scheduler from its park.
    pub wakeups: u64,
    /// Times this scheduler parked.
    pub parks: u64,
    /// Busy waits begun.
    pub spins: u64,
    /// Busy waits that ended because work came in sight.
    pub spins_found: u64,
    /// Processes that came here from another scheduler for the sake of balance.
    pub migrations_in: u64,
    /// Processes given to another scheduler for the sake of balance.
    pub migrations_out: u64,
    /// Native bodies that ended by panicking.
    pub panics: u64,
    /// Times the lock was found poisoned and taken over.
    pub poisonings: u64,
    /// Ready tasks by priority, indexed by `Priority as usize`.
    pub run_queue_lengths: [u32; Priority::ALL.len()],
    /// Where the wall time went; the state that goes on is counted up to this snapshot.
    pub wall: WallSample,
}

impl Statistics {
    pub(crate) fn new() -> Self {
        Statistics::default()
    }

    /// Counts a slice that cost `reductions`. Owner only.
    pub fn note_slice(&self, reductions: u64) {
        self.by_owner.slices.add(1);
        self.by_owner.reductions.add(reductions);
    }

    /// Counts a slice that ran another task than the one before. Owner only.
    pub fn note_context_switch(&self) {
        self.by_owner.context_switches.add(1);
    }

    /// Counts `tasks` taken from another scheduler. Owner only.
    pub fn note_steals(&self, tasks: u64) {
        self.by_owner.steals.add(tasks);
    }

    /// Counts `tasks` taken from this scheduler. Any thread.
    pub fn note_stolen(&self, tasks: u64) {
        self.by_anyone.stolen.add(tasks);
    }

    /// Counts a busy wait, and whether it found work. Owner only.
    pub fn note_spin(&self, found: bool) {
        self.by_owner.spins.add(1);
        self.by_owner.spins_found.add(u64::from(found));
    }

    /// Counts `processes` that came from another scheduler for the sake of balance. Owner only.
    pub fn note_migrations_in(&self, processes: u64) {
        self.by_owner.migrations_in.add(processes);
    }

    /// Counts `processes` given to another scheduler for the sake of balance. Owner only.
    pub fn note_migrations_out(&self, processes: u64) {
        self.by_owner.migrations_out.add(processes);
    }

    /// Counts a native body that panicked. Owner only.
    pub fn note_panic(&self) {
        self.by_owner.panics.add(1);
    }

    /// Where the scheduler's wall time goes. Any thread; only the owner may [turn](WallTime::turn) it.
    #[must_use]
    pub fn wall_time(&self) -> &WallTime {
        &self.by_owner.wall_time
    }

    /// What the scheduler says about its load. Any thread; only the owner may [publish](LoadCell::publish).
    #[must_use]
    pub fn load(&self) -> &LoadCell {
        &self.load
    }

    pub(crate) fn note_park(&self) {
        self.by_owner.parks.add(1);
    }

    pub(crate) fn note_wakeup(&self) {
        self.by_anyone.wakeups.add(1);
    }

    pub(crate) fn note_poisoning(&self) {
        self.by_anyone.poisonings.add(1);
    }

    pub(crate) fn publish_run_queue_length(&self, priority: Priority, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.by_anyone.run_queue_lengths[priority as usize].store(length, Ordering::Relaxed);
    }

    /// Ready tasks of all priorities, without taking the lock: a hint, possibly a moment old.
    #[must_use]
    pub fn run_queue_length(&self) -> u32 {
        self.run_queue_lengths().iter().sum()
    }

    /// Slices ended so far. Any thread.
    #[must_use]
    pub fn slices(&self) -> u64 {
        self.by_owner.slices.get()
    }

    /// Ready tasks by priority, indexed by `Priority as usize`, without taking the lock: hints, possibly a moment old.
    #[must_use]
    pub fn run_queue_lengths(&self) -> [u32; Priority::ALL.len()] {
        std::array::from_fn(|class| self.by_anyone.run_queue_lengths[class].load(Ordering::Relaxed))
    }

    /// Whether the scheduler has something to run. Any thread; a hint, possibly a moment old.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.by_owner.wall_time.state() == WallState::Running
    }

    /// All counters. Any thread; takes no lock.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (owner, anyone) = (&self.by_owner, &self.by_anyone);
        Snapshot {
            slices: owner.slices.get(),
            context_switches: owner.context_switches.get(),
            reductions: owner.reductions.get(),
            steals: owner.steals.get(),
            stolen: anyone.stolen.get(),
            wakeups: anyone.wakeups.get(),
            parks: owner.parks.get(),
            spins: owner.spins.get(),
            spins_found: owner.spins_found.get(),
            migrations_in: owner.migrations_in.get(),
            migrations_out: owner.migrations_out.get(),
            panics: owner.panics.get(),
            poisonings: anyone.poisonings.get(),
            run_queue_lengths: self.run_queue_lengths(),
            wall: owner.wall_time.sample(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_seen() {
        let statistics = Statistics::new();
        statistics.note_spin(false);
        statistics.note_spin(true);
        statistics.note_migrations_in(3);
        statistics.note_migrations_out(5);
        statistics.wall_time().turn(WallState::Spinning);
        assert!(!statistics.is_busy());
        let seen = statistics.snapshot();
        assert_eq!((seen.spins, seen.spins_found), (2, 1));
        assert_eq!((seen.migrations_in, seen.migrations_out), (3, 5));
        assert_eq!(seen.wall.state, WallState::Spinning);
    }
}
