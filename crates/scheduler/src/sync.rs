//! The only place that names the standard library's synchronization, so that loom can stand in for it.
//!
//! What loom replaces is what the protocols rest on. [`statistic`] stays with the standard library in both
//! builds: counters decide nothing, and every loom atomic multiplies the executions a model has to walk.

use std::sync::PoisonError;

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
    },
    thread,
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
    },
    thread,
};

/// Atomics that only count or hint.
pub(crate) mod statistic {
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
}

/// The standard library's cell with the interface of loom's, which sees two threads in it at once.
#[cfg(not(loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get())
    }
}

/// For locks over data that a panic cannot leave half changed.
pub(crate) fn ignoring_poison<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// Makes a lock that was taken over after a panic an ordinary one again.
#[cfg(not(loom))]
pub(crate) fn clear_poison<T>(mutex: &Mutex<T>) {
    mutex.clear_poison();
}

/// Loom's mutexes have no way back; a model that panics is over anyway.
#[cfg(loom)]
pub(crate) fn clear_poison<T>(_mutex: &Mutex<T>) {}
