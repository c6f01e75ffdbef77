//! The state word of a task: what keeps it from being lost, run twice or run after its end.
//!
//! ```text
//!   63            32 31       16 15       8 7        0
//!  +----------------+-----------+----------+----------+
//!  |   generation   |     0     | priority |  state   |
//!  +----------------+-----------+----------+----------+
//!
//!            spawn                 pick
//!   DEAD ───────────▶ QUEUED ───────────────▶ RUNNING ──────┐ wake
//!    ▲                 ▲  ▲     settle(Yield)  │    │       ▼
//!    │                 │  └────────────────────┘    │   NOTIFIED
//!    │            wake │                            │    │
//!    │                 │      settle(Wait)          │    │ settle(Wait or Yield)
//!    │                IDLE ◀────────────────────────┘    └────▶ QUEUED
//!    └── from RUNNING and NOTIFIED by settle(Exit); from any state by shutdown
//! ```
//!
//! Invariants:
//! * A task's id is in a run queue (or in a thief's hands) exactly while the state is `QUEUED`: whoever makes it
//!   `QUEUED` queues it, once; whoever takes it out makes it `RUNNING`.
//! * The body belongs to whoever made the task `RUNNING`, until that thread leaves the state; to shutdown if it
//!   turned `IDLE` or `QUEUED` into `DEAD`. Shutdown that turns `RUNNING` into `DEAD` leaves the body to the runner,
//!   who finds out when it settles.
//! * `wake` always writes, even what was there: a waker that only read `QUEUED` could read it before the runner's
//!   write of `RUNNING` while the runner reads the waker's message too early. As two writes of one word they have
//!   an order: either the runner sees the message, or the waker sees `RUNNING`.

use crate::sync::{AtomicU32, AtomicU64, Ordering, UnsafeCell};
use crate::{Body, Priority};

const IDLE: u64 = 0;
const QUEUED: u64 = 1;
const RUNNING: u64 = 2;
const NOTIFIED: u64 = 3;
const DEAD: u64 = 4;

const STATE: u64 = 0xff;
const PRIORITY_SHIFT: u32 = 8;
const GENERATION_SHIFT: u32 = 32;

/// Names one task for as long as its slot is not used again 2^32 times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TaskKey {
    pub(crate) id: u32,
    pub(crate) generation: u32,
}

/// What a waker has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It made the task `QUEUED` and must queue it.
    MustQueue(Priority),
    /// The task is queued, or will look again when its slice ends.
    AlreadyComing,
    /// There is no such task any more.
    Gone,
}

/// What the runner has to do after a slice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The task waits.
    Waiting,
    /// The runner made it `QUEUED` and must queue it.
    MustQueue(Priority),
    /// Shutdown ended the task meanwhile: the runner must bury it.
    MustBury,
}

/// The body of a task, while it has one.
pub(crate) type BodySlot = Option<Box<dyn Body>>;

/// One slot of the task table.
pub(crate) struct TaskCell {
    /// Every transition is an acquire-release operation on this word, and so synchronizes with the one before.
    word: AtomicU64,
    /// The scheduler that ran the task last: where a waker queues it. A hint, relaxed, without a partner.
    home: AtomicU32,
    body: UnsafeCell<BodySlot>,
}

// SAFETY: the body is `Send`, and the invariants above give it to one thread at a time, with an acquire-release
// operation on `word` between one holder and the next.
unsafe impl Sync for TaskCell {}

impl TaskCell {
    pub(crate) fn vacant() -> Self {
        TaskCell {
            word: AtomicU64::new(DEAD),
            home: AtomicU32::new(0),
            body: UnsafeCell::new(None),
        }
    }

    /// Puts a task in: `DEAD` to `QUEUED`. The caller holds the slot's id and must queue the task.
    ///
    /// # Safety
    /// The id was taken from the table and not given back, and nothing else populates it.
    pub(crate) unsafe fn populate(
        &self,
        body: Box<dyn Body>,
        priority: Priority,
        home: u32,
    ) -> u32 {
        let generation = generation_of(self.word.load(Ordering::Relaxed)).wrapping_add(1);
        self.home.store(home, Ordering::Relaxed);
        self.body.with_mut(|slot| {
            // SAFETY: the slot is dead and the caller holds its id, so no other thread looks at the body.
            unsafe { *slot = Some(body) }
        });
        let word = u64::from(generation) << GENERATION_SHIFT
            | (priority as u64) << PRIORITY_SHIFT
            | QUEUED;
        // Release pairs with the acquire in `start`.
        self.word.store(word, Ordering::Release);
        generation
    }

    pub(crate) fn home(&self) -> u32 {
        self.home.load(Ordering::Relaxed)
    }

    /// `IDLE` to `QUEUED`, `RUNNING` to `NOTIFIED`.
    pub(crate) fn wake(&self, generation: u32) -> Woken {
        let before = self.transition(|word| {
            if generation_of(word) != generation {
                return None;
            }
            match word & STATE {
                IDLE => Some(QUEUED),
                RUNNING => Some(NOTIFIED),
                DEAD => None,
                same => Some(same),
            }
        });
        match before {
            None => Woken::Gone,
            Some(word) if word & STATE == IDLE => Woken::MustQueue(priority_of(word)),
            Some(_) => Woken::AlreadyComing,
        }
    }

