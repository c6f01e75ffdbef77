//! The buckets of an index: an array that grows without moving what is in it.
//!
//! ```text
//!  segments:  [ 4 to 1024 ] [ 1024 ] [ 2048 ] [ 4096 ] ...
//! ```
//!
//! Only the first segment is ever replaced, by one twice as large, so that small tables stay small. Segments are fresh
//! zeroed memory, which the system hands out page by page as buckets come into use.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ptr::NonNull,
    sync::Arc,
};

use crate::{
    huge_pages::{self, HUGE_PAGE},
    quarry::Quarry,
};

pub(crate) const SLOTS: usize = 7;
/// Buckets in the first segment at most.
const SEGMENT: usize = 1024;

/// One cache line. All zero bytes are an empty bucket.
#[repr(C, align(64))]
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) slots: [u64; SLOTS],
    pub(crate) overflow: Option<Box<Bucket>>,
}

struct Segment {
    memory: Memory,
    first: NonNull<Bucket>,
    count: usize,
}

enum Memory {
    Own(NonNull<u8>, Layout),
    Piece(Arc<Quarry>),
}

// SAFETY: a segment owns its buckets, which may be sent.
unsafe impl Send for Segment {}
// SAFETY: shared access to a segment only reads its buckets.
unsafe impl Sync for Segment {}

impl Segment {
    fn new(count: usize, quarry: Option<&Arc<Quarry>>) -> Segment {
        quarry
            .and_then(|quarry| Segment::cut(count, quarry))
            .unwrap_or_else(|| Segment::allocate(count))
    }

    /// Empty buckets from a quarry of zeroes; a segment gives its piece back as it got it. The count is a power of two.
    fn cut(count: usize, quarry: &Arc<Quarry>) -> Option<Segment> {
        Some(Segment {
            first: quarry.cut(count * size_of::<Bucket>())?.cast(),
            memory: Memory::Piece(Arc::clone(quarry)),
            count,
        })
    }

    /// Empty buckets. Aligned by hand: asked for more than its natural alignment, the allocator would write the
    /// zeroes itself, all at once.
    fn allocate(count: usize) -> Segment {
        let bytes = count * size_of::<Bucket>();
        let alignment = if bytes >= HUGE_PAGE {
            HUGE_PAGE
        } else {
            align_of::<Bucket>()
        };
        let layout = Layout::from_size_align(bytes + alignment, align_of::<u64>())
            .unwrap_or_else(|_| panic!("{count} buckets are more than there is address space for"));
        // SAFETY: the size is not zero.
        let Some(memory) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout);
        };
        let offset = memory.align_offset(alignment);
        // SAFETY: the offset is below the alignment, by which the memory is longer than the buckets.
        let first = unsafe { memory.add(offset) };
        huge_pages::advise(first.as_ptr(), bytes);
        Segment {
            memory: Memory::Own(memory, layout),
            first: first.cast(),
            count,
        }
    }

    #[inline]
    fn buckets(&self) -> &[Bucket] {
        // SAFETY: `count` buckets begin at `first`, aligned and valid: all zero is an empty one.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }

    #[inline]
    fn buckets_mut(&mut self) -> &mut [Bucket] {
        // SAFETY: as in `buckets`, and the segment is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.first.as_ptr(), self.count) }
    }
}

impl Drop for Segment {
    /// Frees the memory alone: [`Buckets`] knows which buckets can have overflow buckets.
    fn drop(&mut self) {
        match &self.memory {
            // SAFETY: allocated in `allocate` with this layout.
            Memory::Own(memory, layout) => unsafe { dealloc(memory.as_ptr(), *layout) },
            // SAFETY: cut in `cut` with this size. Whoever gets it next finds zeroes.
            Memory::Piece(quarry) => unsafe {
                self.first.write_bytes(0, self.count);
                quarry.give_back(self.first.cast(), self.count * size_of::<Bucket>());
            },
        }
    }
}

/// See the module. Buckets beyond those in use are empty.
pub(crate) struct Buckets {
    segments: Vec<Segment>,
    in_use: usize,
    /// Where segments come from if the table is divided.
    quarry: Option<Arc<Quarry>>,
}

/// Segment and place within it.
#[inline]
fn place(number: usize) -> (usize, usize) {
    if number < SEGMENT {
        return (0, number);
    }
    let segment = (number / SEGMENT).ilog2() as usize;
    (segment + 1, number - (SEGMENT << segment))
}

impl Buckets {
    /// `count` is a power of two.
    pub(crate) fn new(count: usize, quarry: Option<Arc<Quarry>>) -> Buckets {
        Buckets {
            segments: vec![Segment::new(count, quarry.as_ref())],
            in_use: count,
            quarry,
        }
    }

    pub(crate) fn quarry(&self) -> Option<&Arc<Quarry>> {
        self.quarry.as_ref()
    }

    #[inline]
    pub(crate) fn get(&self, number: usize) -> &Bucket {
        let (segment, at) = place(number);
        &self.segments[segment].buckets()[at]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: usize) -> &mut Bucket {
        let (segment, at) = place(number);
        &mut self.segments[segment].buckets_mut()[at]
    }

    /// One bucket more in use.
    pub(crate) fn grow(&mut self) {
        let (segment, at) = place(self.in_use);
        if segment == self.segments.len() {
            self.segments
                .push(Segment::new(SEGMENT << (segment - 1), self.quarry.as_ref()));
        } else if segment == 0 && at == self.segments[0].count {
            let mut grown = Segment::new(2 * at, self.quarry.as_ref());
            let old = self.segments[0].buckets_mut();
            for (new, old) in grown.buckets_mut().iter_mut().zip(old) {
                std::mem::swap(new, old);
            }
            self.segments[0] = grown;
        }
        self.in_use += 1;
    }

    /// One bucket, which is empty, fewer in use. A segment goes when its buckets and as many before them are not used,
    /// so that one at a segment's edge is not allocated and freed all the time.
    pub(crate) fn shrink(&mut self) {
        self.in_use -= 1;
        while let (last, true) = (self.segments.len() - 1, self.segments.len() > 1)
            && self.in_use <= (SEGMENT << (last - 1)) / 2
        {
            self.segments.pop();
        }
    }

    /// Bytes of the buckets in use.
    pub(crate) fn memory(&self) -> usize {
        self.in_use * size_of::<Bucket>() + self.segments.capacity() * size_of::<Segment>()
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        for number in 0..self.in_use {
            self.get_mut(number).overflow = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_keep_their_contents_and_their_place_while_the_array_grows_and_shrinks() {
        let mut buckets = Buckets::new(4, None);
        for number in 4..100_000 {
            buckets.grow();
            assert_eq!(buckets.get(number).slots, [0; SLOTS]);
            buckets.get_mut(number).slots[0] = number as u64;
        }
        let place = std::ptr::from_ref(buckets.get(5_000));
        for number in (6_000..100_000).rev() {
            assert_eq!(
                std::mem::take(&mut buckets.get_mut(number).slots[0]),
                number as u64
            );
            buckets.shrink();
        }
        assert_eq!(std::ptr::from_ref(buckets.get(5_000)), place);
        assert!((4..6_000).all(|number| buckets.get(number).slots[0] == number as u64));
        assert!(place.addr().is_multiple_of(64));
    }
}
