//! Fragments: encoded terms on their way from one scheduler to another, in memory of the sender's allocator.
//!
//! ```text
//!  0            4              8                       8 + 8 * binaries
//!  +------------+--------------+---- ... -------------+---- ... --------+
//!  | term bytes | binaries     | u64 id of each       | the term        |
//!  +------------+--------------+---- ... -------------+---- ... --------+
//! ```
//!
//! A fragment holds one count of each shared binary in its list. Nothing here reads the term.

use std::ptr::NonNull;

use viga_allocator::AllocKind;

use crate::{binaries, thread_memory};

/// Bytes before the list of binaries.
const HEAD: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Fragment {
    memory: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to the fragment alone and is freed from whatever thread drops it.
unsafe impl Send for Fragment {}

/// Why a record could not be made a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// It is not laid out as the module says, or ends too early.
    Malformed,
    /// It names a binary that is gone.
    NoSuchBinary,
    /// The system has no memory left for it.
    OutOfMemory,
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
}

fn ids(record: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let count = word(record, 4).unwrap_or(0);
    record[HEAD..HEAD + count * 8]
        .chunks_exact(8)
        .map(|id| u64::from_le_bytes(id.try_into().unwrap_or_default()))
}

impl Fragment {
    /// A copy of the record that `bytes` begin with. O(length).
    pub fn copy_of(bytes: &[u8]) -> Result<Fragment, RecordError> {
        let term = word(bytes, 0).ok_or(RecordError::Malformed)?;
        let binaries = word(bytes, 4).ok_or(RecordError::Malformed)?;
        let length = HEAD + binaries * 8 + term;
        let record = bytes.get(..length).ok_or(RecordError::Malformed)?;
        let memory =
            thread_memory::allocate(AllocKind::Message, length).ok_or(RecordError::OutOfMemory)?;
        // SAFETY: the block has `length` bytes and is nobody else's.
        unsafe { memory.copy_from_nonoverlapping(NonNull::from(record).cast(), length) };
        if binaries != 0
            && let Err(held) = retain_all(record)
        {
            ids(record).take(held).for_each(binaries::release);
            // SAFETY: allocated above and known to nobody.
            unsafe { thread_memory::free(memory) };
            return Err(RecordError::NoSuchBinary);
        }
        Ok(Fragment { memory, length })
    }

    /// The record.
    #[inline]
    pub fn record(&self) -> &[u8] {
        // SAFETY: `copy_of` filled so many bytes, and nothing changes them.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), self.length) }
    }

    /// Another fragment with the same content, in memory of the calling thread. `None` without memory.
    pub fn duplicate(&self) -> Option<Fragment> {
        Fragment::copy_of(self.record()).ok()
    }
}

/// Counts each binary once more; how many were counted when one of them is gone.
fn retain_all(record: &[u8]) -> Result<(), usize> {
    for (place, id) in ids(record).enumerate() {
        if !binaries::retain(id) {
            return Err(place);
        }
    }
    Ok(())
}

impl Drop for Fragment {
    fn drop(&mut self) {
        if word(self.record(), 4) != Some(0) {
            ids(self.record()).for_each(binaries::release);
        }
        // SAFETY: the block came from `allocate` and is the fragment's alone.
        unsafe { thread_memory::free_soon(self.memory) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(term: &[u8]) -> Vec<u8> {
        let mut bytes = (term.len() as u32).to_le_bytes().to_vec();
        bytes.extend(0u32.to_le_bytes());
        bytes.extend(term);
        bytes
    }

    #[test]
    fn a_record_is_copied_and_freed_by_another_thread() {
        let mut bytes = record(b"hello");
        bytes.extend(b"what follows is not part of it");
        let fragment = Fragment::copy_of(&bytes).unwrap();
        let other = std::thread::spawn(move || {
            assert_eq!(fragment.record(), record(b"hello"));
            fragment.duplicate().unwrap().record().len()
        });
        assert_eq!(other.join().unwrap(), 13);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for bytes in [&b""[..], b"1234567", &record(b"hello")[..12]] {
            assert_eq!(
                Fragment::copy_of(bytes).unwrap_err(),
                RecordError::Malformed
            );
        }
        let mut bytes = 0u32.to_le_bytes().to_vec();
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(u64::MAX.to_le_bytes());
        assert_eq!(
            Fragment::copy_of(&bytes).unwrap_err(),
            RecordError::NoSuchBinary
        );
    }
}
