//! What a scheduler says about its load beyond the lengths of its queues, for whoever balances.
//!
//! Every atomic here is relaxed and has no partner: the numbers are hints, each is right by itself, and what is
//! decided on an old one is put right in the next period.

use crate::Priority;
use crate::sync::statistic::{AtomicU32, Ordering};

const ONLINE: u32 = 1;
const OFFLINE: u32 = 0;

/// The load of one scheduler, on a cache line of its own. The owner publishes with plain stores, once a batch;
/// any thread reads.
///
/// ```
/// use viga_scheduler::LoadCell;
///
/// let load = LoadCell::default();
/// load.publish(3, [0, 1, 12, 0]);
/// assert_eq!((load.in_hand(), load.movable(), load.is_online()), (3, [0, 1, 12, 0], true));
/// load.set_online(false);
/// assert!(!load.is_online());
/// ```
#[derive(Debug)]
#[repr(align(128))]
pub struct LoadCell {
    in_hand: AtomicU32,
    movable: [AtomicU32; Priority::ALL.len()],
    online: AtomicU32,
}

impl Default for LoadCell {
    fn default() -> Self {
        LoadCell {
            in_hand: AtomicU32::new(0),
            movable: std::array::from_fn(|_| AtomicU32::new(0)),
            online: AtomicU32::new(ONLINE),
        }
    }
}

impl LoadCell {
    /// Publishes how many processes the owner has picked and not settled yet, and how many may be moved, by priority (see
    /// [`SchedulerLoad`](crate::SchedulerLoad)). Owner only. Five stores to a line that is the owner's own.
    #[inline]
    pub fn publish(&self, in_hand: u32, movable: [u32; Priority::ALL.len()]) {
        self.in_hand.store(in_hand, Ordering::Relaxed);
        for (cell, count) in self.movable.iter().zip(movable) {
            cell.store(count, Ordering::Relaxed);
        }
    }

    /// Says whether the scheduler may get work. Any thread. Takes effect with the next balance.
    pub fn set_online(&self, online: bool) {
        let word = if online { ONLINE } else { OFFLINE };
        self.online.store(word, Ordering::Relaxed);
    }

    /// Processes picked and not settled.
    #[must_use]
    pub fn in_hand(&self) -> u32 {
        self.in_hand.load(Ordering::Relaxed)
    }

    /// Processes that may be moved, indexed by `Priority as usize`.
    #[must_use]
    pub fn movable(&self) -> [u32; Priority::ALL.len()] {
        std::array::from_fn(|class| self.movable[class].load(Ordering::Relaxed))
    }

    /// Whether the scheduler may get work.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.online.load(Ordering::Relaxed) == ONLINE
    }
}
