//! The mechanism: cutting blocks from carriers and merging them back, for one kind of one scheduler.
//!
//! Source: OTP's `erl_alloc_util.c`: `mbc_alloc`, `mbc_free` (immediate coalescing with both neighbours),
//! `mbc_realloc`, `create_carrier` and `get_next_mbc_size`. Departures: no main carrier is kept (the segment cache
//! makes coming back cheap), and carriers do not migrate between schedulers.
//!
//! The life of a block:
//!
//! ```text
//!              occupy                    free                   (class full, large, flush)
//! free block ---------> held by a user ---------> front cache ------------------------------> release: merged with
//!     ^                      ^                        |                                       free neighbours
//!     |                      +------------------------+                                              |
//!     +-----------------------------------------------------------------------------------------------+
//! ```

use crate::allocator::Heap;
use crate::block::{ALIGNMENT, Block, HEADER_SIZE, MAX_REQUEST, MIN_BLOCK_SIZE, block_size_for};
use crate::carrier::{Carrier, CarrierList, FIRST_BLOCK_OFFSET};
use crate::front_cache::FrontCache;
use crate::owner::Owner;
use crate::policy::Policy;
use crate::segment::{Segment, SegmentCache, SegmentUse};
use crate::statistics::{Counters, KindCounters};
use crate::sync::PlainArc;
use crate::{AllocError, AllocKind, Tunables};

/// The carriers of one kind, and what is known about them.
pub(crate) struct Instance {
    pub(crate) kind: AllocKind,
    tunables: Tunables,
    owner: *const Owner<Heap>,
    pub(crate) policy: Box<dyn Policy>,
    pub(crate) front: FrontCache,
    pub(crate) multi: CarrierList,
    pub(crate) single: CarrierList,
    counters: PlainArc<KindCounters>,
    shared_counters: PlainArc<Counters>,
}

// Safety of the methods below: a block that is passed in belongs to this instance, is allocated, and is not used by
// anybody else; the caller promises it.

impl Instance {
    pub(crate) fn new(
        kind: AllocKind,
        tunables: Tunables,
        owner: *const Owner<Heap>,
        shared_counters: PlainArc<Counters>,
    ) -> Instance {
        Instance {
            kind,
            tunables,
            owner,
            policy: tunables.strategy.create(),
            front: FrontCache::new(tunables.front_cache_bytes),
            multi: CarrierList::new(),
            single: CarrierList::new(),
            counters: PlainArc::clone(&shared_counters.kinds[kind as usize]),
            shared_counters,
        }
    }

    #[inline]
    pub(crate) fn counters(&self) -> &KindCounters {
        &self.counters
    }

    /// A block with room for `request` bytes. O(1) from the front cache, O(log n) in free blocks otherwise.
    #[inline]
    pub(crate) fn allocate(
        &mut self,
        request: usize,
        segments: &mut SegmentCache,
    ) -> Result<Block, AllocError> {
        let (block, size) = self.obtain(request, segments)?;
        self.counters().block_given(size);
        Ok(block)
    }

    /// Takes a block of `size` bytes back.
    #[inline]
    pub(crate) unsafe fn free(&mut self, block: Block, size: usize, segments: &mut SegmentCache) {
        self.counters().block_taken_back(size);
        // SAFETY: see the top of the impl.
        unsafe { self.dispose(block, size, segments) }
    }

    /// Changes the size of a block, in place where that is possible. The block stays as it was on failure.
    pub(crate) unsafe fn reallocate(
        &mut self,
        block: Block,
        request: usize,
        segments: &mut SegmentCache,
    ) -> Result<Block, AllocError> {
        if request > MAX_REQUEST {
            return Err(AllocError::TooLarge {
                size: request,
                limit: MAX_REQUEST,
            });
        }
        let size = block_size_for(request);
        let wants_single = size >= self.tunables.single_block_threshold;
        // SAFETY: see the top of the impl.
        unsafe {
            let before = block.size();
            let result = match (block.is_single(), wants_single) {
                (true, true) => self.resize_single(block, size, segments)?,
                (false, false) if size <= before => self.shrink(block, size, segments),
                (false, false) if self.grow_in_place(block, size) => block,
                _ => self.move_to_new(block, request, segments)?,
            };
            let counters = self.counters();
            counters.reallocations.add(1);
            counters.block_bytes.subtract(before);
            counters.grow_by(result.size());
            Ok(result)
        }
    }

