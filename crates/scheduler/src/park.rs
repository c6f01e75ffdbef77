//! Park and wake: how a scheduler without work gives up its thread and how it is called back.
//!
//! # Protocol
//!
//! The parker is one word, `AWAKE` or `PARKED`. Only the owner writes `PARKED`; whoever turns it back to `AWAKE`
//! by compare-and-swap has ended that park, and nobody else has. L is the scheduler's lock.
//!
//! The owner, with nothing to do:
//!
//! 1. takes L and sees that there is nothing to do,
//! 2. writes `PARKED`, still holding L ([`Guard::announce_park`](crate::Guard::announce_park)),
//! 3. releases L and sleeps until the word is `AWAKE`.
//!
//! A waker:
//!
//! 1. takes L, publishes the reason (a task in a queue, a signal, the wish to shut down), releases L,
//! 2. reads the word, and is through if it says `AWAKE`: one relaxed load,
//! 3. otherwise swaps `PARKED` for `AWAKE`, and if the swap was its own, unparks the owner.
//!
//! # Why no wake-up is lost
//!
//! The two critical sections have an order. If the waker's is first, the owner's step 1 sees the reason and the
//! owner does not park. If the owner's is first, its write of `PARKED` happens before the waker's step 2 (the
//! unlock of L synchronizes with the lock of L), so that load cannot return an older value: the waker goes on to
//! step 3. That argument needs the lock only, which is why the load may be relaxed, and it is why a reason that is
//! *not* published under L must not be followed by [`Scheduler::wake`](crate::Scheduler::wake).
//!
//! A waker that unparks before the owner sleeps does no harm: the owner's sleep looks at the word first, under the
//! mutex the notifier passes through.
//!
//! The models `a_wake_up_is_not_lost` and `a_foreign_thread_is_called_once_per_park` in `tests/loom.rs` walk this.

use std::fmt;
use std::time::Duration;

use crate::sync::{AtomicU32, Condvar, Mutex, Ordering, ignoring_poison};

const AWAKE: u32 = 0;
const PARKED: u32 = 1;

/// Calls a parked thread back. Any closure will do; it is called by the waking thread, outside all locks, and must
/// neither block nor panic.
pub trait Unpark: Send + Sync {
    /// Calls the thread back.
    fn unpark(&self);
}

impl<F: Fn() + Send + Sync> Unpark for F {
    fn unpark(&self) {
        self();
    }
}

/// Where a scheduler's owner waits for work. [`Scheduler`](crate::Scheduler) owns it and drives it; the protocol
/// and the reason why it loses no wake-up are at the head of this file's source.
pub struct Parker {
    /// `AWAKE` or `PARKED`.
    word: AtomicU32,
    bed: Bed,
}

/// How the thread that owns the parker gives itself up.
enum Bed {
    /// It blocks here.
    Thread { mutex: Mutex<()>, condvar: Condvar },
    /// It goes elsewhere, to its own event loop, and is called back.
    Foreign(Box<dyn Unpark>),
}

impl Parker {
    /// For a thread that blocks in [`Scheduler::sleep`](crate::Scheduler::sleep).
    #[must_use]
    pub fn thread() -> Self {
        Parker {
            word: AtomicU32::new(AWAKE),
            bed: Bed::Thread {
                mutex: Mutex::new(()),
                condvar: Condvar::new(),
            },
        }
    }

    /// For a thread that waits in an event loop of its own: `unpark` gets it out, and is called at most once for
    /// each announced park.
    #[must_use]
    pub fn foreign(unpark: impl Unpark + 'static) -> Self {
        Parker {
            word: AtomicU32::new(AWAKE),
            bed: Bed::Foreign(Box::new(unpark)),
        }
    }

    /// The owner's step 2: must run under the scheduler's lock.
    pub(crate) fn announce(&self) {
        // Ordered before the load in `wake` by the scheduler's lock.
        self.word.store(PARKED, Ordering::Relaxed);
    }

    /// Ends a park from the owner's side. Returns whether the owner ended it itself; if not, a waker was first.
    pub(crate) fn retract(&self) -> bool {
        // Synchronizes with the compare-exchange in `wake`: what the waker did before is seen.
        self.word
            .compare_exchange(PARKED, AWAKE, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The owner's step 3. Returns whether a waker ended the park (and not `timeout`). At once for a foreign
    /// thread, which has nothing to block in.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) -> bool {
        let Bed::Thread { mutex, condvar } = &self.bed else {
            return false;
        };
        let deadline = timeout.map(|timeout| std::time::Instant::now() + timeout);
        let mut guard = ignoring_poison(mutex.lock());
        // Synchronizes with the compare-exchange in `wake`.
        while self.word.load(Ordering::Acquire) == PARKED {
            let Some(deadline) = deadline else {
                guard = ignoring_poison(condvar.wait(guard));
                continue;
            };
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return !self.retract();
            }
            (guard, _) = ignoring_poison(condvar.wait_timeout(guard, left));
        }
        true
    }

    /// The waker's steps 2 and 3. Returns whether it ended a park.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        // Ordered after the store in `announce` by the scheduler's lock; see the head of this file.
        if self.word.load(Ordering::Relaxed) != PARKED {
            return false;
        }
        self.end_park()
    }

    #[cold]
    fn end_park(&self) -> bool {
        // Release pairs with the loads in `retract` and `sleep`.
        let mine = self
            .word
            .compare_exchange(PARKED, AWAKE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if mine {
            match &self.bed {
                Bed::Thread { mutex, condvar } => {
                    // Passing through the mutex puts the notification after the owner's look at the word or
                    // before it, never between the look and the wait.
                    drop(ignoring_poison(mutex.lock()));
                    condvar.notify_one();
                }
                Bed::Foreign(unpark) => unpark.unpark(),
            }
        }
        mine
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.bed {
            Bed::Thread { .. } => "thread",
            Bed::Foreign(_) => "foreign",
        };
        out.debug_struct("Parker").field("bed", &kind).finish()
    }
}
