//! How a plan gets to those who carry it out: one word for each scheduler, written in one store, read in one load.
//!
//! ```text
//!  63            32 31 30  29 28  27      16 15       0
//! +----------------+--+--+------+-----------+----------+
//! |   generation   |  |R |class |  target   |  limit   |
//! +----------------+--+--+------+-----------+----------+
//!  R  the scheduler should rest        limit 0  nothing to give
//! ```
//!
//! Every access is relaxed: the word is the whole message, nothing else is handed over by it. The stores of one plan
//! are not one step together, so for some nanoseconds one scheduler may follow the new plan and another the old;
//! the worst that comes of it is a process that is moved once in vain.

use crate::balance::{BalancePlan, MigrationClass, MigrationPath};
use crate::config::SCHEDULERS_MAX;
use crate::sync::{AtomicU64, Ordering};

const RESTS: u64 = 1 << 30;
const CLASS_SHIFT: u32 = 28;
const TARGET_SHIFT: u32 = 16;
const TARGET_MASK: u64 = 0xFFF;
const LIMIT_MASK: u64 = 0xFFFF;

const _: () = assert!(SCHEDULERS_MAX <= TARGET_MASK as usize + 1);
const _: () = assert!(crate::balance::MIGRATION_LIMIT as u64 <= LIMIT_MASK);

/// The plan in force, readable by all schedulers.
///
/// ```
/// use viga_scheduler::{Emigration, MigrationPaths, SchedulerLoad, balance};
///
/// let busy = SchedulerLoad { online: true, queued: [0, 0, 8, 0], movable: [0, 0, 8, 0], ..SchedulerLoad::default() };
/// let idle = SchedulerLoad { online: true, ..SchedulerLoad::default() };
/// let paths = MigrationPaths::new(2);
/// paths.publish(1, &balance(&[busy, idle], false, 2));
///
/// let mut emigration = Emigration::default();
/// let due = emigration.due(&paths, 0).unwrap();
/// assert_eq!((due.target, due.limit), (1, 4));
/// emigration.note_given(3);
/// assert_eq!(emigration.due(&paths, 0).unwrap().limit, 1);
/// emigration.note_given(1);
/// assert_eq!(emigration.due(&paths, 0), None, "until the next plan");
/// ```
#[derive(Debug)]
pub struct MigrationPaths {
    words: Box<[Word]>,
}

/// On a cache line of its own, which its scheduler keeps until the next plan.
#[derive(Debug)]
#[repr(align(128))]
struct Word(AtomicU64);

impl MigrationPaths {
    /// Nobody gives, nobody rests.
    #[must_use]
    pub fn new(schedulers: usize) -> Self {
        MigrationPaths {
            words: (0..schedulers).map(|_| Word(AtomicU64::new(0))).collect(),
        }
    }

    /// Puts a plan in force. `generation` must differ from the last one's. One publisher at a time.
    ///
    /// # Panics
    /// When the plan is for another number of schedulers.
    pub fn publish(&self, generation: u32, plan: &BalancePlan) {
        assert_eq!(
            plan.paths.len(),
            self.words.len(),
            "a plan for other schedulers"
        );
        let parts = plan.paths.iter().zip(&plan.resting);
        for (word, (path, rests)) in self.words.iter().zip(parts) {
            // Read by the load in `word`.
            word.0
                .store(pack(generation, *path, *rests), Ordering::Relaxed);
        }
    }

    /// Whether `scheduler` should rest: not look for work elsewhere, and sleep when it has none. One load.
    #[must_use]
    pub fn rests(&self, scheduler: usize) -> bool {
        self.word(scheduler) & RESTS != 0
    }

    /// The generation of the plan in force for `scheduler`, and what it is to give in all. One load.
    #[must_use]
    pub fn path(&self, scheduler: usize) -> (u32, Option<MigrationPath>) {
        unpack(self.word(scheduler))
    }

    #[inline]
    fn word(&self, scheduler: usize) -> u64 {
        // Written by the store in `publish`.
        self.words[scheduler].0.load(Ordering::Relaxed)
    }
}

/// What a scheduler has given of its present path. Its owner's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Emigration {
    generation: u32,
    given: u32,
}

impl Emigration {
    /// What is left to give: the path with its limit lowered by what was given. One load when there is nothing.
    #[inline]
    pub fn due(&mut self, paths: &MigrationPaths, scheduler: usize) -> Option<MigrationPath> {
        let (generation, path) = paths.path(scheduler);
        if self.generation != generation {
            *self = Emigration {
                generation,
                given: 0,
            };
        }
        let path = path?;
        let left = path
            .limit
            .checked_sub(self.given)
            .filter(|left| *left > 0)?;
        Some(MigrationPath {
            limit: left,
            ..path
        })
    }

    /// Counts processes that went down the path that [`due`](Self::due) told last.
    pub fn note_given(&mut self, processes: u32) {
        self.given = self.given.saturating_add(processes);
    }
}

fn pack(generation: u32, path: Option<MigrationPath>, rests: bool) -> u64 {
    let rests = if rests { RESTS } else { 0 };
    let path = path.map_or(0, |path| {
        (path.class as u64) << CLASS_SHIFT
            | u64::from(path.target) << TARGET_SHIFT
            | u64::from(path.limit)
    });
    u64::from(generation) << 32 | rests | path
}

fn unpack(word: u64) -> (u32, Option<MigrationPath>) {
    let class = match word >> CLASS_SHIFT & 3 {
        0 => MigrationClass::Urgent,
        1 => MigrationClass::Ordinary,
        _ => MigrationClass::Any,
    };
    let path = MigrationPath {
        target: (word >> TARGET_SHIFT & TARGET_MASK) as u32,
        limit: (word & LIMIT_MASK) as u32,
        class,
    };
    ((word >> 32) as u32, (path.limit > 0).then_some(path))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::balance::MIGRATION_LIMIT;

    #[test]
    fn a_word_says_all_that_was_packed() {
        for class in [
            MigrationClass::Urgent,
            MigrationClass::Ordinary,
            MigrationClass::Any,
        ] {
            for (target, limit) in [(0, 1), (1_023, MIGRATION_LIMIT)] {
                let path = MigrationPath {
                    target,
                    limit,
                    class,
                };
                for rests in [false, true] {
                    let word = pack(u32::MAX, Some(path), rests);
                    assert_eq!(unpack(word), (u32::MAX, Some(path)));
                    assert_eq!(word & RESTS != 0, rests);
                }
            }
        }
        assert_eq!(unpack(pack(7, None, true)), (7, None));
    }

    #[test]
    fn a_new_plan_is_given_in_full_again() {
        let path = MigrationPath {
            target: 1,
            limit: 5,
            class: MigrationClass::Any,
        };
        let plan = BalancePlan {
            paths: vec![Some(path), None],
            resting: vec![true, false],
            active: 1,
        };
        let paths = MigrationPaths::new(2);
        let mut emigration = Emigration::default();
        assert_eq!(emigration.due(&paths, 0), None);
        for generation in 1..4 {
            paths.publish(generation, &plan);
            assert_eq!(emigration.due(&paths, 0), Some(path));
            emigration.note_given(9);
            assert_eq!(emigration.due(&paths, 0), None);
        }
        assert!(paths.rests(0) && !paths.rests(1));
    }
}
