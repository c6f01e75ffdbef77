//! Statistics: written by the owning thread only, read by any.
//!
//! Each counter has one writer, so it is a relaxed load and store instead of a read-modify-write: one plain
//! instruction each. Readers see every counter at some recent value, not all of them at one instant.

use crate::AllocKind;
use crate::sync::{Ordering, PlainArc, PlainWord};

/// A number with one writer and many readers. Relaxed on both sides: it orders nothing.
#[derive(Debug, Default)]
pub(crate) struct Counter(PlainWord);

impl Counter {
    #[inline]
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set(&self, value: usize) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add(&self, amount: usize) {
        self.set(self.get().wrapping_add(amount));
    }

    #[inline]
    pub(crate) fn subtract(&self, amount: usize) {
        self.set(self.get().wrapping_sub(amount));
    }

    #[inline]
    fn raise_to(&self, value: usize) {
        if value > self.get() {
            self.set(value);
        }
    }
}

/// The counters of one kind. Blocks held by users are `allocations - frees`, so the hot path need not count them.
#[derive(Debug, Default)]
pub(crate) struct KindCounters {
    pub(crate) allocations: Counter,
    pub(crate) frees: Counter,
    pub(crate) reallocations: Counter,
    pub(crate) delayed_frees: Counter,
    pub(crate) block_bytes: Counter,
    peak_block_bytes: Counter,
    /// Blocks cut from carriers: held by users or in the front cache.
    pub(crate) cut_blocks: Counter,
    pub(crate) cut_bytes: Counter,
    pub(crate) multi_block_carriers: Counter,
    pub(crate) multi_block_carrier_bytes: Counter,
    pub(crate) single_block_carriers: Counter,
    pub(crate) single_block_carrier_bytes: Counter,
    peak_carrier_bytes: Counter,
}

impl KindCounters {
    #[inline]
    pub(crate) fn block_given(&self, size: usize) {
        self.allocations.add(1);
        self.grow_by(size);
    }

    #[inline]
    pub(crate) fn block_taken_back(&self, size: usize) {
        self.frees.add(1);
        self.block_bytes.subtract(size);
    }

    #[inline]
    pub(crate) fn grow_by(&self, bytes: usize) {
        let now = self.block_bytes.get().wrapping_add(bytes);
        self.block_bytes.set(now);
        self.peak_block_bytes.raise_to(now);
    }

    pub(crate) fn note_carriers(&self) {
        let bytes = self.multi_block_carrier_bytes.get() + self.single_block_carrier_bytes.get();
        self.peak_carrier_bytes.raise_to(bytes);
    }

    /// Blocks that users hold. Exact on the owning thread.
    pub(crate) fn blocks(&self) -> usize {
        let frees = self.frees.get();
        self.allocations.get().wrapping_sub(frees)
    }

    fn snapshot(&self, kind: AllocKind) -> KindStatistics {
        // What is subtracted is read first, so a reader in the middle of an operation sees no negative number on
        // machines that keep loads in order; elsewhere saturating hides the rest.
        let frees = self.frees.get();
        let allocations = self.allocations.get();
        let blocks = allocations.saturating_sub(frees);
        let block_bytes = self.block_bytes.get();
        KindStatistics {
            kind,
            blocks,
            block_bytes,
            peak_block_bytes: self.peak_block_bytes.get(),
            front_cached_blocks: self.cut_blocks.get().saturating_sub(blocks),
            front_cached_bytes: self.cut_bytes.get().saturating_sub(block_bytes),
            multi_block_carriers: self.multi_block_carriers.get(),
            multi_block_carrier_bytes: self.multi_block_carrier_bytes.get(),
            single_block_carriers: self.single_block_carriers.get(),
            single_block_carrier_bytes: self.single_block_carrier_bytes.get(),
            peak_carrier_bytes: self.peak_carrier_bytes.get(),
            allocations,
            frees,
            reallocations: self.reallocations.get(),
            delayed_frees: self.delayed_frees.get(),
        }
    }
}

/// All counters of an allocator.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Each also known to its instance, which so reaches it in one step.
    pub(crate) kinds: [PlainArc<KindCounters>; AllocKind::ALL.len()],
    pub(crate) cached_segments: Counter,
    pub(crate) cached_segment_bytes: Counter,
}

/// The figures of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindStatistics {
    /// The kind.
    pub kind: AllocKind,
    /// Blocks that users hold.
    pub blocks: usize,
    /// Bytes of those blocks, headers included.
    pub block_bytes: usize,
    /// The most `block_bytes` ever was.
    pub peak_block_bytes: usize,
    /// Freed blocks in the front cache.
    pub front_cached_blocks: usize,
    /// Bytes of those blocks, headers included.
    pub front_cached_bytes: usize,
    /// Multiblock carriers.
    pub multi_block_carriers: usize,
    /// Bytes of those carriers.
    pub multi_block_carrier_bytes: usize,
    /// Single-block carriers.
    pub single_block_carriers: usize,
    /// Bytes of those carriers.
    pub single_block_carrier_bytes: usize,
    /// The most bytes all carriers ever took together.
    pub peak_carrier_bytes: usize,
    /// Blocks given out so far.
    pub allocations: usize,
    /// Blocks taken back so far, delayed ones included.
    pub frees: usize,
    /// Calls of `reallocate` so far for a block of this kind.
    pub reallocations: usize,
    /// Blocks taken back so far that another thread handed back.
    pub delayed_frees: usize,
}

/// The figures of one allocator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// One entry per kind, in the order of [`AllocKind::ALL`].
    pub kinds: [KindStatistics; AllocKind::ALL.len()],
    /// Freed segments kept for the next carrier.
    pub cached_segments: usize,
    /// Bytes of those segments.
    pub cached_segment_bytes: usize,
}

impl Statistics {
    /// The figures of one kind.
    pub fn of(&self, kind: AllocKind) -> &KindStatistics {
        &self.kinds[kind as usize]
    }
}

/// Reads the statistics of one allocator from any thread, even after the allocator is gone.
///
/// ```
/// use viga_allocator::{AllocKind, Allocator, Config};
/// let mut allocator = Allocator::new(&Config::default());
/// let statistics = allocator.statistics();
/// let block = allocator.allocate(AllocKind::Ets, 100)?;
/// assert_eq!(statistics.snapshot().of(AllocKind::Ets).blocks, 1);
/// // SAFETY: the block is not used any more.
/// unsafe { allocator.free(block) };
/// assert_eq!(statistics.snapshot().of(AllocKind::Ets).blocks, 0);
/// # Ok::<(), viga_allocator::AllocError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StatisticsHandle(pub(crate) PlainArc<Counters>);

impl StatisticsHandle {
    /// The figures now.
    pub fn snapshot(&self) -> Statistics {
        Statistics {
            kinds: AllocKind::ALL.map(|kind| self.0.kinds[kind as usize].snapshot(kind)),
            cached_segments: self.0.cached_segments.get(),
            cached_segment_bytes: self.0.cached_segment_bytes.get(),
        }
    }
}
