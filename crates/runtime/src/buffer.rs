//! Bytes that the executing isolate lends the core.

use std::ptr::NonNull;

/// A view of such bytes. They are read and written only while that isolate is inside a crossing, or does not run.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    bytes: NonNull<u8>,
    length: usize,
}

// SAFETY: the pointer is only followed under the scheduler's lock, during a crossing of the isolate that lends the bytes.
unsafe impl Send for Buffer {}

impl Buffer {
    /// A view of `length` bytes.
    ///
    /// # Safety
    /// The bytes must stay where they are until the core is given others or the isolate ends, and nothing else may touch
    /// them while the view's methods run.
    pub unsafe fn new(bytes: NonNull<u8>, length: usize) -> Self {
        Buffer { bytes, length }
    }

    /// The bytes as they are now.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `new` promises the memory, and that nobody writes to it meanwhile.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.length) }
    }

    /// Copies `content` to the place `at`; false when it does not fit.
    pub(crate) fn write(&self, at: usize, content: &[u8]) -> bool {
        let fits = at <= self.length && content.len() <= self.length - at;
        if fits {
            // SAFETY: it fits, and `new` promises the memory.
            unsafe {
                self.bytes
                    .add(at)
                    .copy_from_nonoverlapping(NonNull::from(content).cast(), content.len());
            }
        }
        fits
    }
}
