//! The allocator of the calling thread: each scheduler's thread has one of its own, made with its first allocation.

use std::cell::RefCell;
use std::ptr::NonNull;

use viga_allocator::{AllocKind, Allocator, Config, Statistics, free_foreign};

thread_local! {
    /// When the thread ends, what it allocated stays valid and is freed by others.
    static ALLOCATOR: RefCell<Allocator> = RefCell::new(Allocator::new(&Config::default()));
}

/// What the calling thread's allocator holds.
pub fn statistics() -> Statistics {
    ALLOCATOR.with(|allocator| allocator.borrow().statistics().snapshot())
}

/// Takes back what other threads have freed of the calling thread's memory. For a thread that has nothing else to do.
pub fn collect() {
    ALLOCATOR.with(|allocator| allocator.borrow_mut().collect_delayed(usize::MAX));
}

/// Memory for `size` bytes from the calling thread's allocator; `None` when the system has none left.
#[must_use]
pub fn allocate(kind: AllocKind, size: usize) -> Option<NonNull<u8>> {
    let allocated = ALLOCATOR.try_with(|allocator| allocator.borrow_mut().allocate(kind, size));
    allocated.ok()?.ok()
}

/// Gives memory back. A block of another thread's allocator goes home on its delayed-free list.
///
/// # Safety
/// `memory` came from [`allocate`], on any thread, is used no more and was not freed before.
pub unsafe fn free(memory: NonNull<u8>) {
    // SAFETY: promised by the caller.
    let freed = ALLOCATOR.try_with(|allocator| unsafe { allocator.borrow_mut().free(memory) });
    if freed.is_err() {
        // SAFETY: as above; the thread is ending and its allocator is gone already.
        unsafe { free_foreign(memory) };
    }
}
