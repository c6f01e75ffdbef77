//! A scheduler: one lock over its run queues and the state of the layer above, its parker, its statistics.

use std::fmt;
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use crate::sync::{Mutex, MutexGuard, Ordering, clear_poison, fence};
use crate::{Parker, Priority, RunQueues, Statistics};

/// What the lock guards.
struct Locked<S> {
    queues: RunQueues,
    state: S,
}

/// One scheduler, shared by its owner (the thread that runs its slices) and by anyone who makes work for it.
/// `S` is what the layer above keeps per scheduler.
///
/// The owner never holds the lock while it runs a slice, so the lock is free within about a microsecond whatever
/// the slice does. Hold it as briefly yourself, and never two at once.
///
/// **Poison.** Slices run outside the lock, so a body that panics poisons nothing. Should the layer above panic
/// while it holds the guard, the next [`lock`](Self::lock) takes the lock over and counts it
/// ([`Snapshot::poisonings`](crate::Snapshot::poisonings)): no operation of [`RunQueues`] can stop halfway, so the
/// queues are whole, and one failure does not become everyone's.
///
/// ```
/// use std::sync::Arc;
/// use std::thread;
/// use viga_scheduler::{Parker, Priority, Scheduler};
///
/// let scheduler = Arc::new(Scheduler::new(0, Parker::thread(), Vec::<String>::new()));
/// let producer = thread::spawn({
///     let scheduler = Arc::clone(&scheduler);
///     move || {
///         let mut guard = scheduler.lock();
///         let (queues, mailbox) = guard.split();
///         mailbox.push("hello".to_owned());
///         queues.push_back(42, Priority::Normal);
///         drop(guard);
///         scheduler.wake();
///     }
/// });
///
/// let task = loop {
///     let mut guard = scheduler.lock();
///     if let Some((task, _)) = guard.queues().pop() {
///         break task;
///     }
///     guard.announce_park();
///     drop(guard);
///     scheduler.sleep(None);
/// };
/// assert_eq!(task, 42);
/// producer.join().unwrap();
/// ```
pub struct Scheduler<S> {
    id: u32,
    locked: Mutex<Locked<S>>,
    parker: Parker,
    statistics: Statistics,
}

impl<S> Scheduler<S> {
    /// A scheduler with empty queues, awake.
    pub fn new(id: u32, parker: Parker, state: S) -> Self {
        Scheduler {
            id,
            locked: Mutex::new(Locked {
                queues: RunQueues::new(),
                state,
            }),
            parker,
            statistics: Statistics::new(),
        }
    }

    /// The number it was created with.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Takes the lock. Any thread. See the type about poison.
    #[inline]
    pub fn lock(&self) -> Guard<'_, S> {
        let locked = self
            .locked
            .lock()
            .unwrap_or_else(|poisoned| self.take_over(poisoned));
        Guard::new(self, locked)
    }

    /// Takes the lock if nobody has it.
    pub fn try_lock(&self) -> Option<Guard<'_, S>> {
        match self.locked.try_lock() {
            Ok(locked) => Some(Guard::new(self, locked)),
            Err(TryLockError::Poisoned(poisoned)) => {
                Some(Guard::new(self, self.take_over(poisoned)))
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }

    #[cold]
    fn take_over<'a>(
        &'a self,
        poisoned: PoisonError<MutexGuard<'a, Locked<S>>>,
    ) -> MutexGuard<'a, Locked<S>> {
        clear_poison(&self.locked);
        self.statistics.note_poisoning();
        poisoned.into_inner()
    }

    /// Calls the owner back if it is parked; one relaxed load if it is not. Any thread, without the lock, and
    /// *after* the reason was published under the lock: that order is what makes the load enough.
    /// Returns whether this call ended a park.
    #[inline]
    pub fn wake(&self) -> bool {
        let woken = self.parker.wake();
        if woken {
            self.statistics.note_wakeup();
        }
        woken
    }

    /// As [`wake`](Self::wake), for a reason that was published without the lock, in a [`Lane`](crate::Lane): pairs with
    /// [`still_parks`](Self::still_parks).
    #[inline]
    pub fn wake_for_lane(&self) -> bool {
        // Pairs with the fence in `still_parks`: either the owner sees what was sent, or this sees that it parks.
        fence(Ordering::SeqCst);
        self.wake()
    }

    /// The owner has announced a park: it stays in force unless `found` sees that something has come in a lane. Owner only, without the
    /// lock. False when it is over, and the owner goes on.
    pub fn still_parks(&self, found: impl FnOnce() -> bool) -> bool {
        // Pairs with the fence in `wake_for_lane`.
        fence(Ordering::SeqCst);
        if found() {
            // A waker that was first has called the owner's closure, which finds it awake.
            self.retract_park();
            return false;
        }
        true
    }

    /// Blocks until somebody wakes the scheduler or `timeout` has passed, and returns whether it was woken. Owner
    /// only, after [`Guard::announce_park`] and without the lock. Returns `false` at once for a foreign parker,
    /// and leaves its park announced: that thread waits in its own event loop.
    pub fn sleep(&self, timeout: Option<Duration>) -> bool {
        self.parker.sleep(timeout)
    }

    /// Takes an announced park back, for an owner that has found work after all or whose event loop came back for
    /// another reason. Owner only. Returns `false` when a waker was first or no park was announced; a foreign
    /// thread's closure has then been called, or is about to be.
    pub fn retract_park(&self) -> bool {
        self.parker.retract()
    }

    /// What the scheduler has done. Any thread, without the lock.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}