    /// Gives the front cache's blocks back to their carriers.
    pub(crate) fn flush(&mut self, segments: &mut SegmentCache) {
        while let Some(block) = self.front.pop_any() {
            // SAFETY: a block in the front cache is allocated and nobody else's.
            unsafe { self.release(block, segments) };
        }
    }

    /// A block and its size.
    #[inline]
    fn obtain(
        &mut self,
        request: usize,
        segments: &mut SegmentCache,
    ) -> Result<(Block, usize), AllocError> {
        if request > MAX_REQUEST {
            return Err(AllocError::TooLarge {
                size: request,
                limit: MAX_REQUEST,
            });
        }
        let size = block_size_for(request);
        if let Some(block) = self.front.pop(size) {
            return Ok((block, size));
        }
        self.obtain_from_carriers(size, segments)
            .ok_or(AllocError::OutOfMemory { size: request })
    }

    #[inline(never)]
    fn obtain_from_carriers(
        &mut self,
        size: usize,
        segments: &mut SegmentCache,
    ) -> Option<(Block, usize)> {
        let block = if size >= self.tunables.single_block_threshold {
            self.create_single(size, segments)
        } else {
            self.cut(size, segments)
        }?;
        // SAFETY: just made.
        Some((block, unsafe { block.size() }))
    }

    /// Keeps a block in the front cache or gives it back to its carrier.
    #[inline]
    unsafe fn dispose(&mut self, block: Block, size: usize, segments: &mut SegmentCache) {
        // SAFETY: see the top of the impl. A single block fills at least a page, which no class of the front cache
        // takes.
        unsafe {
            if !self.front.push(block, size) {
                self.give_to_carrier(block, segments);
            }
        }
    }

    #[inline(never)]
    unsafe fn give_to_carrier(&mut self, block: Block, segments: &mut SegmentCache) {
        // SAFETY: see the top of the impl.
        unsafe {
            if block.is_single() {
                self.destroy_single(block, segments);
            } else {
                self.release(block, segments);
            }
        }
    }

    /// Cuts a block of `size` bytes from a free one, making a carrier if none has room.
    fn cut(&mut self, size: usize, segments: &mut SegmentCache) -> Option<Block> {
        let block = match self.policy.find(size) {
            Some(block) => block,
            None => {
                self.create_multi(size, segments)?;
                self.policy.find(size)?
            }
        };
        // SAFETY: the policy found a free block that is large enough.
        unsafe {
            let (region, last) = (block.size(), block.is_last());
            self.policy.unlink(block);
            // The block before a free block is never free.
            let taken = self.occupy(block, region, size, false, last);
            let counters = self.counters();
            counters.cut_blocks.add(1);
            counters.cut_bytes.add(taken);
        }
        Some(block)
    }

    /// Makes the first `size` bytes of an unlinked region an allocated block. The rest becomes a free block if it
    /// can hold one, else it goes along. Returns the block's size.
    ///
    /// # Safety
    /// `region` bytes from `block` are in one multiblock carrier and in no linked block; the block behind them, if
    /// they are not the last, knows that it follows a free one.
    unsafe fn occupy(
        &mut self,
        block: Block,
        region: usize,
        size: usize,
        previous_free: bool,
        last: bool,
    ) -> usize {
        let rest = region - size;
        // SAFETY: promised by the caller; the header still tells the carrier.
        unsafe {
            let carrier = block.carrier();
            if rest >= MIN_BLOCK_SIZE {
                block.write_allocated(carrier, size, previous_free, false);
                let tail = block.next();
                tail.write_free(carrier, rest, last);
                self.policy.link(tail);
                return size;
            }
            block.write_allocated(carrier, region, previous_free, last);
            if !last {
                block.next().set_previous_free(false);
            }
            region
        }
    }

