//! The only place that names `std::sync` or `loom`: under `--cfg loom` the model checker's types stand in.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Mutex,
    atomic::{AtomicPtr, Ordering},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex,
    atomic::{AtomicPtr, Ordering},
};

/// Statistics and block headers keep std's types under loom too: they order nothing and are not part of a model, and
/// a block header must stay one plain word in raw memory.
pub(crate) use std::sync::{Arc as PlainArc, PoisonError, atomic::AtomicUsize as PlainWord};

#[cfg(not(loom))]
pub(crate) use plain_cell::SharedCell;

#[cfg(loom)]
pub(crate) use loom_cell::SharedCell;

#[cfg(not(loom))]
mod plain_cell {
    use std::cell::UnsafeCell;

    /// A value whose exclusive access is proven by a protocol; loom checks the proof in its stand-in.
    #[derive(Debug)]
    #[repr(transparent)]
    pub(crate) struct SharedCell<T>(UnsafeCell<T>);

    impl<T: Copy> SharedCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            SharedCell(UnsafeCell::new(value))
        }

        /// # Safety
        /// Nobody writes at the same time.
        #[inline]
        pub(crate) unsafe fn read(&self) -> T {
            // SAFETY: promised by the caller.
            unsafe { *self.0.get() }
        }

        /// # Safety
        /// Nobody reads or writes at the same time.
        #[inline]
        pub(crate) unsafe fn write(&self, value: T) {
            // SAFETY: promised by the caller.
            unsafe { *self.0.get() = value }
        }
    }
}

#[cfg(loom)]
mod loom_cell {
    use loom::cell::UnsafeCell;

    /// Loom's stand-in: an access that overlaps a write fails the model.
    #[derive(Debug)]
    pub(crate) struct SharedCell<T>(UnsafeCell<T>);

    impl<T: Copy> SharedCell<T> {
        pub(crate) fn new(value: T) -> Self {
            SharedCell(UnsafeCell::new(value))
        }

        /// # Safety
        /// Nobody writes at the same time.
        pub(crate) unsafe fn read(&self) -> T {
            // SAFETY: promised by the caller, and checked by loom.
            self.0.with(|value| unsafe { *value })
        }

        /// # Safety
        /// Nobody reads or writes at the same time.
        pub(crate) unsafe fn write(&self, value: T) {
            // SAFETY: promised by the caller, and checked by loom.
            self.0.with_mut(|place| unsafe { *place = value })
        }
    }
}
