//! Where threads announce which lock they are reading under: one word a thread, on a cache line of its own.
//!
//! A thread gets a number with its first read and gives it back when it ends. There are [`SLOTS`] numbers; threads beyond do
//! without and read at the gate of a lock (see `biased_lock`).

use crate::sync::{AtomicUsize, Ordering, order_for_loom, wait_a_little};

/// Threads that can have a number at the same time.
#[cfg(not(loom))]
pub(crate) const SLOTS: usize = 512;
#[cfg(loom)]
pub(crate) const SLOTS: usize = 2;

/// Nobody's lock.
const NOTHING: usize = 0;

/// Two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Slot {
    /// Address of the lock the thread reads under. Its partner is `BiasedLock::biased`: a reader writes here and looks
    /// there, a writer the other way round, all sequentially consistent, so that one of them sees the other.
    lock: AtomicUsize,
}

/// See the module.
pub(crate) struct ReaderSlots {
    slots: [Slot; SLOTS],
    /// Numbers below this have been given out. Raised before the first announcement under a number, so that whoever the order
    /// above makes see the announcement looks far enough.
    given: AtomicUsize,
}

/// A thread is reading; until this is dropped.
pub(crate) struct Announced<'a>(&'a Slot);

impl Drop for Announced<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: what was read is over before a writer that sees this goes on.
        self.0.lock.store(NOTHING, Ordering::Release);
    }
}

impl ReaderSlots {
    #[cfg(not(loom))]
    const fn new() -> ReaderSlots {
        ReaderSlots {
            slots: [const {
                Slot {
                    lock: AtomicUsize::new(NOTHING),
                }
            }; SLOTS],
            given: AtomicUsize::new(0),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> ReaderSlots {
        ReaderSlots {
            slots: std::array::from_fn(|_| Slot {
                lock: AtomicUsize::new(NOTHING),
            }),
            given: AtomicUsize::new(0),
        }
    }

    /// Makes writers look at the slots up to `number`.
    pub(crate) fn admit(&self, number: usize) {
        self.given.fetch_max(number + 1, Ordering::SeqCst);
        order_for_loom();
    }

    /// Announces that the thread with the number reads under the lock at `address`; none when there is no such slot or the
    /// thread is reading already.
    #[inline]
    pub(crate) fn announce(&self, number: usize, address: usize) -> Option<Announced<'_>> {
        let slot = self.slots.get(number)?;
        // Only the thread itself writes here.
        if slot.lock.load(Ordering::Relaxed) != NOTHING {
            return None;
        }
        // An exchange, because on x86 it costs less than a store and a fence.
        slot.lock.swap(address, Ordering::SeqCst);
        order_for_loom();
        Some(Announced(slot))
    }

    /// Waits until no thread reads under the lock any more. New readers must have been turned away before.
    pub(crate) fn wait_for_readers(&self, address: usize) {
        order_for_loom();
        let given = self.given.load(Ordering::SeqCst);
        for slot in self.slots.iter().take(given) {
            let mut turn = 0;
            while slot.lock.load(Ordering::SeqCst) == address {
                wait_a_little(turn);
                turn += 1;
            }
        }
    }
}

/// The slots of this program.
#[cfg(not(loom))]
#[inline]
pub(crate) fn reader_slots() -> &'static ReaderSlots {
    static ALL: ReaderSlots = ReaderSlots::new();
    &ALL
}

#[cfg(loom)]
loom::lazy_static! {
    static ref ALL: ReaderSlots = ReaderSlots::new();
}

#[cfg(loom)]
pub(crate) fn reader_slots() -> &'static ReaderSlots {
    &ALL
}

/// Numbers of threads.
mod numbers {
    use std::{
        cell::Cell,
        sync::{Mutex, PoisonError},
    };

    /// The thread has none: it has not asked yet, or it has ended but for some destructors.
    const UNKNOWN: usize = usize::MAX;
    const ENDED: usize = usize::MAX - 1;

    struct Free {
        returned: Vec<usize>,
        next: usize,
    }

    static FREE: Mutex<Free> = Mutex::new(Free {
        returned: Vec::new(),
        next: 0,
    });

    /// Gives the thread's number back when the thread ends.
    struct Lease(usize);

    impl Drop for Lease {
        fn drop(&mut self) {
            NUMBER.set(ENDED);
            FREE.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .returned
                .push(self.0);
        }
    }

    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
        static LEASE: Cell<Option<Lease>> = const { Cell::new(None) };
    }

    /// The thread's number; a number too large for any slot when it has none.
    #[inline]
    pub(crate) fn thread_number() -> usize {
        match NUMBER.get() {
            UNKNOWN => ask(),
            number => number,
        }
    }

    #[cold]
    fn ask() -> usize {
        let number = {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.returned.pop().unwrap_or_else(|| {
                free.next += 1;
                free.next - 1
            })
        };
        super::reader_slots().admit(number);
        NUMBER.set(number);
        let lease = Lease(number);
        // When the thread's destructors have run already, the lease is dropped here, and the number with it.
        if LEASE.try_with(|place| place.set(Some(lease))).is_err() {
            return ENDED;
        }
        number
    }

    #[cfg(all(test, not(loom)))]
    mod tests {
        use super::*;

        #[test]
        fn living_threads_have_different_numbers_and_new_ones_those_of_the_dead() {
            let mine = thread_number();
            assert_eq!(thread_number(), mine);
            for _ in 0..2_000 {
                let other = std::thread::spawn(thread_number).join().unwrap();
                assert_ne!(other, mine);
                assert!(other < 1_000, "{other}");
            }
        }
    }
}

pub(crate) use numbers::thread_number;
