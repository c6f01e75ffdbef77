//! Memory for table rows: viga's allocator, one per thread.

use std::cell::RefCell;
use std::ptr::NonNull;

use viga_allocator::{AllocKind, Allocator, Config, Statistics, free_foreign};
use viga_ets::RowMemory;

thread_local! {
    /// Made with the thread's first row. When the thread ends, rows it allocated stay valid and are freed by others.
    static ALLOCATOR: RefCell<Allocator> = RefCell::new(Allocator::new(&Config::default()));
}

/// What the calling thread's allocator holds.
pub fn statistics() -> Statistics {
    ALLOCATOR.with(|allocator| allocator.borrow().statistics().snapshot())
}

/// Allocates with the calling thread's allocator; frees blocks of any.
pub struct ThreadMemory;

// SAFETY: blocks of an allocator are its callers' alone until freed, 16-byte aligned and at least as large as asked for.
unsafe impl RowMemory for ThreadMemory {
    fn allocate(&self, size: usize) -> Option<NonNull<u8>> {
        let allocated =
            ALLOCATOR.try_with(|allocator| allocator.borrow_mut().allocate(AllocKind::Ets, size));
        allocated.ok()?.ok()
    }

    unsafe fn free(&self, memory: NonNull<u8>, _size: usize) {
        // SAFETY: by the caller's promise the block came from `allocate`, here or on another thread, and is used no more.
        let freed = ALLOCATOR.try_with(|allocator| unsafe { allocator.borrow_mut().free(memory) });
        if freed.is_err() {
            // SAFETY: as above; the thread is ending and its allocator is gone already.
            unsafe { free_foreign(memory) };
        }
    }
}
