//! The allocator of the calling thread: each scheduler's thread has one of its own, made with its first allocation.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;

use viga_allocator::{AllocKind, Allocator, Config, free_foreign};

use crate::allocators::enlist;

/// Blocks that a thread keeps before it gives them back together.
const TOGETHER: usize = 64;

/// Blocks of other threads' allocators that are used no more. Each give-back writes to a cache line that its owner reads; together
/// they cost hardly more than one.
#[derive(Default)]
struct Returns(Vec<NonNull<u8>>);

impl Returns {
    fn give_back(&mut self) {
        for memory in self.0.drain(..) {
            // SAFETY: `free_soon` took it over from who used it last.
            unsafe { free(memory) };
        }
    }
}

impl Drop for Returns {
    fn drop(&mut self) {
        self.give_back();
    }
}

thread_local! {
    static RETURNS: RefCell<Returns> = RefCell::default();
    /// When the thread ends, what it allocated stays valid and is freed by others.
    static ALLOCATOR: RefCell<Allocator> = RefCell::new(new_allocator());
    /// Tells `allocators` when the thread has ended.
    static ENLISTED: Cell<Option<Arc<()>>> = const { Cell::new(None) };
}

fn new_allocator() -> Allocator {
    let allocator = Allocator::new(&Config::default());
    ENLISTED.set(Some(enlist(&allocator)));
    allocator
}

/// Takes back what other threads have freed of the calling thread's memory. For a thread that has nothing else to do.
pub fn collect() {
    RETURNS.with(|returns| returns.borrow_mut().give_back());
    ALLOCATOR.with(|allocator| allocator.borrow_mut().collect_delayed(usize::MAX));
}

/// Memory for `size` bytes from the calling thread's allocator; `None` when the system has none left.
#[must_use]
pub fn allocate(kind: AllocKind, size: usize) -> Option<NonNull<u8>> {
    let allocated = ALLOCATOR.try_with(|allocator| allocator.borrow_mut().allocate(kind, size));
    allocated.ok()?.ok()
}

/// As [`free`], a little later: with others, or when the thread has nothing else to do ([`collect`]).
///
/// # Safety
/// As for [`free`].
pub unsafe fn free_soon(memory: NonNull<u8>) {
    let kept = RETURNS.try_with(|returns| {
        let mut returns = returns.borrow_mut();
        returns.0.push(memory);
        if returns.0.len() == TOGETHER {
            returns.give_back();
        }
    });
    if kept.is_err() {
        // SAFETY: promised by the caller; the thread is ending.
        unsafe { free(memory) };
    }
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