impl<S> fmt::Debug for Scheduler<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Scheduler")
            .field("id", &self.id)
            .field("parker", &self.parker)
            .finish_non_exhaustive()
    }
}

/// The lock of one scheduler, held. Releases it when dropped, after publishing the queue lengths.
pub struct Guard<'a, S> {
    scheduler: &'a Scheduler<S>,
    locked: MutexGuard<'a, Locked<S>>,
    queues_touched: bool,
}

impl<'a, S> Guard<'a, S> {
    fn new(scheduler: &'a Scheduler<S>, locked: MutexGuard<'a, Locked<S>>) -> Self {
        Guard {
            scheduler,
            locked,
            queues_touched: false,
        }
    }

    /// The run queues.
    #[inline]
    pub fn queues(&mut self) -> &mut RunQueues {
        self.queues_touched = true;
        &mut self.locked.queues
    }

    /// The state of the layer above.
    #[inline]
    pub fn state(&mut self) -> &mut S {
        &mut self.locked.state
    }

    /// Both at once.
    ///
    /// ```
    /// use viga_scheduler::{Parker, Priority, Scheduler};
    ///
    /// let scheduler = Scheduler::new(0, Parker::thread(), vec![3_u32, 4]);
    /// let mut guard = scheduler.lock();
    /// let (queues, waiting) = guard.split();
    /// waiting.drain(..).for_each(|task| queues.push_back(task, Priority::Normal));
    /// assert_eq!(guard.queues().len(), 2);
    /// ```
    #[inline]
    pub fn split(&mut self) -> (&mut RunQueues, &mut S) {
        self.queues_touched = true;
        let locked = &mut *self.locked;
        (&mut locked.queues, &mut locked.state)
    }

    /// Says that the owner is about to park, having seen under this same guard that there is nothing to do. Owner
    /// only. From here on a [`Scheduler::wake`] calls the owner back, until it [sleeps](Scheduler::sleep) and
    /// wakes, or [retracts](Scheduler::retract_park).
    pub fn announce_park(&mut self) {
        self.scheduler.statistics.note_park();
        self.scheduler.parker.announce();
    }
}

impl<S> Drop for Guard<'_, S> {
    #[inline]
    fn drop(&mut self) {
        if self.queues_touched {
            let queues = &self.locked.queues;
            for priority in Priority::ALL {
                self.scheduler
                    .statistics
                    .publish_run_queue_length(priority, queues.len_of(priority));
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Guard<'_, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Guard")
            .field("queues", &self.locked.queues)
            .field("state", &self.locked.state)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_under_the_lock_is_counted_and_blocks_nobody() {
        let scheduler = Scheduler::new(0, Parker::thread(), 1);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut guard = scheduler.lock();
            guard.queues().push_back(9, Priority::Normal);
            panic!("the layer above fails");
        }));
        assert!(panicked.is_err());
        assert_eq!(scheduler.lock().queues().pop(), Some((9, Priority::Normal)));
        assert!(scheduler.lock().queues().is_empty());
        assert_eq!(scheduler.statistics().snapshot().poisonings, 1);
    }

    #[test]
    fn waking_a_scheduler_that_is_awake_does_nothing() {
        let scheduler = Scheduler::new(0, Parker::foreign(|| panic!("called")), ());
        assert!(!scheduler.wake());
        assert_eq!(scheduler.statistics().snapshot().wakeups, 0);
    }

    #[test]
    fn a_park_that_times_out_is_over() {
        let scheduler = Scheduler::new(0, Parker::thread(), ());
        scheduler.lock().announce_park();
        assert!(!scheduler.sleep(Some(Duration::ZERO)));
        assert!(!scheduler.wake());
    }
}
