//! Whether more than one thread has used a thing.

use crate::sync::{Ordering, statistic::AtomicUsize};

/// Numbers that no thread has (see `reader_slots`).
const NOBODY: usize = usize::MAX;
const MANY: usize = usize::MAX - 2;

/// The number of the only thread that has used a thing, as long as there is only one.
///
/// A hint without order towards anything: what depends on it costs time, not truth. A thread that ended and one that got its
/// number are taken for the same, and rightly: they were never there at the same time.
pub(crate) struct Users(AtomicUsize);

impl Users {
    pub(crate) fn none() -> Users {
        Users(AtomicUsize::new(NOBODY))
    }

    /// A thread uses the thing. Writes only for the first and the second, so that the word stays in everybody's cache.
    #[inline]
    pub(crate) fn add(&self, thread: usize) {
        let only = self.0.load(Ordering::Relaxed);
        if only != thread && only != MANY {
            self.meet(thread);
        }
    }

    #[cold]
    fn meet(&self, thread: usize) {
        let first = self
            .0
            .compare_exchange(NOBODY, thread, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_err_and(|other| other != thread) {
            self.0.store(MANY, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) == MANY
    }

    /// There is a new thing, which nobody has used.
    pub(crate) fn forget(&self) {
        self.0.store(NOBODY, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_thread_is_not_many_however_often_it_comes() {
        let users = Users::none();
        for _ in 0..3 {
            users.add(7);
            assert!(!users.are_many());
        }
        users.add(8);
        users.add(7);
        assert!(users.are_many());
        users.forget();
        users.add(8);
        assert!(!users.are_many());
    }
}
