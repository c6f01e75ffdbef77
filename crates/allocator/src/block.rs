//! Blocks and their boundary tags.
//!
//! Source: Knuth's boundary tags (TAOCP 1, 2.5) in the form of OTP's `erl_alloc_util.c`: the header of an allocated
//! block also says how far back its carrier begins, so a block finds its carrier without a lookup.
//!
//! Invariant: no two free blocks are neighbours (coalescing is immediate), so a block before a free block is always
//! allocated, and the footer is needed in free blocks only.

use std::ptr::NonNull;

use crate::carrier::{Carrier, FIRST_BLOCK_OFFSET};
use crate::sync::{Ordering, PlainWord};

/// Payload alignment, and the unit of block sizes: four bits of the header stay free for flags.
pub(crate) const ALIGNMENT: usize = 16;
/// Bytes in front of the payload.
pub(crate) const HEADER_SIZE: usize = 8;
/// A free block must hold its header, three tree pointers and the footer.
pub(crate) const MIN_BLOCK_SIZE: usize = 48;
/// Multiblock carriers start at multiples of this (OTP: `ERTS_SACRR_UNIT_SZ`).
pub(crate) const CARRIER_UNIT: usize = 1 << CARRIER_UNIT_SHIFT;
const CARRIER_UNIT_SHIFT: u32 = 18;

/// The most a caller may ask for; keeps every size inside the header's 36 bits.
pub(crate) const MAX_REQUEST: usize = (1 << OFFSET_SHIFT) - 4 * CARRIER_UNIT;

const FREE: usize = 1;
const PREVIOUS_FREE: usize = 1 << 1;
const LAST: usize = 1 << 2;
const SINGLE: usize = 1 << 3;
const OFFSET_SHIFT: u32 = 40;
const SIZE_MASK: usize = (1 << OFFSET_SHIFT) - ALIGNMENT;

/// Bytes a block needs for `request` payload bytes. `request` is at most [`MAX_REQUEST`].
#[inline]
pub(crate) const fn block_size_for(request: usize) -> usize {
    let size = (request + HEADER_SIZE + ALIGNMENT - 1) & !(ALIGNMENT - 1);
    if size < MIN_BLOCK_SIZE {
        MIN_BLOCK_SIZE
    } else {
        size
    }
}

/// A pointer to a block's header.
///
/// ```text
/// allocated                              free
///
///          +--------------------------+           +--------------------------+
/// 8 mod 16 | header                   |  8 mod 16 | header                   |
///          +--------------------------+           +--------------------------+
/// payload  | the user's bytes, to the |  payload  | parent and colour        |
/// 0 mod 16 | very end of the block    |           | left                     |
///          |                          |           | right                    |
///          |                          |           |   ... unused ...         |
///          |                          |           | footer: size             |
///          +--------------------------+           +--------------------------+
///
/// header    63            40 39                             4  3  2  1  0
///          +----------------+--------------------------------+--+--+--+--+
///          | carrier offset | size in bytes, multiple of 16  | S| L| P| F|
///          +----------------+--------------------------------+--+--+--+--+
///
/// F  this block is free            P  the block before is free (its footer is right before this header)
/// L  last block of its carrier     S  single block: the carrier's header is right before this header
/// carrier offset: 256 KiB units from the carrier's start to the unit in which this header lies
/// ```
///
/// The owner changes P in a neighbour's header while that neighbour's user, on another thread, may read the size or
/// find the carrier. So headers are read and written as relaxed atomics: the fields a foreign thread looks at (size,
/// offset, S) do not change while the block is allocated, hence no ordering is needed and no partner exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(NonNull<u8>);

impl Block {
    /// # Safety
    /// `address` is where a block's header is or will be, inside a carrier.
    #[inline]
    pub(crate) const unsafe fn at(address: *mut u8) -> Block {
        // SAFETY: an address inside a carrier is not null.
        Block(unsafe { NonNull::new_unchecked(address) })
    }

    /// # Safety
    /// `payload` came from [`Block::payload`].
    #[inline]
    pub(crate) unsafe fn from_payload(payload: NonNull<u8>) -> Block {
        // SAFETY: the header is right before the payload, in the same carrier.
        Block(unsafe { payload.sub(HEADER_SIZE) })
    }

    #[inline]
    pub(crate) fn payload(self) -> NonNull<u8> {
        // SAFETY: a block is larger than its header.
        unsafe { self.0.add(HEADER_SIZE) }
    }

