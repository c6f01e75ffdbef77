//! What the allocators of all threads hold together, see [`thread_memory`](crate::thread_memory).

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use viga_allocator::{AllocKind, Allocator, KindStatistics, StatisticsHandle};

/// What the allocators of all threads hold of one kind.
#[derive(Clone, Copy, Debug)]
pub struct KindFacts {
    /// The kind.
    pub kind: AllocKind,
    /// Blocks that users hold.
    pub blocks: usize,
    /// Bytes of those blocks, headers included.
    pub block_bytes: usize,
    /// Carriers that blocks are cut from.
    pub carriers: usize,
    /// Bytes of those carriers.
    pub carrier_bytes: usize,
    /// Blocks given out so far.
    pub allocations: usize,
    /// Blocks taken back so far.
    pub frees: usize,
}

impl KindFacts {
    fn none_of(kind: AllocKind) -> Self {
        KindFacts {
            kind,
            blocks: 0,
            block_bytes: 0,
            carriers: 0,
            carrier_bytes: 0,
            allocations: 0,
            frees: 0,
        }
    }

    fn add(&mut self, seen: &KindStatistics) {
        self.blocks += seen.blocks;
        self.block_bytes += seen.block_bytes;
        self.carriers += seen.multi_block_carriers + seen.single_block_carriers;
        self.carrier_bytes += seen.multi_block_carrier_bytes + seen.single_block_carrier_bytes;
        self.allocations += seen.allocations;
        self.frees += seen.frees;
    }

    const fn is_empty(&self) -> bool {
        self.blocks == 0 && self.carriers == 0
    }
}

/// By kind, in the order of [`AllocKind::ALL`].
type Sum = [KindFacts; AllocKind::ALL.len()];

fn nothing() -> Sum {
    AllocKind::ALL.map(KindFacts::none_of)
}

fn add(sum: &mut Sum, statistics: &StatisticsHandle) {
    let seen = statistics.snapshot();
    for (kind, seen) in sum.iter_mut().zip(&seen.kinds) {
        kind.add(seen);
    }
}

/// An allocator whose thread runs, or of which something is left.
struct Present {
    statistics: StatisticsHandle,
    thread: Weak<()>,
}

impl Present {
    fn is_gone(&self) -> bool {
        let mut left = nothing();
        add(&mut left, &self.statistics);
        self.thread.strong_count() == 0 && left.iter().all(KindFacts::is_empty)
    }
}

struct Allocators {
    present: Vec<Present>,
    /// What those have counted that are gone.
    past: Sum,
}

static ALLOCATORS: LazyLock<Mutex<Allocators>> = LazyLock::new(|| {
    Mutex::new(Allocators {
        present: Vec::new(),
        past: nothing(),
    })
});

fn allocators() -> MutexGuard<'static, Allocators> {
    ALLOCATORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calling thread has this allocator. What is given is to be dropped with it. O(allocators).
pub(crate) fn enlist(allocator: &Allocator) -> Arc<()> {
    let alive = Arc::new(());
    let mut allocators = allocators();
    let Allocators { present, past } = &mut *allocators;
    for gone in present.extract_if(.., |present| present.is_gone()) {
        add(past, &gone.statistics);
    }
    present.push(Present {
        statistics: allocator.statistics(),
        thread: Arc::downgrade(&alive),
    });
    alive
}

/// What the allocators of all threads hold, those of threads that have ended included while something of theirs is in use; by
/// kind, in the order of [`AllocKind::ALL`]. Any thread; each number may be a moment old. O(allocators).
///
/// ```
/// use viga_runtime::{allocators, thread_memory};
/// use viga_allocator::AllocKind;
///
/// let of_messages = || allocators::facts()[AllocKind::Message as usize];
/// let memory = std::thread::spawn(|| thread_memory::allocate(AllocKind::Message, 100).unwrap().as_ptr() as usize);
/// let memory = memory.join().unwrap() as *mut u8;
/// assert_eq!((of_messages().blocks, of_messages().allocations), (1, 1), "its thread has ended");
/// // SAFETY: it came from `allocate` and is used no more.
/// unsafe { thread_memory::free(std::ptr::NonNull::new(memory).unwrap()) };
/// assert_eq!((of_messages().blocks, of_messages().frees), (0, 1));
/// ```
#[must_use]
pub fn facts() -> Sum {
    let allocators = allocators();
    let mut sum = allocators.past;
    for present in &allocators.present {
        add(&mut sum, &present.statistics);
    }
    sum
}
