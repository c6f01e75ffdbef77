//! What a scheduler has done, readable by any thread while it works.
//!
//! Every atomic here is relaxed and has no partner: the numbers decide nothing, and a reader that is a moment
//! late is right enough. Counters that only the owner writes are a load and a store, without a locked
//! instruction. The owner's group and the group others write to are on cache lines of their own.

use std::time::Instant;

use crate::Priority;
use crate::sync::statistic::{AtomicU32, AtomicU64, Ordering};

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
    panics: OwnerCounter,
    busy_nanoseconds: OwnerCounter,
    idle_nanoseconds: OwnerCounter,
    /// When the present phase began, in nanoseconds since `epoch`, shifted left by one; bit 0 is set when idle.
    phase: AtomicU64,
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
#[derive(Debug)]
pub struct Statistics {
    epoch: Instant,
    by_owner: ByOwner,
    by_anyone: ByAnyone,
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
    /// Busy-wait rounds before parking.
    pub spins: u64,
    /// Native bodies that ended by panicking.
    pub panics: u64,
    /// Times the lock was found poisoned and taken over.
    pub poisonings: u64,
    /// Ready tasks by priority, indexed by `Priority as usize`.
    pub run_queue_lengths: [u32; Priority::ALL.len()],
    /// Wall time with something to run, nanoseconds.
    pub busy_nanoseconds: u64,
    /// Wall time without, busy waiting included, nanoseconds.
    pub idle_nanoseconds: u64,
}

impl Statistics {
    pub(crate) fn new() -> Self {
        Statistics {
            epoch: Instant::now(),
            by_owner: ByOwner::default(),
            by_anyone: ByAnyone::default(),
        }
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

    /// Counts `rounds` of busy waiting. Owner only.
    pub fn note_spins(&self, rounds: u64) {
        self.by_owner.spins.add(rounds);
    }

    /// Counts a native body that panicked. Owner only.
    pub fn note_panic(&self) {
        self.by_owner.panics.add(1);
    }

    /// Begins a phase without work; does nothing when already in one. Owner only. Reads the clock.
    pub fn note_idle(&self) {
        self.turn_phase(true);
    }

    /// Begins a phase with work; does nothing when already in one. Owner only. Reads the clock.
    pub fn note_busy(&self) {
        self.turn_phase(false);
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
        self.by_anyone
            .run_queue_lengths
            .iter()
            .map(|length| length.load(Ordering::Relaxed))
            .sum()
    }

    /// Slices ended so far. Any thread.
    #[must_use]
    pub fn slices(&self) -> u64 {
        self.by_owner.slices.get()
    }

    /// Whether the scheduler is in a phase with work. Any thread; a hint, possibly a moment old.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let (_, idle) = unpack(self.by_owner.phase.load(Ordering::Relaxed));
        !idle
    }

    /// All counters. Any thread; takes no lock.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (owner, anyone) = (&self.by_owner, &self.by_anyone);
        let (since, idle) = unpack(owner.phase.load(Ordering::Relaxed));
        let running = self.now().saturating_sub(since);
        let (busy_now, idle_now) = if idle { (0, running) } else { (running, 0) };
        Snapshot {
            slices: owner.slices.get(),
            context_switches: owner.context_switches.get(),
            reductions: owner.reductions.get(),
            steals: owner.steals.get(),
            stolen: anyone.stolen.get(),
            wakeups: anyone.wakeups.get(),
            parks: owner.parks.get(),
            spins: owner.spins.get(),
            panics: owner.panics.get(),
            poisonings: anyone.poisonings.get(),
            run_queue_lengths: std::array::from_fn(|class| {
                anyone.run_queue_lengths[class].load(Ordering::Relaxed)
            }),
            busy_nanoseconds: owner.busy_nanoseconds.get() + busy_now,
            idle_nanoseconds: owner.idle_nanoseconds.get() + idle_now,
        }
    }

    fn turn_phase(&self, to_idle: bool) {
        let owner = &self.by_owner;
        let (since, idle) = unpack(owner.phase.load(Ordering::Relaxed));
        if idle == to_idle {
            return;
        }
        let now = self.now();
        let ended = if idle {
            &owner.idle_nanoseconds
        } else {
            &owner.busy_nanoseconds
        };
        ended.add(now.saturating_sub(since));
        owner
            .phase
            .store(now << 1 | u64::from(to_idle), Ordering::Relaxed);
    }

    /// Nanoseconds since the epoch; 63 bits of them last 292 years.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX >> 1)
    }
}

fn unpack(phase: u64) -> (u64, bool) {
    (phase >> 1, phase & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_and_idle_time_add_up_to_the_time_passed() {
        let statistics = Statistics::new();
        for _ in 0..100 {
            statistics.note_idle();
            statistics.note_idle();
            statistics.note_busy();
        }
        let before = statistics.now();
        let seen = statistics.snapshot();
        let after = statistics.now();
        let sum = seen.busy_nanoseconds + seen.idle_nanoseconds;
        assert!((before..=after).contains(&sum), "{before} {sum} {after}");
    }
}