    /// `QUEUED` to `RUNNING`. Returns the generation, or `None` when shutdown was here first.
    pub(crate) fn start(&self, home: u32) -> Option<u32> {
        let before = self.transition(|word| (word & STATE == QUEUED).then_some(RUNNING))?;
        self.home.store(home, Ordering::Relaxed);
        Some(generation_of(before))
    }

    /// `RUNNING` to `IDLE`, `NOTIFIED` to `QUEUED`.
    pub(crate) fn settle_wait(&self) -> Settled {
        self.settle(|state| match state {
            RUNNING => Some(IDLE),
            NOTIFIED => Some(QUEUED),
            _ => None,
        })
    }

    /// `RUNNING` and `NOTIFIED` to `QUEUED`.
    pub(crate) fn settle_yield(&self) -> Settled {
        self.settle(|state| match state {
            RUNNING | NOTIFIED => Some(QUEUED),
            _ => None,
        })
    }

    fn settle(&self, next: impl Fn(u64) -> Option<u64>) -> Settled {
        let before = self.transition(|word| next(word & STATE));
        match before {
            None => Settled::MustBury,
            Some(word) if next(word & STATE) == Some(IDLE) => Settled::Waiting,
            Some(word) => Settled::MustQueue(priority_of(word)),
        }
    }

    /// To `DEAD`, by the runner, which has the body in its hands.
    pub(crate) fn bury(&self) {
        self.transition(|_| Some(DEAD));
    }

    /// To `DEAD`, by shutdown or by a spawner whose pool is closing. Returns the body for the caller to drop, or
    /// `None` when the task is dead already or its runner will see to it.
    pub(crate) fn kill(&self) -> BodySlot {
        let before = self.transition(|word| (word & STATE != DEAD).then_some(DEAD))?;
        match before & STATE {
            IDLE | QUEUED => self.body.with_mut(|slot| {
                // SAFETY: this thread turned a task that does not run into a dead one; `start` and `wake` refuse it.
                unsafe { (*slot).take() }
            }),
            _ => None,
        }
    }

    /// Takes the body out for a slice, or for good.
    ///
    /// # Safety
    /// The caller made the task `RUNNING` and has not settled it.
    pub(crate) unsafe fn take_body(&self) -> BodySlot {
        self.body.with_mut(|slot| {
            // SAFETY: a running task's body is its runner's, and shutdown leaves it alone.
            unsafe { (*slot).take() }
        })
    }

    /// Puts the body back after a slice.
    ///
    /// # Safety
    /// The caller made the task `RUNNING` and has not settled it.
    pub(crate) unsafe fn put_body(&self, body: Box<dyn Body>) {
        self.body.with_mut(|slot| {
            // SAFETY: a running task's body is its runner's, and shutdown leaves it alone.
            unsafe { *slot = Some(body) }
        });
    }

    pub(crate) fn is_alive(&self, generation: u32) -> bool {
        // Acquire pairs with the release of the transition to `DEAD`.
        let word = self.word.load(Ordering::Acquire);
        generation_of(word) == generation && word & STATE != DEAD
    }

    /// Replaces the state by what `next` makes of the word, and returns the word before; nothing when `next` says
    /// so.
    fn transition(&self, next: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                next(word).map(|state| word & !STATE | state)
            })
            .ok()
    }
}

fn generation_of(word: u64) -> u32 {
    (word >> GENERATION_SHIFT) as u32
}

fn priority_of(word: u64) -> Priority {
    Priority::ALL[(word >> PRIORITY_SHIFT & 0x3) as usize]
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Context, SliceEnd};

    fn queued() -> (TaskCell, u32) {
        let cell = TaskCell::vacant();
        let body = Box::new(|_: &mut Context<'_>| SliceEnd::Wait);
        // SAFETY: the cell is this function's own.
        let generation = unsafe { cell.populate(body, Priority::High, 0) };
        (cell, generation)
    }

    #[test]
    fn a_wake_during_the_slice_queues_the_task_when_it_settles() {
        let (cell, generation) = queued();
        assert_eq!(cell.start(0), Some(generation));
        assert_eq!(cell.wake(generation), Woken::AlreadyComing);
        assert_eq!(cell.settle_wait(), Settled::MustQueue(Priority::High));
    }

    #[test]
    fn only_the_first_waker_queues() {
        let (cell, generation) = queued();
        assert_eq!(cell.start(0), Some(generation));
        assert_eq!(cell.settle_wait(), Settled::Waiting);
        assert_eq!(cell.wake(generation), Woken::MustQueue(Priority::High));
        assert_eq!(cell.wake(generation), Woken::AlreadyComing);
    }

    #[test]
    fn an_old_reference_does_not_reach_the_slot_s_next_task() {
        let (cell, generation) = queued();
        assert!(cell.kill().is_some());
        let body = Box::new(|_: &mut Context<'_>| SliceEnd::Wait);
        // SAFETY: the cell is dead and this function's own.
        let next = unsafe { cell.populate(body, Priority::Low, 0) };
        assert_eq!(cell.wake(generation), Woken::Gone);
        assert!(!cell.is_alive(generation) && cell.is_alive(next));
    }

    #[test]
    fn a_task_killed_while_it_runs_is_buried_by_its_runner() {
        let (cell, _) = queued();
        assert!(cell.start(0).is_some());
        assert!(cell.kill().is_none());
        assert_eq!(cell.settle_yield(), Settled::MustBury);
        // SAFETY: this function made the task run.
        assert!(unsafe { cell.take_body() }.is_some());
    }
}