    /// Makes an allocated block free, merged with its free neighbours; a carrier that is empty now goes.
    unsafe fn release(&mut self, block: Block, segments: &mut SegmentCache) {
        // SAFETY: see the top of the impl; neighbours are found through valid boundary tags.
        unsafe {
            let carrier = block.carrier();
            let (mut start, mut size, mut last) = (block, block.size(), block.is_last());
            let counters = self.counters();
            counters.cut_blocks.subtract(1);
            counters.cut_bytes.subtract(size);
            if !last {
                let next = block.next();
                if next.is_free() {
                    self.policy.unlink(next);
                    size += next.size();
                    last = next.is_last();
                } else {
                    next.set_previous_free(true);
                }
            }
            if block.is_previous_free() {
                start = block.previous();
                self.policy.unlink(start);
                size += start.size();
            }
            if last && start == Carrier::first_block(carrier) {
                return self.destroy_multi(carrier, segments);
            }
            start.write_free(carrier, size, last);
            self.policy.link(start);
        }
    }

    /// Cuts off the tail where it can be a block of its own.
    unsafe fn shrink(&mut self, block: Block, size: usize, segments: &mut SegmentCache) -> Block {
        // SAFETY: see the top of the impl.
        unsafe {
            let (carrier, before, last) = (block.carrier(), block.size(), block.is_last());
            if before - size >= MIN_BLOCK_SIZE {
                block.write_allocated(carrier, size, block.is_previous_free(), false);
                let tail = block.next();
                tail.write_allocated(carrier, before - size, false, last);
                self.counters().cut_blocks.add(1);
                self.release(tail, segments);
            }
        }
        block
    }

    /// Takes what is missing from the free block behind; false if there is none or it is too small.
    unsafe fn grow_in_place(&mut self, block: Block, size: usize) -> bool {
        // SAFETY: see the top of the impl.
        unsafe {
            if block.is_last() || !block.next().is_free() {
                return false;
            }
            let (before, next) = (block.size(), block.next());
            let (region, last) = (before + next.size(), next.is_last());
            if region < size {
                return false;
            }
            self.policy.unlink(next);
            let taken = self.occupy(block, region, size, block.is_previous_free(), last);
            self.counters().cut_bytes.add(taken - before);
            true
        }
    }

    unsafe fn move_to_new(
        &mut self,
        block: Block,
        request: usize,
        segments: &mut SegmentCache,
    ) -> Result<Block, AllocError> {
        let (new, _) = self.obtain(request, segments)?;
        // SAFETY: two blocks of at least so many bytes; they do not overlap.
        unsafe {
            let size = block.size();
            let bytes = request.min(size - HEADER_SIZE);
            block.payload().copy_to_nonoverlapping(new.payload(), bytes);
            self.dispose(block, size, segments);
        }
        Ok(new)
    }

    /// How large the next multiblock carrier is (OTP: `get_next_mbc_size`): from smallest to largest in equal steps.
    fn next_carrier_size(&self) -> usize {
        let Tunables {
            smallest_carrier,
            largest_carrier,
            growth_stages,
            ..
        } = self.tunables;
        let stage = self.multi.len().min(growth_stages);
        smallest_carrier + (largest_carrier - smallest_carrier) * stage / growth_stages
    }

    /// Makes a carrier with a free block of at least `size` bytes.
    fn create_multi(&mut self, size: usize, segments: &mut SegmentCache) -> Option<()> {
        let needed = FIRST_BLOCK_OFFSET + size + ALIGNMENT;
        let wanted = self.next_carrier_size().max(needed);
        let segment = segments
            .take(wanted, SegmentUse::MultiBlock)
            .or_else(|| segments.take(needed, SegmentUse::MultiBlock))?;
        let room = Carrier::room(segment.size);
        let counters = self.counters();
        counters.multi_block_carriers.add(1);
        counters.multi_block_carrier_bytes.add(segment.size);
        counters.note_carriers();
        self.note_segments(segments);
        let carrier = Carrier::create(segment, self.owner, self.kind);
        // SAFETY: a new carrier, and its first block fills all of its room.
        unsafe {
            self.multi.push(carrier);
            self.policy.add_carrier(carrier);
            let block = Carrier::first_block(carrier);
            block.write_free(carrier, room, true);
            self.policy.link(block);
        }
        Some(())
    }

