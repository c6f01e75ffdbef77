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
    sync::{Arc, OnceLock},
};

use crate::huge_pages::{self, HUGE_PAGE};

pub(crate) const SLOTS: usize = 7;
/// Buckets in the first segment at most.
const SEGMENT: usize = 1024;
/// Segments beside the first: for more buckets than hashes have values.
const MORE_SEGMENTS: usize = 23;

/// One cache line. All zero bytes are an empty bucket.
#[repr(C, align(64))]
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) slots: [u64; SLOTS],
    pub(crate) overflow: Option<Box<Bucket>>,
}

/// Memory for buckets. It does not know whose they are.
struct Segment {
    memory: NonNull<u8>,
    layout: Layout,
    first: NonNull<Bucket>,
    count: usize,
}

// SAFETY: a segment is memory, which may be freed by any thread.
unsafe impl Send for Segment {}
// SAFETY: a shared segment only tells where it is.
unsafe impl Sync for Segment {}

impl Segment {
    /// Empty buckets. Aligned by hand: asked for more than its natural alignment, the allocator would write the
    /// zeroes itself, all at once.
    fn new(count: usize) -> Segment {
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
            memory,
            layout,
            first: first.cast(),
            count,
        }
    }
}

impl Drop for Segment {
    /// Frees the memory alone: [`Buckets`] knows which buckets can have overflow buckets.
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}

/// See the module. Buckets beyond those in use are empty.
///
/// The buckets of one array may belong to several of these, each to that which has the remainder of its number. They share segments
/// and nothing else: no two have a bucket in common.
pub(crate) struct Buckets {
    first: Arc<Segment>,
    /// Made with the first of them. The partner of each is itself: whoever needs it first allocates it for all.
    more: Option<Arc<[OnceLock<Segment>; MORE_SEGMENTS]>>,
    /// All of ours with lower numbers are in use.
    limit: usize,
    /// Ours have this remainder when divided by the number of parts, a power of two.
    part: usize,
    parts: usize,
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
    /// `count`, a power of two up to 1,024, are in use.
    pub(crate) fn new(count: usize) -> Buckets {
        Buckets {
            first: Arc::new(Segment::new(count)),
            more: None,
            limit: count,
            part: 0,
            parts: 1,
        }
    }

    /// Keeps the buckets whose numbers are multiples of `parts`, a power of two, and gives those with the other
    /// remainders away. Only of an array that is not divided yet.
    pub(crate) fn divide(&mut self, parts: usize) -> Vec<Buckets> {
        debug_assert!(self.parts == 1 && parts.is_power_of_two());
        // From now on nobody has the segments alone, and the first cannot be replaced.
        while self.first.count < SEGMENT {
            self.double_first();
        }
        let more = Arc::clone(self.more.get_or_insert_with(no_segments));
        self.parts = parts;
        let others = (1..parts).map(|part| Buckets {
            first: Arc::clone(&self.first),
            more: Some(Arc::clone(&more)),
            limit: self.limit,
            part,
            parts,
        });
        others.collect()
    }

    pub(crate) fn part(&self) -> usize {
        self.part
    }

    pub(crate) fn parts(&self) -> usize {
        self.parts
    }

    /// Where a bucket is; one of ours, whatever the number.
    #[inline]
    fn address(&self, number: usize) -> NonNull<Bucket> {
        let number = number & !(self.parts - 1) | self.part;
        let (segment, at) = place(number);
        let segment = match (segment, &self.more) {
            (0, _) => Some(&*self.first),
            (_, Some(more)) => more[segment - 1].get(),
            (_, None) => None,
        };
        match segment {
            // SAFETY: the segment has that many buckets.
            Some(segment) if at < segment.count => unsafe { segment.first.add(at) },
            _ => panic!("there is no bucket {number}"),
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: usize) -> &Bucket {
        // SAFETY: it is one of ours, so nobody writes to it while self is borrowed. All zero is an empty one.
        unsafe { self.address(number).as_ref() }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: usize) -> &mut Bucket {
        // SAFETY: as in `get`, and self is borrowed mutably.
        unsafe { self.address(number).as_mut() }
    }

    /// One more of ours is in use, the next.
    pub(crate) fn grow(&mut self, number: usize) {
        let (segment, at) = place(number);
        if segment > 0 {
            self.more.get_or_insert_with(no_segments)[segment - 1]
                .get_or_init(|| Segment::new(SEGMENT << (segment - 1)));
        } else if at >= self.first.count {
            self.double_first();
        }
        self.limit = number + 1;
    }

    /// Only of an array that is not divided.
    fn double_first(&mut self) {
        let count = self.first.count;
        let grown = Segment::new(2 * count);
        // SAFETY: both segments are ours alone and have this many buckets; those of the old are not used any more.
        unsafe {
            grown
                .first
                .copy_from_nonoverlapping(self.first.first, count)
        };
        self.first = Arc::new(grown);
    }

    /// The last of ours, which is empty, is not in use any more. Unless the array is divided, a segment goes when its buckets and
    /// half as many before them are not used, so that one at a segment's edge is not allocated and freed all the time.
    pub(crate) fn shrink(&mut self, number: usize) {
        self.limit = number;
        if let (segment @ 1.., 0) = place(2 * number)
            && let Some(more) = self.more.as_mut().and_then(Arc::get_mut)
        {
            more[segment - 1].take();
        }
    }

    /// Bytes that segments take beside their buckets.
    pub(crate) fn overhead(&self) -> usize {
        match self.more {
            Some(_) if self.part == 0 => size_of::<[OnceLock<Segment>; MORE_SEGMENTS]>(),
            _ => 0,
        }
    }
}

fn no_segments() -> Arc<[OnceLock<Segment>; MORE_SEGMENTS]> {
    Arc::new([const { OnceLock::new() }; MORE_SEGMENTS])
}

impl Drop for Buckets {
    fn drop(&mut self) {
        for number in (self.part..self.limit).step_by(self.parts) {
            self.get_mut(number).overflow = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_keep_their_contents_and_their_place_while_the_array_grows_and_shrinks() {
        let mut buckets = Buckets::new(4);
        for number in 4..100_000 {
            buckets.grow(number);
            assert_eq!(buckets.get(number).slots, [0; SLOTS]);
            buckets.get_mut(number).slots[0] = number as u64;
        }
        let place = std::ptr::from_ref(buckets.get(5_000));
        for number in (6_000..100_000).rev() {
            assert_eq!(
                std::mem::take(&mut buckets.get_mut(number).slots[0]),
                number as u64
            );
            buckets.shrink(number);
        }
        assert_eq!(std::ptr::from_ref(buckets.get(5_000)), place);
        assert!((4..6_000).all(|number| buckets.get(number).slots[0] == number as u64));
        assert!(place.addr().is_multiple_of(64));
    }
}
