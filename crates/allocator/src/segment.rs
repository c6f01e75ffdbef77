//! Segments: the memory carriers are made of, and the cache that keeps freed ones (OTP's `erl_mseg.c`).
//!
//! Segments come from `std::alloc`. Multiblock carriers need the alignment that lets a block find its carrier;
//! single-block carriers do not, and go without, so that the system may grow them with `mremap`.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::block::{ALIGNMENT, CARRIER_UNIT};

const PAGE: usize = 4096;

/// OTP's `+MMrmcbf` and `+MMamcbf`: how much larger than asked for a cached segment may be.
const MOST_UNUSED_PERCENT: usize = 20;
const MOST_UNUSED_BYTES: usize = 4 * 1024 * 1024;

/// What a segment is for, which decides its alignment and the unit of its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentUse {
    MultiBlock,
    SingleBlock,
}

impl SegmentUse {
    fn alignment(self) -> usize {
        match self {
            SegmentUse::MultiBlock => CARRIER_UNIT,
            SegmentUse::SingleBlock => ALIGNMENT,
        }
    }

    /// `size` rounded up to what is really allocated.
    pub(crate) fn round(self, size: usize) -> usize {
        let unit = match self {
            SegmentUse::MultiBlock => CARRIER_UNIT,
            SegmentUse::SingleBlock => PAGE,
        };
        size.next_multiple_of(unit)
    }

    fn layout(self, size: usize) -> Layout {
        Layout::from_size_align(size, self.alignment())
            .expect("segment sizes stay far below isize::MAX")
    }
}

/// One stretch of memory from the system. Owned: it is given back by [`SegmentCache::give`] or [`Segment::release`].
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base: NonNull<u8>,
    pub(crate) size: usize,
    pub(crate) purpose: SegmentUse,
}

impl Segment {
    fn acquire(size: usize, purpose: SegmentUse) -> Option<Segment> {
        // SAFETY: callers round sizes up to a unit, so the size is not zero.
        let base = unsafe { std::alloc::alloc(purpose.layout(size)) };
        NonNull::new(base).map(|base| Segment {
            base,
            size,
            purpose,
        })
    }

    /// Gives the memory back to the system.
    pub(crate) fn release(self) {
        // SAFETY: allocated in `acquire` or `resize` with this layout, and `self` owns it.
        unsafe { std::alloc::dealloc(self.base.as_ptr(), self.purpose.layout(self.size)) }
    }

    /// Changes the size of a single-block segment, moving it if need be; the contents go along. On failure the
    /// segment comes back as it was.
    pub(crate) fn resize(self, new_size: usize) -> Result<Segment, Segment> {
        debug_assert_eq!(self.purpose, SegmentUse::SingleBlock);
        let layout = self.purpose.layout(self.size);
        // SAFETY: allocated with this layout, the new size is a positive multiple of the page.
        let base = unsafe { std::alloc::realloc(self.base.as_ptr(), layout, new_size) };
        match NonNull::new(base) {
            Some(base) => Ok(Segment {
                base,
                size: new_size,
                purpose: self.purpose,
            }),
            None => Err(self),
        }
    }
}

/// Freed segments, oldest first, at most `limit` (`+MMmcs`). The linear search is over at most 30 entries.
#[derive(Debug)]
pub(crate) struct SegmentCache {
    kept: Vec<Segment>,
    limit: usize,
}

// SAFETY: a cache owns its segments; nobody else points into them.
unsafe impl Send for SegmentCache {}

impl SegmentCache {
    pub(crate) fn new(limit: usize) -> SegmentCache {
        SegmentCache {
            kept: Vec::with_capacity(limit),
            limit,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.kept.iter().map(|segment| segment.size).sum()
    }

    /// A segment of at least `size` bytes: the best fitting cached one, else a fresh one. None when the system has
    /// no memory.
    pub(crate) fn take(&mut self, size: usize, purpose: SegmentUse) -> Option<Segment> {
        let size = purpose.round(size);
        let most = size + (size / 100 * MOST_UNUSED_PERCENT).min(MOST_UNUSED_BYTES);
        let best = self
            .kept
            .iter()
            .enumerate()
            .filter(|(_, kept)| kept.purpose == purpose && (size..=most).contains(&kept.size))
            .min_by_key(|(_, kept)| kept.size)
            .map(|(index, _)| index);
        match best {
            Some(index) => Some(self.kept.remove(index)),
            None => Segment::acquire(size, purpose),
        }
    }

    /// Keeps a segment for later; the oldest goes back to the system when there are too many.
    pub(crate) fn give(&mut self, segment: Segment) {
        if self.limit == 0 {
            return segment.release();
        }
        if self.kept.len() == self.limit {
            self.kept.remove(0).release();
        }
        self.kept.push(segment);
    }

    /// Gives every kept segment back to the system.
    pub(crate) fn clear(&mut self) {
        self.kept.drain(..).for_each(Segment::release);
    }
}

impl Drop for SegmentCache {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn takes_the_best_fitting_segment_and_drops_the_oldest() {
        let mut cache = SegmentCache::new(2);
        let sizes = [10, 11, 12].map(|units| units * CARRIER_UNIT);
        let segments = sizes.map(|size| cache.take(size, SegmentUse::MultiBlock).unwrap());
        let bases = [1, 2].map(|index: usize| segments[index].base);
        for segment in segments {
            assert!(segment.base.as_ptr().addr().is_multiple_of(CARRIER_UNIT));
            cache.give(segment);
        }
        assert_eq!((cache.len(), cache.bytes()), (2, sizes[1] + sizes[2]));
        let again = cache.take(sizes[1], SegmentUse::MultiBlock).unwrap();
        assert_eq!(again.base, bases[0]);
        cache.give(again);
    }

    #[test]
    fn a_bad_fit_or_another_use_gets_a_fresh_segment() {
        let mut cache = SegmentCache::new(4);
        let segment = cache
            .take(20 * CARRIER_UNIT, SegmentUse::MultiBlock)
            .unwrap();
        cache.give(segment);
        for purpose in [SegmentUse::MultiBlock, SegmentUse::SingleBlock] {
            cache.take(CARRIER_UNIT, purpose).unwrap().release();
        }
        cache
            .take(20 * CARRIER_UNIT, SegmentUse::SingleBlock)
            .unwrap()
            .release();
        assert_eq!(cache.len(), 1);
    }
}
