//! A lock whose readers write nothing that another reader reads.
//!
//! BRAVO (Dice and Kogan, "BRAVO: Biased locking for reader-writer locks", USENIX ATC 2019). In front of an ordinary
//! readers-writer lock, the *gate*, stands a flag. While it is set, a reader announces itself in the slot of its thread
//! (`reader_slots`), looks at the flag once more and reads: one atomic exchange on a cache line that no other thread
//! touches. A writer passes the gate, clears the flag and waits for the readers announced. Readers that find the flag cleared pass the
//! gate; when enough of them have done so with no writer between, one sets the flag again. So a lock that is only read costs its
//! readers nothing in common, and one that is written to often behaves like its gate.
//!
//! One departure from the paper: every thread has its own slot, where the paper hashes threads and locks into one table.
//!
//! ```text
//!  reader: slot = lock   (SC)          writer: gate.write
//!          biased?       (SC)                  biased = false  (SC)
//!          read                                no slot = lock? (SC)
//!          slot = none   (release)             write
//! ```
//!
//! Of the two pairs of accesses marked SC at least one thread sees the other's first: either the writer waits for the reader, or
//! the reader goes to the gate and waits for the writer.

use crate::{
    reader_slots::{Announced, ReaderSlots, reader_slots, thread_number},
    sync::{
        AtomicBool, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard, UnsafeCell,
        ignoring_poison, order_for_loom, statistic::AtomicU32,
    },
};

/// Reads at the gate with no write between them after which the lock is for readers again.
#[cfg(not(loom))]
const CALM: u32 = 64;
#[cfg(loom)]
const CALM: u32 = 1;

/// See the module. A panic of who holds it leaves the content to the next as it is.
pub(crate) struct BiasedLock<T> {
    /// Readers need not pass the gate. Set under the gate by a reader, cleared there by a writer. Its partner is the slot of
    /// each thread.
    biased: AtomicBool,
    gate: RwLock<()>,
    /// Reads at the gate since the last write. A hint: readers count over each other.
    calm: AtomicU32,
    content: UnsafeCell<T>,
}

// SAFETY: the lock owns its content, and hands it to any thread.
unsafe impl<T: Send> Send for BiasedLock<T> {}
// SAFETY: readers share the content among threads, writers have it alone.
unsafe impl<T: Send + Sync> Sync for BiasedLock<T> {}

/// What keeps writers out.
enum Pass<'a> {
    Slot { _announced: Announced<'a> },
    Gate { _gate: RwLockReadGuard<'a, ()> },
}

/// Nobody writes to the content.
pub(crate) struct ReadGuard<'a, T> {
    lock: &'a BiasedLock<T>,
    _pass: Pass<'a>,
}

impl<T> std::ops::Deref for ReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: writers wait until the guard's pass is given back.
        self.lock.content.with(|content| unsafe { &*content })
    }
}

/// The content is the holder's alone.
pub(crate) struct WriteGuard<'a, T> {
    lock: &'a BiasedLock<T>,
    _gate: RwLockWriteGuard<'a, ()>,
}

impl<T> std::ops::Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `write_as` waited until the content was the guard's alone.
        self.lock.content.with(|content| unsafe { &*content })
    }
}

impl<T> std::ops::DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        self.lock
            .content
            .with_mut(|content| unsafe { &mut *content })
    }
}

impl<T> BiasedLock<T> {
    pub(crate) fn new(content: T) -> BiasedLock<T> {
        BiasedLock {
            biased: AtomicBool::new(false),
            gate: RwLock::new(()),
            calm: AtomicU32::new(0),
            content: UnsafeCell::new(content),
        }
    }

