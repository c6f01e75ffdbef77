//! Carriers: segments with a header, filled with blocks.

use std::ptr::{self, NonNull};

use crate::AllocKind;
use crate::allocator::Heap;
use crate::block::{ALIGNMENT, Block, HEADER_SIZE};
use crate::owner::Owner;
use crate::segment::{Segment, SegmentUse};

/// Words of the carrier's header that the policy may use as it likes.
pub(crate) const POLICY_WORDS: usize = 8;

/// Where the first block's header lies. Its payload, 8 bytes on, is 16-byte aligned.
pub(crate) const FIRST_BLOCK_OFFSET: usize = size_of::<Carrier>() + HEADER_SIZE;

/// The header at the start of a carrier.
///
/// ```text
/// multiblock: starts at a multiple of 256 KiB
/// +---------+---+------------------+-------------+------------------+-----------+
/// | Carrier |pad| block, allocated | block, free | block, allocated | block ... |
/// +---------+---+------------------+-------------+------------------+-----------+
/// |<- 8 mod 16 ->                                                     L flag ^  |
///
/// single block: starts anywhere (16-byte aligned)
/// +---------+---+---------------------------------------------------------------+
/// | Carrier |pad| the one block (flags L and S)                                 |
/// +---------+---+---------------------------------------------------------------+
/// ```
///
/// `owner` and `kind` never change and may be read by any thread that holds a block of this carrier; all other fields
/// belong to the owner alone. For that reason nobody makes a reference to a whole `Carrier`.
#[repr(C, align(16))]
pub(crate) struct Carrier {
    /// To whom blocks are given back.
    pub(crate) owner: *const Owner<Heap>,
    /// Bytes of the segment.
    pub(crate) segment_size: usize,
    /// Neighbours in the list of the instance's carriers of this use.
    pub(crate) next: *mut Carrier,
    pub(crate) previous: *mut Carrier,
    /// Which instance of the owner.
    pub(crate) kind: AllocKind,
    purpose: SegmentUse,
    /// The policy's own data, for multiblock carriers.
    pub(crate) policy: [usize; POLICY_WORDS],
}

const _: () = assert!(FIRST_BLOCK_OFFSET % ALIGNMENT == HEADER_SIZE);

impl Carrier {
    /// Writes the header into a segment, which the carrier owns from now on.
    pub(crate) fn create(
        segment: Segment,
        owner: *const Owner<Heap>,
        kind: AllocKind,
    ) -> *mut Carrier {
        let carrier = segment.base.as_ptr().cast::<Carrier>();
        // SAFETY: a segment is aligned and larger than the header, and ours alone.
        unsafe {
            carrier.write(Carrier {
                owner,
                segment_size: segment.size,
                next: ptr::null_mut(),
                previous: ptr::null_mut(),
                kind,
                purpose: segment.purpose,
                policy: [0; POLICY_WORDS],
            });
        }
        carrier
    }

    /// Takes the segment back out.
    ///
    /// # Safety
    /// Nobody uses the carrier or a block of it any more.
    pub(crate) unsafe fn into_segment(carrier: *mut Carrier) -> Segment {
        // SAFETY: the carrier lives until the segment is given away, and is not null.
        unsafe {
            Segment {
                base: NonNull::new_unchecked(carrier.cast()),
                size: (*carrier).segment_size,
                purpose: (*carrier).purpose,
            }
        }
    }

    /// # Safety
    /// The carrier lives.
    pub(crate) unsafe fn first_block(carrier: *mut Carrier) -> Block {
        // SAFETY: every carrier has room for a block behind its header.
        unsafe { Block::at(carrier.cast::<u8>().add(FIRST_BLOCK_OFFSET)) }
    }

    /// Bytes of a carrier of `segment_size` bytes that blocks may fill.
    pub(crate) const fn room(segment_size: usize) -> usize {
        (segment_size - FIRST_BLOCK_OFFSET) & !(ALIGNMENT - 1)
    }
}

/// All carriers of one use, doubly linked through their headers.
#[derive(Debug)]
pub(crate) struct CarrierList {
    first: *mut Carrier,
    count: usize,
}

impl CarrierList {
    pub(crate) const fn new() -> CarrierList {
        CarrierList {
            first: ptr::null_mut(),
            count: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// # Safety
    /// The carrier lives and is in no list.
    pub(crate) unsafe fn push(&mut self, carrier: *mut Carrier) {
        // SAFETY: promised by the caller; listed carriers live.
        unsafe {
            (*carrier).previous = ptr::null_mut();
            (*carrier).next = self.first;
            if !self.first.is_null() {
                (*self.first).previous = carrier;
            }
        }
        self.first = carrier;
        self.count += 1;
    }

    /// # Safety
    /// The carrier is in this list.
    pub(crate) unsafe fn remove(&mut self, carrier: *mut Carrier) {
        // SAFETY: promised by the caller; listed carriers live.
        unsafe {
            let (previous, next) = ((*carrier).previous, (*carrier).next);
            if previous.is_null() {
                self.first = next;
            } else {
                (*previous).next = next;
            }
            if !next.is_null() {
                (*next).previous = previous;
            }
        }
        self.count -= 1;
    }

    /// The carriers, newest first. The next one is read before the current one is handed out, so that the caller
    /// may destroy what it gets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = *mut Carrier> + use<> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let current = next;
            if current.is_null() {
                return None;
            }
            // SAFETY: listed carriers live.
            next = unsafe { (*current).next };
            Some(current)
        })
    }
}
