//! What a scheduler says about its load beyond the lengths of its queues, for whoever balances.
//!
//! Every atomic here is relaxed and has no partner: the numbers are hints, each is right by itself, and what is
//! decided on an old one is put right in the next period.

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
/// load.publish(3, 12);
/// assert_eq!((load.in_hand(), load.movable(), load.is_online()), (3, 12, true));
/// load.set_online(false);
/// assert!(!load.is_online());
/// ```
#[derive(Debug)]
#[repr(align(128))]
pub struct LoadCell {
    in_hand: AtomicU32,
    movable: AtomicU32,
    online: AtomicU32,
}

impl Default for LoadCell {
    fn default() -> Self {
        LoadCell {
            in_hand: AtomicU32::new(0),
            movable: AtomicU32::new(0),
            online: AtomicU32::new(ONLINE),
        }
    }
}

impl LoadCell {
    /// Publishes how many processes the owner has picked and not settled yet, and how many may be moved. Owner only. Two stores to a line that is the owner's own.
    #[inline]
    pub fn publish(&self, in_hand: u32, movable: u32) {
        self.in_hand.store(in_hand, Ordering::Relaxed);
        self.movable.store(movable, Ordering::Relaxed);
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

    /// Processes that may be moved.
    #[must_use]
    pub fn movable(&self) -> u32 {
        self.movable.load(Ordering::Relaxed)
    }

    /// Whether the scheduler may get work.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.online.load(Ordering::Relaxed) == ONLINE
    }
}