    /// # Safety
    /// No block of the carrier is allocated or linked.
    unsafe fn destroy_multi(&mut self, carrier: *mut Carrier, segments: &mut SegmentCache) {
        // SAFETY: promised by the caller.
        unsafe {
            self.policy.remove_carrier(carrier);
            self.multi.remove(carrier);
            let segment = Carrier::into_segment(carrier);
            let counters = self.counters();
            counters.multi_block_carriers.subtract(1);
            counters.multi_block_carrier_bytes.subtract(segment.size);
            segments.give(segment);
        }
        self.note_segments(segments);
    }

    fn create_single(&mut self, size: usize, segments: &mut SegmentCache) -> Option<Block> {
        let segment = segments.take(FIRST_BLOCK_OFFSET + size, SegmentUse::SingleBlock)?;
        self.note_segments(segments);
        Some(self.adopt_single(segment))
    }

    /// Makes a segment a single-block carrier. Whatever lies in the payload stays.
    fn adopt_single(&mut self, segment: Segment) -> Block {
        let size = Carrier::room(segment.size);
        let counters = self.counters();
        counters.single_block_carriers.add(1);
        counters.single_block_carrier_bytes.add(segment.size);
        counters.note_carriers();
        counters.cut_blocks.add(1);
        counters.cut_bytes.add(size);
        let carrier = Carrier::create(segment, self.owner, self.kind);
        // SAFETY: a carrier of our own, in no list.
        unsafe {
            self.single.push(carrier);
            let block = Carrier::first_block(carrier);
            block.write_single(size);
            block
        }
    }

    /// Takes the segment back out of a single-block carrier.
    unsafe fn disown_single(&mut self, block: Block) -> Segment {
        // SAFETY: see the top of the impl.
        unsafe {
            let (carrier, size) = (block.carrier(), block.size());
            self.single.remove(carrier);
            let segment = Carrier::into_segment(carrier);
            let counters = self.counters();
            counters.single_block_carriers.subtract(1);
            counters.single_block_carrier_bytes.subtract(segment.size);
            counters.cut_blocks.subtract(1);
            counters.cut_bytes.subtract(size);
            segment
        }
    }

    unsafe fn destroy_single(&mut self, block: Block, segments: &mut SegmentCache) {
        // SAFETY: see the top of the impl.
        segments.give(unsafe { self.disown_single(block) });
        self.note_segments(segments);
    }

    unsafe fn resize_single(
        &mut self,
        block: Block,
        size: usize,
        segments: &mut SegmentCache,
    ) -> Result<Block, AllocError> {
        // SAFETY: see the top of the impl.
        let before = unsafe { block.size() };
        let tolerated = before / 100 * self.tunables.single_block_shrink_percent;
        if size <= before && before - size <= tolerated {
            return Ok(block);
        }
        let wanted = SegmentUse::SingleBlock.round(FIRST_BLOCK_OFFSET + size);
        // SAFETY: see the top of the impl.
        let segment = unsafe { self.disown_single(block) };
        match segment.resize(wanted) {
            Ok(resized) => Ok(self.adopt_single(resized)),
            Err(unchanged) => {
                let same = self.adopt_single(unchanged);
                debug_assert_eq!(same, block);
                self.note_segments(segments);
                Err(AllocError::OutOfMemory { size })
            }
        }
    }

    fn note_segments(&self, segments: &SegmentCache) {
        self.shared_counters.cached_segments.set(segments.len());
        self.shared_counters
            .cached_segment_bytes
            .set(segments.bytes());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        for carrier in self.multi.iter().chain(self.single.iter()) {
            // SAFETY: an instance goes when no block of it is in use; what the front cache holds lies in these
            // carriers.
            unsafe { Carrier::into_segment(carrier) }.release();
        }
        // Statistics outlive the allocator: they shall show that nothing is left.
        let counters = self.counters();
        for gone in [
            &counters.cut_blocks,
            &counters.cut_bytes,
            &counters.multi_block_carriers,
            &counters.multi_block_carrier_bytes,
            &counters.single_block_carriers,
            &counters.single_block_carrier_bytes,
            &self.shared_counters.cached_segments,
            &self.shared_counters.cached_segment_bytes,
        ] {
            gone.set(0);
        }
    }
}
