//! Memory for table rows: that of the calling thread's allocator.

use std::ptr::NonNull;

use viga_allocator::AllocKind;
use viga_ets::RowMemory;
use viga_runtime::thread_memory;

/// Allocates with the calling thread's allocator; frees blocks of any.
pub struct ThreadMemory;

// SAFETY: blocks of an allocator are its callers' alone until freed, 16-byte aligned and at least as large as asked for.
unsafe impl RowMemory for ThreadMemory {
    fn allocate(&self, size: usize) -> Option<NonNull<u8>> {
        thread_memory::allocate(AllocKind::Ets, size)
    }

    unsafe fn free(&self, memory: NonNull<u8>, _size: usize) {
        // SAFETY: by the caller's promise the block came from `allocate`, here or on another thread, and is used no more.
        unsafe { thread_memory::free(memory) };
    }
}
