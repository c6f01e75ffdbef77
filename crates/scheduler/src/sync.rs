//! The only place that names the standard library's synchronization, so that loom can stand in for it.
//!
//! What loom replaces is what the protocols rest on. [`statistic`] stays with the standard library in both
//! builds: counters decide nothing, and every loom atomic multiplies the executions a model has to walk.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, Ordering},
};

/// Atomics that only count.
pub(crate) mod statistic {
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

/// Makes a lock that was taken over after a panic an ordinary one again.
#[cfg(not(loom))]
pub(crate) fn clear_poison<T>(mutex: &Mutex<T>) {
    mutex.clear_poison();
}

/// Loom's mutexes have no way back; a model that panics is over anyway.
#[cfg(loom)]
pub(crate) fn clear_poison<T>(_mutex: &Mutex<T>) {}
