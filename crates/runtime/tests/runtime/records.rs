//! The isolate's side of records: bytes that it lends the core, and the values in them.
//!
//! A record of these tests holds one number, and the ids of shared binaries that go with it.

use std::ptr::NonNull;

use viga_runtime::{Buffer, binaries};

/// Bytes that both sides use, never at the same time.
pub struct Memory {
    bytes: NonNull<u8>,
    length: usize,
}

impl Memory {
    pub fn new(length: usize) -> Self {
        // Words, so that records are aligned.
        let words = vec![0u64; length.div_ceil(8)].into_boxed_slice();
        Memory {
            bytes: NonNull::from(Box::leak(words)).cast(),
            length,
        }
    }

    pub fn lent(&self) -> Buffer {
        // SAFETY: the bytes stay until the memory is dropped, which whoever lends them does after the core has forgotten them.
        unsafe { Buffer::new(self.bytes, self.length) }
    }

    pub fn len(&self) -> usize {
        self.length
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.length);
        // SAFETY: it fits, and the core does not use the bytes outside crossings.
        unsafe {
            self.bytes
                .add(at)
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
    }

    fn u64(&self, at: usize) -> u64 {
        assert!(at + 8 <= self.length);
        // SAFETY: as in `write`.
        unsafe { self.bytes.add(at).cast::<u64>().read_unaligned() }
    }

    /// Writes a record; gives its length.
    pub fn put(&self, at: usize, value: u64, ids: &[u64]) -> usize {
        self.write(at, &8u32.to_le_bytes());
        self.write(at + 4, &(ids.len() as u32).to_le_bytes());
        for (place, id) in ids.iter().enumerate() {
            self.write(at + 8 + place * 8, &id.to_le_bytes());
        }
        self.write(at + 8 + ids.len() * 8, &value.to_le_bytes());
        16 + ids.len() * 8
    }

    /// The number of a record; each of its binaries must be there.
    pub fn read(&self, at: usize) -> u64 {
        let head = self.u64(at);
        assert_eq!(head as u32, 8, "length of the term");
        let binaries = (head >> 32) as usize;
        for place in 0..binaries {
            let held = binaries::hold(self.u64(at + 8 + place * 8));
            assert!(held.is_some(), "a binary goes before who refers to it");
        }
        self.u64(at + 8 + binaries * 8)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let words =
            std::ptr::slice_from_raw_parts_mut(self.bytes.as_ptr().cast(), self.length.div_ceil(8));
        // SAFETY: leaked by `new` with this length.
        drop(unsafe { Box::<[u64]>::from_raw(words) });
    }
}
