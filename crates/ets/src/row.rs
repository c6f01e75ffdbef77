//! One row in memory.

use std::ptr::NonNull;

use crate::{TableError, arena::Arena, index::PAYLOAD_BITS, term};

/// A row: one block of memory, owned by whatever structure holds the pointer.
///
/// ```text
///   0        4        8                       8 + length
///  +--------+--------+-----------------------+
///  | hash   | length | one encoded term      |
///  +--------+--------+-----------------------+
///   hash: lower half of the key's hash (0 in an ordered_set), so that a table can grow without hashing again
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row(NonNull<u8>);

// SAFETY: a row is plain memory; the structures that hold rows are behind locks.
unsafe impl Send for Row {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Row {}

const HEADER: usize = 8;
/// Rows are aligned to 16, so that an index need not keep the lowest bits of their addresses.
const ALIGNMENT_BITS: u32 = 4;

impl Row {
    /// Copies `bytes` into memory of its own.
    pub(crate) fn allocate(memory: &mut Arena, hash: u32, bytes: &[u8]) -> Result<Row, TableError> {
        let length = u32::try_from(bytes.len()).map_err(|_| TableError::OutOfMemory)?;
        let size = HEADER + bytes.len();
        let block = memory.allocate(size).ok_or(TableError::OutOfMemory)?;
        let address = block.as_ptr().expose_provenance() as u64;
        if address.trailing_zeros() < ALIGNMENT_BITS
            || address >> (PAYLOAD_BITS + ALIGNMENT_BITS) != 0
        {
            // SAFETY: just allocated with this size.
            unsafe { memory.free(block, size) };
            return Err(TableError::OutOfMemory);
        }
        // SAFETY: the block has HEADER + length bytes, is ours alone, and is aligned to 16.
        unsafe {
            block.cast::<u32>().write(hash);
            block.cast::<u32>().add(1).write(length);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), block.as_ptr().add(HEADER), bytes.len());
        }
        Ok(Row(block))
    }

    /// Gives the row's memory back.
    ///
    /// # Safety
    /// The row came from `memory`, and no copy of it is used afterwards.
    pub(crate) unsafe fn free(self, memory: &mut Arena) {
        // SAFETY: by the caller's promise the row is alive and its own.
        unsafe {
            let size = HEADER + self.bytes().len();
            memory.free(self.0, size);
        }
    }

    /// The encoded term.
    ///
    /// # Safety
    /// The row is alive and not written to for as long as the bytes are used.
    #[inline]
    pub(crate) unsafe fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: header and term were written by `allocate`; the caller vouches for the time.
        unsafe {
            let length = self.0.cast::<u32>().add(1).read() as usize;
            std::slice::from_raw_parts(self.0.as_ptr().add(HEADER), length)
        }
    }

    /// The encoded term, to be changed without changing its length.
    ///
    /// # Safety
    /// The row is alive and nobody else uses it for as long as the bytes are used.
    #[inline]
    pub(crate) unsafe fn bytes_mut<'a>(self) -> &'a mut [u8] {
        // SAFETY: header and term were written by `allocate`; the caller vouches for being alone.
        unsafe {
            let length = self.0.cast::<u32>().add(1).read() as usize;
            std::slice::from_raw_parts_mut(self.0.as_ptr().add(HEADER), length)
        }
    }

    /// The hash the row was allocated with.
    ///
    /// # Safety
    /// The row is alive.
    #[inline]
    pub(crate) unsafe fn hash(self) -> u32 {
        // SAFETY: written by `allocate`; the caller vouches for the row being alive.
        unsafe { self.0.cast::<u32>().read() }
    }

    /// The row's address as an index keeps it, never 0.
    #[inline]
    pub(crate) fn to_payload(self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64 >> ALIGNMENT_BITS
    }

    /// The row whose address this is.
    #[inline]
    pub(crate) fn from_payload(payload: u64) -> Row {
        Row(NonNull::new(std::ptr::with_exposed_provenance_mut(
            (payload << ALIGNMENT_BITS) as usize,
        ))
        .unwrap_or(NonNull::dangling()))
    }

    /// Bytes a row with this many term bytes takes.
    pub(crate) const fn size_for(term_bytes: usize) -> usize {
        HEADER + term_bytes
    }
}

/// The bytes of the key in a row that has been checked. O(position).
#[inline]
pub(crate) fn key_of(row: &[u8], key_position: usize) -> &[u8] {
    match term::element(row, key_position) {
        Some(range) => &row[range],
        None => panic!("a row without its key element was let into a table"),
    }
}
