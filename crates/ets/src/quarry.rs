//! Memory for the parts of a divided table, in pieces cut from large regions.
//!
//! The parts of a table are many and each is small, so what they allocate by themselves would never fill a large page, and a
//! random access to a large table would miss the TLB. Here they get their chunks from regions that the whole table shares;
//! the first are the chunks that the table had before it was divided. Pieces are powers of two; one given back waits in a list of
//! its size, and all regions go when the last part does. The lock is taken for a piece, not for a row, and nothing is called under it but the memory below.

use std::{
    ptr::NonNull,
    sync::{Arc, Mutex},
};

use crate::{
    RowMemory,
    directory::lock,
    huge_pages::{self, HUGE_PAGE},
};

/// Smallest piece, and the alignment of all: a cache line.
const SMALLEST: usize = 64;
const SMALLEST_REGION: usize = 64 * 1024;
const LARGEST_REGION: usize = 8 * 1024 * 1024;

/// See the module.
pub(crate) struct Quarry {
    memory: Arc<dyn RowMemory>,
    regions: Mutex<Regions>,
}

struct Regions {
    /// What was allocated, with its size.
    all: Vec<(NonNull<u8>, usize)>,
    /// Bytes of all regions.
    reserved: usize,
    /// The part of the last region that has not been cut yet.
    rest: NonNull<u8>,
    rest_bytes: usize,
    /// Pieces given back, by the logarithm of their size.
    free: [Vec<NonNull<u8>>; usize::BITS as usize],
}

// SAFETY: the regions belong to the quarry alone, and the memory may be used by any thread.
unsafe impl Send for Regions {}

impl Quarry {
    /// Owns regions from this memory from now on, of which a rest may be cut.
    pub(crate) fn over(
        memory: Arc<dyn RowMemory>,
        regions: Vec<(NonNull<u8>, usize)>,
        (rest, rest_bytes): (NonNull<u8>, usize),
    ) -> Quarry {
        let before = rest.align_offset(SMALLEST).min(rest_bytes);
        Quarry {
            memory,
            regions: Mutex::new(Regions {
                reserved: regions.iter().map(|(_, bytes)| bytes).sum(),
                all: regions,
                // SAFETY: the rest is at least that long.
                rest: unsafe { rest.add(before) },
                rest_bytes: rest_bytes - before,
                free: std::array::from_fn(|_| Vec::new()),
            }),
        }
    }

    /// A piece of `bytes` bytes, a power of two of at least 64, aligned to 64; none when there is no memory.
    pub(crate) fn cut(&self, bytes: usize) -> Option<NonNull<u8>> {
        debug_assert!(bytes.is_power_of_two() && bytes >= SMALLEST);
        let mut regions = lock(&self.regions);
        if let Some(piece) = regions.free[bytes.ilog2() as usize].pop() {
            return Some(piece);
        }
        if regions.rest_bytes < bytes {
            self.open(&mut regions, bytes)?;
        }
        let piece = regions.rest;
        // SAFETY: at least `bytes` are left of the region.
        regions.rest = unsafe { piece.add(bytes) };
        regions.rest_bytes -= bytes;
        Some(piece)
    }

    /// Opens a region with room for a piece. Regions double what there is.
    #[cold]
    fn open(&self, regions: &mut Regions, piece: usize) -> Option<()> {
        let wanted = regions
            .reserved
            .clamp(SMALLEST_REGION, LARGEST_REGION)
            .max(piece);
        let (start, size, bytes) = [wanted, piece].into_iter().find_map(|bytes| {
            let size = bytes + alignment(bytes);
            Some((self.memory.allocate(size)?, size, bytes))
        })?;
        regions.all.push((start, size));
        regions.reserved += bytes;
        // What is left of the region before is cut into pieces as large as possible.
        while regions.rest_bytes >= SMALLEST {
            let left = 1_usize << regions.rest_bytes.ilog2();
            let rest = regions.rest;
            regions.free[left.ilog2() as usize].push(rest);
            // SAFETY: `left` is at most what is left of the region.
            regions.rest = unsafe { rest.add(left) };
            regions.rest_bytes -= left;
        }
        let before = start.align_offset(alignment(bytes));
        // SAFETY: that many bytes were asked for more.
        regions.rest = unsafe { start.add(before) };
        regions.rest_bytes = bytes;
        huge_pages::advise(regions.rest.as_ptr(), bytes);
        Some(())
    }

    /// Takes a piece back.
    ///
    /// # Safety
    /// The piece came from `cut` of this quarry with the same size and is not used any more.
    pub(crate) unsafe fn give_back(&self, piece: NonNull<u8>, bytes: usize) {
        lock(&self.regions).free[bytes.ilog2() as usize].push(piece);
    }
}

fn alignment(region: usize) -> usize {
    if region >= HUGE_PAGE {
        HUGE_PAGE
    } else {
        SMALLEST
    }
}

impl Drop for Quarry {
    fn drop(&mut self) {
        for (start, size) in lock(&self.regions).all.drain(..) {
            // SAFETY: allocated in `open` with this size; who had a piece kept the quarry alive.
            unsafe { self.memory.free(start, size) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemMemory;

    #[test]
    fn pieces_do_not_overlap_and_are_used_again() {
        let quarry = Quarry::over(Arc::new(SystemMemory), Vec::new(), (NonNull::dangling(), 0));
        let mut pieces = Vec::new();
        for round in 0..3_u8 {
            for number in 0..3_000_usize {
                let bytes = 64 << (number * 7 % 9);
                let piece = quarry.cut(bytes).unwrap();
                assert!(piece.addr().get().is_multiple_of(SMALLEST));
                // SAFETY: the piece has this many bytes.
                unsafe { piece.write_bytes(number as u8 ^ round, bytes) };
                pieces.push((piece, bytes, number as u8 ^ round));
            }
            for (piece, bytes, value) in pieces.drain(usize::from(round) * 500..) {
                // SAFETY: as above, and given back once.
                unsafe {
                    let content = std::slice::from_raw_parts(piece.as_ptr(), bytes);
                    assert!(content.iter().all(|byte| *byte == value));
                    quarry.give_back(piece, bytes);
                }
            }
        }
        let reserved = lock(&quarry.regions).reserved;
        assert!(reserved < 3 * 3_000 * 64 * 511 / 9 * 2, "{reserved}");
    }
}
