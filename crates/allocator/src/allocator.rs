//! All instances of one scheduler, and how blocks find home.

use std::ptr::NonNull;

use crate::block::{Block, HEADER_SIZE};
use crate::delayed_free::{Chain, FreedBlock};
use crate::instance::Instance;
use crate::owner::{Owner, Reclaim};
use crate::segment::SegmentCache;
use crate::statistics::Counters;
use crate::sync::PlainArc;
use crate::{AllocError, AllocKind, Config, StatisticsHandle};

/// Delayed frees that one allocation does on the side. More than one, so that a backlog shrinks; hardly more, so that
/// the blocks are used again from the front cache instead of overflowing it into the trees.
const DELAYED_PER_ALLOCATION: usize = 2;

/// What an allocator owns, and what it leaves behind while blocks are in use elsewhere.
pub(crate) struct Heap {
    instances: [Instance; AllocKind::ALL.len()],
    segments: SegmentCache,
    counters: PlainArc<Counters>,
}

// SAFETY: everything reachable from a heap belongs to it; only blocks in use are anybody else's.
unsafe impl Send for Heap {}

impl Heap {
    /// # Safety
    /// A block of this heap with this size and kind, that is used no more.
    #[inline]
    unsafe fn free(&mut self, block: Block, size: usize, kind: AllocKind) {
        // SAFETY: promised by the caller.
        unsafe { self.instances[kind as usize].free(block, size, &mut self.segments) };
        self.check(kind);
    }

    fn flush(&mut self) {
        for instance in &mut self.instances {
            instance.flush(&mut self.segments);
        }
        self.segments.clear();
        self.counters.cached_segments.set(0);
        self.counters.cached_segment_bytes.set(0);
    }

    #[cfg(feature = "hard-checks")]
    fn check(&self, kind: AllocKind) {
        self.instances[kind as usize].check();
    }

    #[cfg(not(feature = "hard-checks"))]
    #[inline(always)]
    fn check(&self, _: AllocKind) {}
}

impl Reclaim for Heap {
    unsafe fn reclaim(&mut self, block: NonNull<FreedBlock>) {
        // SAFETY: promised by the caller; the freed block is the start of a payload.
        unsafe {
            let block = Block::from_payload(block.cast());
            let (size, carrier) = block.size_and_carrier();
            let kind = (*carrier).kind;
            self.instances[kind as usize]
                .counters()
                .delayed_frees
                .add(1);
            self.free(block, size, kind);
        }
    }

    fn has_blocks_in_use(&self) -> bool {
        self.counters.kinds.iter().any(|kind| kind.blocks() != 0)
    }
}

/// The memory of one scheduler: one allocator instance per [`AllocKind`].
///
/// It belongs to one thread at a time (`Send`, not `Sync`), so nothing in it is locked. Blocks may travel: any thread
/// may use and free them, and a block freed elsewhere waits on its owner's delayed-free stack until the owner collects
/// it ([`Allocator::collect_delayed`]; a few at each `allocate`, too).
///
/// Dropping an allocator while blocks of it are in use elsewhere is fine: they stay valid, and the memory goes when
/// the last of them is freed. From then on freeing them takes a lock.
///
/// Cost: a block has 8 bytes of overhead and is at least 48 bytes. Small sizes (up to 1,016 bytes) are usually O(1),
/// from the front cache; other sizes are O(log n) in the number of free blocks of a carrier plus O(log c) in carriers.
///
/// ```
/// use viga_allocator::{AllocKind, Allocator, Config};
///
/// let mut allocator = Allocator::new(&Config::default());
/// let block = allocator.allocate(AllocKind::Message, 100)?;
/// // SAFETY: the block has at least 100 bytes and is freed once.
/// unsafe {
///     block.write_bytes(7, 100);
///     let larger = allocator.reallocate(block, 10_000)?;
///     assert_eq!(larger.add(99).read(), 7);
///     assert!(Allocator::usable_size(larger) >= 10_000);
///     // Any thread may give it back; its owner gets it later.
///     viga_allocator::free_foreign(larger);
/// }
/// assert_eq!(allocator.collect_delayed(usize::MAX), 1);
/// # Ok::<(), viga_allocator::AllocError>(())
/// ```
pub struct Allocator {
    owner: *const Owner<Heap>,
    /// Taken from the delayed-free stack, but not freed yet.
    pending: Chain,
    /// Present until dropped.
    heap: Option<Heap>,
}

// SAFETY: the heap may be sent, the owner is made for sharing, and pending blocks belong to the heap.
unsafe impl Send for Allocator {}

impl Allocator {
    /// An allocator without any carriers yet: they are made when first needed.
    pub fn new(config: &Config) -> Allocator {
        let owner = Owner::create();
        let counters = PlainArc::new(Counters::default());
        let instances = AllocKind::ALL
            .map(|kind| Instance::new(kind, *config.of(kind), owner, PlainArc::clone(&counters)));
        let segments = SegmentCache::new(config.cached_segments());
        Allocator {
            owner,
            pending: Chain::empty(),
            heap: Some(Heap {
                instances,
                segments,
                counters,
            }),
        }
    }

    #[inline]
    fn heap(&mut self) -> &mut Heap {
        // SAFETY: the heap is only taken out in `drop`.
        unsafe { self.heap.as_mut().unwrap_unchecked() }
    }

