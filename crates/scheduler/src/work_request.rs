//! An idle scheduler asks a loaded one for work, so that it need not wait for the next balance.
//!
//! A scheduler whose processes live in its isolate cannot be stolen from: only its owner can give one away. So the
//! idle one leaves its number in the loaded one's word and goes to spin or park; the loaded one looks at its word
//! between batches, gives what it can spare, and wakes the one who asked.
//!
//! 1. The thief swaps 0 for its number ([`WorkRequests::ask`]). If the word is taken, somebody else was first.
//! 2. The victim swaps 0 back and has the number ([`WorkRequests::take`]); it gives half of what it has ready.
//! 3. A thief that has found work elsewhere swaps its number for 0 ([`WorkRequests::withdraw`]); if that fails, the
//!    victim has taken the request and something may still come.
//!
//! Each request is answered by at most one victim, because each word is only ever emptied by a swap or by the thief's
//! own compare-exchange. A request that is not answered is no harm: nobody waits for it in a way that only the
//! answer ends.

use crate::Statistics;
use crate::sync::{AtomicU32, Ordering};

/// Nobody asks. Otherwise the word is the index of who asks, plus one.
const NOBODY: u32 = 0;

/// For each scheduler who asks it for work.
///
/// ```
/// use viga_scheduler::WorkRequests;
///
/// let requests = WorkRequests::new(3);
/// assert!(requests.ask(0, 2));
/// assert!(!requests.ask(0, 1), "2 was first");
/// assert_eq!(requests.take(0), Some(2));
/// assert_eq!(requests.take(0), None);
/// assert!(!requests.withdraw(0, 2), "taken: something may come");
/// ```
#[derive(Debug)]
pub struct WorkRequests {
    words: Box<[Word]>,
}

#[derive(Debug)]
#[repr(align(128))]
struct Word(AtomicU32);

impl WorkRequests {
    /// Nobody asks.
    #[must_use]
    pub fn new(schedulers: usize) -> Self {
        WorkRequests {
            words: (0..schedulers)
                .map(|_| Word(AtomicU32::new(NOBODY)))
                .collect(),
        }
    }

    /// Asks `victim` for work on behalf of `thief`. Returns whether the request stands; if not, another one does.
    pub fn ask(&self, victim: usize, thief: usize) -> bool {
        // Synchronizes with the swap in `take`: what the thief did before, the victim sees.
        self.words[victim]
            .0
            .compare_exchange(NOBODY, word_of(thief), Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Who asks `victim`, and ends the request. Its owner only. One relaxed load when nobody does.
    #[inline]
    pub fn take(&self, victim: usize) -> Option<usize> {
        let word = &self.words[victim].0;
        // Only a hint that the swap is worth while, without a partner.
        if word.load(Ordering::Relaxed) == NOBODY {
            return None;
        }
        // Synchronizes with the compare-exchange in `ask`; finds nothing when `withdraw` was first.
        match word.swap(NOBODY, Ordering::Acquire) {
            NOBODY => None,
            asked => Some(asked as usize - 1),
        }
    }

    /// Takes the request of `thief` to `victim` back. Returns whether it still stood; if not, it was taken, and an
    /// answer may come.
    pub fn withdraw(&self, victim: usize, thief: usize) -> bool {
        // Against the swap in `take`: one of the two has it. Hands nothing over.
        self.words[victim]
            .0
            .compare_exchange(word_of(thief), NOBODY, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

fn word_of(thief: usize) -> u32 {
    u32::try_from(thief + 1).unwrap_or(u32::MAX)
}

/// The scheduler that `thief` should ask: the one with the most ready processes that has some to spare and may give
/// them away. Goes by hints and takes no lock. `schedulers` are the statistics of all, in their order. O(n).
///
/// ```
/// use viga_scheduler::{Parker, Priority, Scheduler, choose_victim};
///
/// let schedulers: Vec<_> = (0..3).map(|id| Scheduler::new(id, Parker::thread(), ())).collect();
/// let all = || schedulers.iter().map(Scheduler::statistics);
/// assert_eq!(choose_victim(0, all()), None);
///
/// schedulers[2].lock().queues().push_back(7, Priority::Normal);
/// schedulers[2].lock().queues().push_back(8, Priority::Normal);
/// schedulers[2].statistics().load().publish(0, [0, 0, 2, 0]);
/// assert_eq!(choose_victim(0, all()), Some(2));
/// assert_eq!(choose_victim(2, all()), None, "itself");
/// ```
pub fn choose_victim<'a>(
    thief: usize,
    schedulers: impl IntoIterator<Item = &'a Statistics>,
) -> Option<usize> {
    schedulers
        .into_iter()
        .enumerate()
        .filter(|(index, _)| *index != thief)
        .map(|(index, statistics)| (ready_to_spare(statistics), index))
        .filter(|(spare, _)| *spare > 0)
        // The lowest number among equals.
        .max_by_key(|(spare, index)| (*spare, std::cmp::Reverse(*index)))
        .map(|(_, index)| index)
}

/// Ready processes that their scheduler will not begin next. A single one is left to an owner who has nothing else.
fn ready_to_spare(statistics: &Statistics) -> u32 {
    let load = statistics.load();
    let kept = u32::from(load.in_hand() == 0);
    statistics
        .run_queue_length()
        .saturating_sub(kept)
        .min(load.movable().iter().sum())
}
