//! Who is idle, and whom to call when there is more work than the scheduler that has it can do at once.
//!
//! This file is about speed, not about safety: a task in a queue is never stranded, because the queue's own
//! scheduler is awake or was woken with it. What is decided here is whether somebody else should come and steal.
//!
//! * A scheduler without work is *looking* until it finds some or parks. While one is looking nobody is called: it
//!   will find the work, and calls the next one when it has found some (tokio and Go do the same).
//! * A *lone* task, one in a queue whose owner is running a slice, is left to the owner: stealing it would move
//!   every ping-pong between threads. But the owner may be stuck in its slice, so as long as anybody is busy one
//!   idle thread is *watching*: it sleeps with a timeout, and takes a lone task whose owner has ended no slice since
//!   it last looked. A lone task calls somebody only when nobody looks or watches.
//! * Foreign threads cannot sleep with a timeout here, so they do not watch: they are called only for work that is
//!   not lone, and take a lone task at once when they come across it.
//! * A task that stays behind when its scheduler begins another one's slice is not lone: it calls somebody.
//!
//! Why work is not overlooked by a thief that is about to park: it sets its bit and ends its looking *before* a last
//! round over the others' queues, under their locks. A pusher that came before that round in the order of the lock
//! is seen by it. One that came after sees the bit and the count, because they happened before the thief's unlock
//! and its loads happen after its own lock. Relaxed operations are enough for that.

use std::time::Duration;

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// How often the watching thread looks.
pub(crate) const WATCH_INTERVAL: Duration = Duration::from_millis(1);

/// How much work there is to call somebody for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// One task came in while its owner runs a slice.
    Lone,
    /// More than the owner can begin next, or something it has just passed over for another slice.
    Plenty,
}

pub(crate) struct Idle {
    looking: AtomicU32,
    watching: AtomicU32,
    /// One bit for each parked scheduler, 64 a word.
    parked: Box<[AtomicU64]>,
    /// Schedulers below this number are threads of the pool, the others foreign.
    threads: usize,
}

impl Idle {
    pub(crate) fn new(schedulers: usize, threads: usize) -> Self {
        Idle {
            looking: AtomicU32::new(0),
            watching: AtomicU32::new(0),
            parked: (0..schedulers.div_ceil(64))
                .map(|_| AtomicU64::new(0))
                .collect(),
            threads,
        }
    }

    pub(crate) fn begin_looking(&self) {
        self.looking.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether nobody looks any more.
    pub(crate) fn end_looking(&self) -> bool {
        self.looking.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Returns whether the caller is now the one that watches: there is at most one.
    pub(crate) fn begin_watching(&self) -> bool {
        self.watching
            .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    pub(crate) fn end_watching(&self) {
        self.watching.store(0, Ordering::Relaxed);
    }

    pub(crate) fn enter(&self, index: usize) {
        self.parked[index / 64].fetch_or(1 << (index % 64), Ordering::Relaxed);
    }

    /// Takes a scheduler out of the parked ones. Returns whether it was still among them; if not, it was
    /// [called](Self::call), and is counted as looking.
    pub(crate) fn leave(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.parked[index / 64].fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    /// Picks a parked scheduler for this much work and counts it as looking on its behalf, so that it is called
    /// once. The caller must wake it. Nothing when nobody is needed or nobody is parked.
    pub(crate) fn call(&self, load: Load) -> Option<usize> {
        if self.looking.load(Ordering::Relaxed) > 0
            || load == Load::Lone && self.watching.load(Ordering::Relaxed) > 0
        {
            return None;
        }
        for (number, word) in self.parked.iter().enumerate() {
            let callable = match load {
                Load::Lone => mask_below(self.threads, number),
                Load::Plenty => u64::MAX,
            };
            let mut parked = word.load(Ordering::Relaxed) & callable;
            while parked != 0 {
                let index = number * 64 + parked.trailing_zeros() as usize;
                if self.leave(index) {
                    self.begin_looking();
                    return Some(index);
                }
                parked &= parked - 1;
            }
        }
        None
    }
}

/// The bits of word `number` that stand for schedulers below `limit`.
fn mask_below(limit: usize, number: usize) -> u64 {
    match limit.saturating_sub(number * 64) {
        0 => 0,
        bits @ 1..=63 => (1 << bits) - 1,
        _ => u64::MAX,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_is_called_and_no_other_while_it_looks() {
        let idle = Idle::new(100, 100);
        idle.enter(3);
        idle.enter(70);
        assert_eq!(idle.call(Load::Plenty), Some(3));
        assert_eq!(idle.call(Load::Plenty), None, "3 is looking");
        assert!(!idle.leave(3), "3 was called");
        assert!(idle.end_looking());
        assert_eq!(idle.call(Load::Plenty), Some(70));
    }

    #[test]
    fn a_lone_task_calls_nobody_who_is_watched_for_or_foreign() {
        let idle = Idle::new(3, 2);
        idle.enter(2);
        assert_eq!(idle.call(Load::Lone), None, "2 is foreign");
        idle.enter(1);
        assert!(idle.begin_watching() && !idle.begin_watching());
        assert_eq!(idle.call(Load::Lone), None, "somebody watches");
        idle.end_watching();
        assert_eq!(idle.call(Load::Lone), Some(1));
    }

    #[test]
    fn masks_cover_exactly_the_threads() {
        assert_eq!(mask_below(0, 0), 0);
        assert_eq!(mask_below(3, 0), 0b111);
        assert_eq!(mask_below(64, 0), u64::MAX);
        assert_eq!(mask_below(65, 1), 1);
        assert_eq!(mask_below(65, 2), 0);
    }
}
