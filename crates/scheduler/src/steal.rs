//! Stealing: an idle scheduler takes half of another one's queue.
//!
//! The thief holds one lock at a time: it takes tasks out of the victim's queue under the victim's lock, and puts
//! them into its own under its own. In between they are in its hands, `QUEUED` all the while, so that nobody else
//! queues them. The most urgent one is run at once and does not pass through the thief's queue.

use crate::Priority;
use crate::shared::Shared;

/// What a round brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loot {
    /// This task is to be run; the others are in the thief's own queue.
    Task(u32),
    Nothing,
}

/// How carefully a victim is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Published lengths decide whether its lock is taken.
    Hints,
    /// Its lock is taken in any case.
    Locks,
}

/// What a scheduler remembers about its victims.
pub(crate) struct Thief {
    index: usize,
    /// Whether it can wait and see if a lone task's owner comes to it: foreign threads cannot.
    can_watch: bool,
    /// Slices each victim had ended when it was looked at last.
    seen_slices: Box<[u64]>,
    /// State of Marsaglia's xorshift32, which says where a round begins; never 0.
    random: u32,
    in_hand: Vec<(u32, Priority)>,
}

impl Thief {
    pub(crate) fn new(index: usize, shared: &Shared) -> Self {
        Thief {
            index,
            can_watch: index < shared.config.threads,
            seen_slices: vec![0; shared.schedulers.len()].into_boxed_slice(),
            random: (index as u32 + 1).wrapping_mul(0x9E37_79B9) | 1,
            in_hand: Vec::new(),
        }
    }

    /// A round that takes the lock only of victims that seem to have something.
    pub(crate) fn steal_by_hints(&mut self, shared: &Shared) -> Loot {
        self.steal(shared, Care::Hints)
    }

    /// A round that overlooks nothing.
    pub(crate) fn steal_under_locks(&mut self, shared: &Shared) -> Loot {
        self.steal(shared, Care::Locks)
    }

    fn steal(&mut self, shared: &Shared, care: Care) -> Loot {
        let schedulers = shared.schedulers.len();
        let first = self.next_random() as usize % schedulers;
        for victim in (first..schedulers).chain(0..first) {
            if victim != self.index && self.take_half(shared, victim, care) {
                return self.keep(shared, victim);
            }
        }
        Loot::Nothing
    }

    /// Takes half of the victim's tasks in hand. Returns whether there were any.
    fn take_half(&mut self, shared: &Shared, victim: usize, care: Care) -> bool {
        let scheduler = &shared.schedulers[victim];
        if care == Care::Hints && scheduler.statistics().run_queue_length() == 0 {
            return false;
        }
        let slices = scheduler.statistics().slices();
        let makes_progress = std::mem::replace(&mut self.seen_slices[victim], slices) != slices;
        let mut guard = scheduler.lock();
        let (queues, seat) = guard.split();
        let owner_will_come = self.can_watch && seat.open && makes_progress;
        if seat.closing || queues.len() == 1 && owner_will_come {
            return false;
        }
        queues.steal_half(&mut self.in_hand, |_| true) > 0
    }

    /// Puts what is in hand into the own queue, but for the most urgent one.
    fn keep(&mut self, shared: &Shared, victim: usize) -> Loot {
        let own = &shared.schedulers[self.index];
        let taken = self.in_hand.len() as u64;
        shared.schedulers[victim].statistics().note_stolen(taken);
        own.statistics().note_steals(taken);
        let mut loot = self.in_hand.drain(..);
        let Some((first, _)) = loot.next() else {
            return Loot::Nothing;
        };
        if loot.len() > 0 {
            let mut guard = own.lock();
            for (task, priority) in loot {
                guard.queues().push_back(task, priority);
            }
        }
        Loot::Task(first)
    }

    fn next_random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}