    /// Reads together with others, for a short time: writers spin meanwhile.
    #[inline]
    pub(crate) fn read(&self) -> ReadGuard<'_, T> {
        self.read_as(reader_slots(), thread_number())
    }

    #[inline]
    pub(crate) fn read_as<'a>(&'a self, slots: &'a ReaderSlots, thread: usize) -> ReadGuard<'a, T> {
        if self.biased.load(Ordering::Relaxed)
            && let Some(announced) = slots.announce(thread, self.address())
            // Writers wait for an announcement that was made while the lock was for readers.
            && self.biased.load(Ordering::SeqCst)
        {
            return ReadGuard {
                lock: self,
                _pass: Pass::Slot {
                    _announced: announced,
                },
            };
        }
        self.read_long()
    }

    /// Reads together with others, for as long as it may take: writers sleep meanwhile.
    pub(crate) fn read_long(&self) -> ReadGuard<'_, T> {
        let gate = ignoring_poison(self.gate.read());
        let calm = self.calm.load(Ordering::Relaxed);
        if calm < CALM {
            self.calm.store(calm + 1, Ordering::Relaxed);
        } else if !self.biased.load(Ordering::Relaxed) {
            // Release: readers who see this see what the last writer wrote, which the gate has shown to this thread.
            self.biased.store(true, Ordering::Release);
        }
        ReadGuard {
            lock: self,
            _pass: Pass::Gate { _gate: gate },
        }
    }

    /// Waits until the content is the caller's alone.
    #[inline]
    pub(crate) fn write(&self) -> WriteGuard<'_, T> {
        self.write_as(reader_slots())
    }

    #[inline]
    pub(crate) fn write_as(&self, slots: &ReaderSlots) -> WriteGuard<'_, T> {
        let gate = ignoring_poison(self.gate.write());
        // Looked at first: among writers the line need not be written to once more.
        if self.calm.load(Ordering::Relaxed) != 0 {
            self.calm.store(0, Ordering::Relaxed);
        }
        if self.biased.load(Ordering::Relaxed) {
            self.turn_readers_away(slots);
        }
        WriteGuard {
            lock: self,
            _gate: gate,
        }
    }

    #[cold]
    fn turn_readers_away(&self, slots: &ReaderSlots) {
        self.biased.store(false, Ordering::SeqCst);
        order_for_loom();
        slots.wait_for_readers(self.address());
    }

    /// What the lock is known by in the slots.
    #[inline]
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_holder_harms_nobody() {
        let lock = BiasedLock::new(0);
        for _ in 0..3 {
            let panicked = std::thread::scope(|scope| {
                scope.spawn(|| -> () { panic!("{}", *lock.write()) }).join()
            });
            assert!(panicked.is_err());
            for _ in 0..2 * CALM {
                assert_eq!(*lock.read(), 0);
            }
            let panicked = std::thread::scope(|scope| {
                let read = || -> () { panic!("{}", *lock.read()) };
                scope.spawn(read).join()
            });
            assert!(panicked.is_err());
        }
        *lock.write() += 1;
        assert_eq!(*lock.read(), 1);
    }

    #[test]
    fn a_thread_that_reads_already_can_read_under_another_lock() {
        let (outer, inner) = (BiasedLock::new(1), BiasedLock::new(2));
        for _ in 0..2 * CALM {
            drop(outer.read());
            drop(inner.read());
        }
        let one = outer.read();
        let sum = *one + *inner.read();
        drop(one);
        assert_eq!(sum, 3);
        *inner.write() = 5;
        *outer.write() = 5;
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::thread;

    use super::*;

    const NO_NUMBER: usize = usize::MAX;

    struct Shared {
        lock: BiasedLock<(u32, u32)>,
        slots: ReaderSlots,
    }

    impl Shared {
        fn new() -> Arc<Shared> {
            Arc::new(Shared {
                lock: BiasedLock::new((0, 0)),
                slots: ReaderSlots::new(),
            })
        }

        /// Reads under a number until the lock is for readers.
        fn bias(&self) {
            while !self.lock.biased.load(Ordering::Relaxed) {
                self.read(NO_NUMBER);
            }
        }

        fn read(&self, number: usize) -> u32 {
            let content = self.lock.read_as(&self.slots, number);
            let (first, second) = *content;
            assert_eq!(first, second);
            first
        }

        fn write(&self) {
            let mut content = self.lock.write_as(&self.slots);
            content.0 += 1;
            content.1 += 1;
        }
    }

    #[test]
    fn readers_and_a_writer_keep_out_of_each_others_way() {
        loom::model(|| {
            let shared = Shared::new();
            shared.slots.admit(0);
            shared.slots.admit(1);
            shared.bias();
            let writer = thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.write()
            });
            let reader = thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.read(0)
            });
            assert!(shared.read(1) <= 1);
            assert!(reader.join().unwrap() <= 1);
            writer.join().unwrap();
            assert_eq!(shared.read(1), 1);
        });
    }

    #[test]
    fn a_writer_sees_the_first_reading_of_a_new_thread() {
        loom::model(|| {
            let shared = Shared::new();
            shared.bias();
            let reader = thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    shared.slots.admit(1);
                    let first = shared.read(1);
                    assert!(shared.read(1) >= first);
                }
            });
            shared.write();
            reader.join().unwrap();
            assert_eq!(shared.read(NO_NUMBER), 1);
        });
    }

    #[test]
    fn a_reader_that_gives_the_lock_back_to_readers_shows_them_the_last_writing() {
        loom::model(|| {
            let shared = Shared::new();
            shared.slots.admit(0);
            let writer = thread::spawn({
                let shared = Arc::clone(&shared);
                move || {
                    shared.write();
                    shared.write();
                }
            });
            let giver = thread::spawn({
                let shared = Arc::clone(&shared);
                move || (shared.read(NO_NUMBER), shared.read(NO_NUMBER))
            });
            let first = shared.read(0);
            assert!(shared.read(0) >= first);
            let (first, second) = giver.join().unwrap();
            assert!(second >= first);
            writer.join().unwrap();
            assert_eq!(shared.read(0), 2);
        });
    }
}