    #[inline]
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr().addr()
    }

    /// # Safety
    /// Here and in all methods below: the header of this block has been written and its carrier lives.
    #[inline]
    unsafe fn header(self) -> usize {
        // SAFETY: 8-byte aligned, inside the carrier, only accessed atomically.
        unsafe { PlainWord::from_ptr(self.0.as_ptr().cast()) }.load(Ordering::Relaxed)
    }

    #[inline]
    unsafe fn set_header(self, header: usize) {
        // SAFETY: as in `header`.
        unsafe { PlainWord::from_ptr(self.0.as_ptr().cast()) }.store(header, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) unsafe fn size(self) -> usize {
        // SAFETY: passed on to the caller.
        unsafe { self.header() & SIZE_MASK }
    }

    #[inline]
    pub(crate) unsafe fn is_free(self) -> bool {
        // SAFETY: passed on to the caller.
        unsafe { self.header() & FREE != 0 }
    }

    #[inline]
    pub(crate) unsafe fn is_previous_free(self) -> bool {
        // SAFETY: passed on to the caller.
        unsafe { self.header() & PREVIOUS_FREE != 0 }
    }

    #[inline]
    pub(crate) unsafe fn is_last(self) -> bool {
        // SAFETY: passed on to the caller.
        unsafe { self.header() & LAST != 0 }
    }

    #[inline]
    pub(crate) unsafe fn is_single(self) -> bool {
        // SAFETY: passed on to the caller.
        unsafe { self.header() & SINGLE != 0 }
    }

    /// Size and carrier from one look at the header, for the hot path: relaxed loads are not merged.
    #[inline]
    pub(crate) unsafe fn size_and_carrier(self) -> (usize, *mut Carrier) {
        // SAFETY: passed on to the caller.
        let header = unsafe { self.header() };
        let start = self.0.as_ptr();
        let carrier = if header & SINGLE != 0 {
            // SAFETY: a single block lies at this fixed distance from its carrier.
            unsafe { start.sub(FIRST_BLOCK_OFFSET) }
        } else {
            let offset = (header >> OFFSET_SHIFT) << CARRIER_UNIT_SHIFT;
            start.map_addr(|address| (address & !(CARRIER_UNIT - 1)) - offset)
        };
        (header & SIZE_MASK, carrier.cast())
    }

    /// The carrier this block lies in. O(1).
    #[inline]
    pub(crate) unsafe fn carrier(self) -> *mut Carrier {
        // SAFETY: passed on to the caller.
        unsafe { self.size_and_carrier().1 }
    }

    /// The block behind this one.
    ///
    /// # Safety
    /// This block is not the last.
    #[inline]
    pub(crate) unsafe fn next(self) -> Block {
        // SAFETY: blocks lie back to back and this is not the last.
        unsafe { Block(self.0.add(self.size())) }
    }

    /// The free block before this one.
    ///
    /// # Safety
    /// This block's header says that the block before is free.
    #[inline]
    pub(crate) unsafe fn previous(self) -> Block {
        // SAFETY: the word before this header is the footer of the free block before.
        unsafe {
            let size = self.0.cast::<usize>().sub(1).read();
            Block(self.0.sub(size))
        }
    }

    /// The size that a free block's footer tells.
    #[cfg(feature = "hard-checks")]
    pub(crate) unsafe fn footer(self) -> usize {
        // SAFETY: the footer is the block's last word.
        unsafe { self.0.add(self.size()).cast::<usize>().sub(1).read() }
    }

    #[inline]
    pub(crate) unsafe fn set_previous_free(self, free: bool) {
        // SAFETY: passed on to the caller.
        unsafe {
            let header = self.header();
            self.set_header(if free {
                header | PREVIOUS_FREE
            } else {
                header & !PREVIOUS_FREE
            });
        }
    }

    /// Writes header and footer of a free block. The block before a free block is never free.
    ///
    /// # Safety
    /// `size` bytes from here belong to `carrier`, a multiblock carrier, and to no other block.
    pub(crate) unsafe fn write_free(self, carrier: *mut Carrier, size: usize, last: bool) {
        let flags = FREE | if last { LAST } else { 0 };
        // SAFETY: passed on to the caller; the footer is the block's last word.
        unsafe {
            self.set_header(self.offset_bits(carrier) | size | flags);
            self.0.add(size).cast::<usize>().sub(1).write(size);
        }
    }

    /// Writes the header of an allocated block.
    ///
    /// # Safety
    /// As for [`Block::write_free`].
    #[inline]
    pub(crate) unsafe fn write_allocated(
        self,
        carrier: *mut Carrier,
        size: usize,
        previous_free: bool,
        last: bool,
    ) {
        let flags = if previous_free { PREVIOUS_FREE } else { 0 } | if last { LAST } else { 0 };
        // SAFETY: passed on to the caller.
        unsafe { self.set_header(self.offset_bits(carrier) | size | flags) }
    }

    /// Writes the header of the only block of a single-block carrier.
    ///
    /// # Safety
    /// The carrier's header ends right before this header and `size` bytes follow.
    pub(crate) unsafe fn write_single(self, size: usize) {
        // SAFETY: passed on to the caller.
        unsafe { self.set_header(size | LAST | SINGLE) }
    }

    #[inline]
    fn offset_bits(self, carrier: *mut Carrier) -> usize {
        ((self.address() >> CARRIER_UNIT_SHIFT) - (carrier.addr() >> CARRIER_UNIT_SHIFT))
            << OFFSET_SHIFT
    }
}
