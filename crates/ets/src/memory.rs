//! Where the memory of rows comes from.

use std::{
    alloc::{Layout, alloc, dealloc},
    ptr::NonNull,
};

/// A source of memory for rows.
///
/// # Safety
/// `allocate` must give memory that nothing else uses until `free`, at least `size` bytes, aligned to 16.
pub unsafe trait RowMemory: Send + Sync {
    /// Memory for `size` bytes; none when there is none.
    fn allocate(&self, size: usize) -> Option<NonNull<u8>>;

    /// Gives memory back, on any thread.
    ///
    /// # Safety
    /// `memory` came from `allocate` of this source with the same `size` and is not used any more.
    unsafe fn free(&self, memory: NonNull<u8>, size: usize);
}

/// The system's allocator: for tests and for platforms without viga's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemMemory;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), 16).ok()
}

// SAFETY: the global allocator keeps the promises.
unsafe impl RowMemory for SystemMemory {
    fn allocate(&self, size: usize) -> Option<NonNull<u8>> {
        let layout = layout(size)?;
        // SAFETY: the layout's size is not zero.
        NonNull::new(unsafe { alloc(layout) })
    }

    unsafe fn free(&self, memory: NonNull<u8>, size: usize) {
        if let Some(layout) = layout(size) {
            // SAFETY: by the caller's promise the memory came from `allocate`, which used this layout.
            unsafe { dealloc(memory.as_ptr(), layout) }
        }
    }
}