    /// A block of at least `size` bytes, 16-byte aligned, not initialized. A size of 0 gives a block, too.
    ///
    /// # Errors
    /// [`AllocError::TooLarge`] above about one tebibyte, [`AllocError::OutOfMemory`] if the system has no more.
    #[inline]
    pub fn allocate(&mut self, kind: AllocKind, size: usize) -> Result<NonNull<u8>, AllocError> {
        if self.has_delayed() {
            self.collect_a_few();
        }
        let heap = self.heap();
        let block = heap.instances[kind as usize].allocate(size, &mut heap.segments)?;
        heap.check(kind);
        Ok(block.payload())
    }

    /// Frees a block of any allocator: its own directly, another's by way of that one's delayed-free stack.
    ///
    /// # Safety
    /// `block` came from `allocate` or `reallocate` of any [`Allocator`], was not freed since, and is used no more.
    #[inline]
    pub unsafe fn free(&mut self, block: NonNull<u8>) {
        // SAFETY: promised by the caller; a block's header names its carrier, which names its owner.
        unsafe {
            let found = Block::from_payload(block);
            let (size, carrier) = found.size_and_carrier();
            let owner = (*carrier).owner;
            if owner == self.owner {
                self.heap().free(found, size, (*carrier).kind);
            } else {
                hand_back(owner, block);
            }
        }
    }

    /// Changes the size of a block to at least `new_size` bytes and returns where it is now. The contents are kept,
    /// up to the smaller of both sizes. Grows in place where the neighbour is free. A block of another allocator
    /// moves into this one.
    ///
    /// # Errors
    /// As for [`Allocator::allocate`]; the block is then as it was.
    ///
    /// # Safety
    /// As for [`Allocator::free`]; on success only the returned block may be used.
    pub unsafe fn reallocate(
        &mut self,
        block: NonNull<u8>,
        new_size: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        // SAFETY: promised by the caller; as in `free`.
        unsafe {
            let found = Block::from_payload(block);
            let carrier = found.carrier();
            let (owner, kind) = ((*carrier).owner, (*carrier).kind);
            if owner == self.owner {
                let heap = self.heap();
                let moved =
                    heap.instances[kind as usize].reallocate(found, new_size, &mut heap.segments);
                heap.check(kind);
                return moved.map(Block::payload);
            }
            let new = self.allocate(kind, new_size)?;
            block.copy_to_nonoverlapping(new, new_size.min(Allocator::usable_size(block)));
            hand_back(owner, block);
            Ok(new)
        }
    }

    /// How many bytes of a block may be used: at least what was asked for.
    ///
    /// # Safety
    /// `block` came from any [`Allocator`] and was not freed since.
    #[inline]
    pub unsafe fn usable_size(block: NonNull<u8>) -> usize {
        // SAFETY: promised by the caller.
        unsafe { Block::from_payload(block).size() - HEADER_SIZE }
    }

    /// Frees up to `limit` of the blocks that other threads handed back, and returns how many it freed.
    pub fn collect_delayed(&mut self, limit: usize) -> usize {
        for collected in 0..limit {
            if self.pending.is_empty() {
                // SAFETY: the owner lives as long as this allocator.
                self.pending = unsafe { (*self.owner).take_delayed() };
            }
            let Some(block) = self.pending.next() else {
                return collected;
            };
            // SAFETY: what lay on the stack was given back to this heap.
            unsafe { self.heap().reclaim(block) };
        }
        limit
    }

    /// Out of line, so that `allocate` stays short for those who inline it.
    #[cold]
    #[inline(never)]
    fn collect_a_few(&mut self) {
        self.collect_delayed(DELAYED_PER_ALLOCATION);
    }

    /// Gives everything back that is kept for speed only: blocks in the front caches and cached segments. Costs
    /// O(log n) for each block; the caches fill again by themselves.
    pub fn flush(&mut self) {
        self.heap().flush();
        for kind in AllocKind::ALL {
            self.heap().check(kind);
        }
    }

    /// A handle that reads this allocator's figures from any thread.
    pub fn statistics(&self) -> StatisticsHandle {
        let heap = self
            .heap
            .as_ref()
            .expect("the heap is only taken out in drop");
        StatisticsHandle(PlainArc::clone(&heap.counters))
    }

    #[inline]
    fn has_delayed(&self) -> bool {
        // SAFETY: the owner lives as long as this allocator.
        unsafe { (*self.owner).may_have_delayed() || !self.pending.is_empty() }
    }
}

impl Drop for Allocator {
    fn drop(&mut self) {
        let Some(mut heap) = self.heap.take() else {
            return;
        };
        for block in self.pending.by_ref() {
            // SAFETY: pending blocks were given back to this heap.
            unsafe { heap.reclaim(block) };
        }
        heap.flush();
        // SAFETY: made in `new`; the allocator is gone after this.
        unsafe { Owner::leave(self.owner, heap) };
    }
}

/// Frees a block from a thread that has no [`Allocator`]: it goes to its owner's delayed-free stack.
///
/// # Safety
/// As for [`Allocator::free`].
pub unsafe fn free_foreign(block: NonNull<u8>) {
    // SAFETY: promised by the caller.
    unsafe { hand_back((*Block::from_payload(block).carrier()).owner, block) }
}

/// # Safety
/// The block belongs to `owner` and is used no more.
unsafe fn hand_back(owner: *const Owner<Heap>, block: NonNull<u8>) {
    let freed = block.cast::<FreedBlock>();
    // SAFETY: the payload has room for a link, and is ours until the owner has it.
    unsafe {
        freed.write(FreedBlock::new());
        Owner::give_back(owner, freed);
    }
}
