//! Binaries that several isolates share: immutable bytes with a count of those who need them, known by an id that any
//! thread may use.
//!
//! An id is a place in one process-wide table and a generation, so that an id that has outlived its binary finds nothing.
//! Ids stay below 2^53, which makes them numbers in JavaScript: a place whose 2^21 generations are used up is not used again.
//!
//! Counting takes no lock. Each place has one atomic word, its generation above the count; whoever takes the count to zero
//! frees the memory and alone may change the place until it is in use again. Places lie in segments that double in
//! size and never move, as in a growing array without copies.
//!
//! ```
//! use std::ptr::NonNull;
//! use viga_runtime::binaries;
//!
//! unsafe fn free(memory: NonNull<u8>) {
//!     // SAFETY: made by `Box::into_raw` below.
//!     drop(unsafe { Box::from_raw(memory.cast::<[u8; 100]>().as_ptr()) });
//! }
//! let memory = NonNull::from(Box::leak(Box::new([7u8; 100])));
//! // SAFETY: the array has 100 bytes, and nobody else has it.
//! let id = unsafe { binaries::create(memory.cast(), 100, free) }.unwrap();
//! assert!(binaries::retain(id));
//! binaries::release(id);
//! assert_eq!(binaries::hold(id).unwrap().bytes()[99], 7);
//! binaries::release(id);
//! assert!(!binaries::retain(id));
//! ```

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How a binary's memory is given back, on whatever thread.
pub type Free = unsafe fn(NonNull<u8>);

const GENERATIONS: u64 = 1 << 21;
const FIRST_SEGMENT_BITS: u32 = 10;
const SEGMENTS: usize = 22;
/// So many binaries there may be at a time.
const MOST_PLACES: u32 = u32::MAX - (1 << FIRST_SEGMENT_BITS);

#[derive(Clone, Copy)]
struct Content {
    memory: NonNull<u8>,
    length: usize,
    free: Free,
}

struct Place {
    /// Generation in the upper half, count in the lower. Read and written by all; the Release store of `create` and the
    /// Acquire loads of `retain` and `hold` hand the content over, the Release of each `release` and the Acquire of
    /// the last one take it back.
    state: AtomicU64,
    content: UnsafeCell<Option<Content>>,
}

struct Segment(AtomicPtr<Place>);

struct Unused {
    /// Places to use again, the one longest out of use first.
    free: VecDeque<u32>,
    /// Places from here on have never been used.
    fresh: u32,
}

struct Table {
    /// Written under the lock of `unused` (Release), read by all (Acquire).
    segments: [Segment; SEGMENTS],
    unused: Mutex<Unused>,
    /// Statistics only: Relaxed.
    count: AtomicUsize,
    /// Likewise.
    bytes: AtomicUsize,
}

// SAFETY: a place's content is written only by the one thread that has taken the place out of use, and read only by those
// who hold a count; the memory it points to is immutable while it is counted.
unsafe impl Sync for Table {}

static TABLE: Table = Table {
    segments: [const { Segment(AtomicPtr::new(ptr::null_mut())) }; SEGMENTS],
    unused: Mutex::new(Unused {
        free: VecDeque::new(),
        fresh: 0,
    }),
    count: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
};

/// The segment of a place, and where in it.
fn locate(index: u32) -> (usize, usize) {
    let number = u64::from(index) + (1 << FIRST_SEGMENT_BITS);
    let segment = number.ilog2() - FIRST_SEGMENT_BITS;
    (
        segment as usize,
        (number - (1 << (segment + FIRST_SEGMENT_BITS))) as usize,
    )
}

fn segment_length(segment: usize) -> usize {
    1 << (segment + FIRST_SEGMENT_BITS as usize)
}

fn generation(id: u64) -> u64 {
    id >> 32
}

fn id_of(index: u32, generation: u64) -> u64 {
    generation << 32 | u64::from(index)
}

impl Table {
    fn place(&self, index: u32) -> Option<&Place> {
        let (segment, offset) = locate(index);
        let start = self.segments.get(segment)?.0.load(Ordering::Acquire);
        // SAFETY: a segment, once published, has `segment_length` places and stays for ever.
        (!start.is_null()).then(|| unsafe { &*start.add(offset) })
    }

    /// Takes a place out of those not in use.
    fn take_place(&self) -> Option<u32> {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = unused.free.pop_front() {
            return Some(index);
        }
        let index = unused.fresh;
        if index == MOST_PLACES {
            return None;
        }
        let (segment, offset) = locate(index);
        if offset == 0 {
            let places: Box<[Place]> = (0..segment_length(segment))
                .map(|_| Place {
                    state: AtomicU64::new(id_of(0, 1)),
                    content: UnsafeCell::new(None),
                })
                .collect();
            let start = Box::leak(places).as_mut_ptr();
            self.segments[segment].0.store(start, Ordering::Release);
        }
        unused.fresh += 1;
        Some(index)
    }

    fn give_place_back(&self, index: u32) {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        unused.free.push_back(index);
    }

    fn retain(&self, id: u64) -> bool {
        let Some(place) = self.place(id as u32) else {
            return false;
        };
        let counted = place
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
                let count = state as u32;
                let is_alive = state >> 32 == generation(id) && count != 0 && count != u32::MAX;
                is_alive.then_some(state + 1)
            });
        counted.is_ok()
    }

    fn release(&self, id: u64) {
        let Some(place) = self.place(id as u32) else {
            return;
        };
        let lowered = place
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |state| {
                let is_alive = state >> 32 == generation(id) && state as u32 != 0;
                is_alive.then(|| state - 1)
            });
        if lowered.is_ok_and(|before| before as u32 == 1) {
            self.end(id, place);
        }
    }

    /// The last count is gone.
    #[cold]
    fn end(&self, id: u64, place: &Place) {
        // SAFETY: with a count of zero nobody else can reach the content, until the place is given back below.
        let content = unsafe { (*place.content.get()).take() };
        let next = generation(id) + 1;
        // Release: whoever finds this generation finds the content taken.
        place.state.store(id_of(0, next), Ordering::Release);
        if next < GENERATIONS {
            self.give_place_back(id as u32);
        }
        if let Some(content) = content {
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(content.length, Ordering::Relaxed);
            // SAFETY: promised to `create`; nobody uses the memory any more.
            unsafe { (content.free)(content.memory) };
        }
    }
}

/// A new binary with a count of one, which is the caller's. `None` when the table is full; the memory is then still the
/// caller's. O(1).
///
/// # Safety
/// `memory` has `length` bytes that nobody changes from now on, and `free` may be called with it once, on any thread.
#[must_use]
pub unsafe fn create(memory: NonNull<u8>, length: usize, free: Free) -> Option<u64> {
    let index = TABLE.take_place()?;
    let place = TABLE.place(index)?;
    let content = Content {
        memory,
        length,
        free,
    };
    // SAFETY: the place is not in use, so nobody else reads or writes its content.
    unsafe { *place.content.get() = Some(content) };
    let state = place.state.load(Ordering::Relaxed) + 1;
    place.state.store(state, Ordering::Release);
    TABLE.count.fetch_add(1, Ordering::Relaxed);
    TABLE.bytes.fetch_add(length, Ordering::Relaxed);
    Some(id_of(index, state >> 32))
}

/// Counts a binary once more. False when it is gone, or nothing has ever had this id. O(1), without a lock.
#[must_use]
pub fn retain(id: u64) -> bool {
    TABLE.retain(id)
}

/// Gives one count back; with the last one goes the memory. O(1), without a lock unless it is the last.
pub fn release(id: u64) {
    TABLE.release(id);
}

/// The binary with this id, counted for as long as the result is there; `None` when it is gone. O(1).
#[must_use]
pub fn hold(id: u64) -> Option<Held> {
    if !TABLE.retain(id) {
        return None;
    }
    let place = TABLE.place(id as u32)?;
    // SAFETY: the count just taken keeps the content in place.
    let content = unsafe { *place.content.get() }?;
    Some(Held { id, content })
}

/// How many shared binaries there are, and how many bytes they have together.
#[must_use]
pub fn totals() -> (usize, usize) {
    (
        TABLE.count.load(Ordering::Relaxed),
        TABLE.bytes.load(Ordering::Relaxed),
    )
}

/// A binary with one of its counts.
pub struct Held {
    id: u64,
    content: Content,
}

// SAFETY: the bytes are immutable and stay while they are counted, and counts may be given back on any thread.
unsafe impl Send for Held {}
// SAFETY: as above; a shared `Held` only reads.
unsafe impl Sync for Held {}

impl Held {
    /// The id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: promised to `create`; the count keeps the memory.
        unsafe { std::slice::from_raw_parts(self.content.memory.as_ptr(), self.content.length) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        TABLE.release(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// The first bytes of a test's memory: its length, to free it by, and the place to note that.
    struct Note {
        length: usize,
        freed: *const AtomicUsize,
    }

    fn make(length: usize, byte: u8, freed: &'static AtomicUsize) -> u64 {
        let length = length.max(size_of::<Note>());
        let memory = Box::leak(vec![byte; length].into_boxed_slice());
        let memory = NonNull::from(memory).cast::<u8>();
        // SAFETY: there is room for a note, and the memory is still the test's own.
        unsafe {
            memory
                .cast::<Note>()
                .write_unaligned(Note { length, freed })
        };
        // SAFETY: leaked above, and taken back once by `free`.
        unsafe { create(memory, length, free) }.expect("the table is far from full")
    }

    unsafe fn free(memory: NonNull<u8>) {
        // SAFETY: written by `make`.
        let note = unsafe { memory.cast::<Note>().read_unaligned() };
        // SAFETY: the counter is static.
        unsafe { (*note.freed).fetch_add(1, Ordering::Relaxed) };
        let bytes = ptr::slice_from_raw_parts_mut(memory.as_ptr(), note.length);
        // SAFETY: leaked by `make` with this length.
        drop(unsafe { Box::from_raw(bytes) });
    }

    #[test]
    fn goes_with_its_last_count_and_not_before() {
        static FREED: AtomicUsize = AtomicUsize::new(0);
        let id = make(100, 5, &FREED);
        assert!(retain(id));
        let held = hold(id).expect("it is alive");
        assert_eq!(
            (held.id(), held.bytes().len(), held.bytes()[99]),
            (id, 100, 5)
        );
        release(id);
        release(id);
        assert_eq!(FREED.load(Ordering::Relaxed), 0);
        drop(held);
        assert_eq!(FREED.load(Ordering::Relaxed), 1);
        assert!(!retain(id));
        assert!(hold(id).is_none());
    }

    #[test]
    fn an_id_is_a_number_of_javascript_and_never_comes_again() {
        static FREED: AtomicUsize = AtomicUsize::new(0);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let id = make(64, 1, &FREED);
            assert!((1 << 32..1 << 53).contains(&id));
            assert!(seen.insert(id));
            release(id);
        }
        assert_eq!(FREED.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn ids_that_nothing_has_are_refused() {
        for id in [0, 1, u64::MAX, 1 << 32 | 0xffff_ffff, (1 << 60) | 3] {
            assert!(!retain(id));
            assert!(hold(id).is_none());
            release(id);
        }
    }

    #[test]
    fn places_follow_each_other_without_gaps() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(locate(index), expected);
            expected.1 += 1;
            if expected.1 == segment_length(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(locate(MOST_PLACES - 1).0 < SEGMENTS);
    }

    #[test]
    fn many_are_kept_apart() {
        static FREED: AtomicUsize = AtomicUsize::new(0);
        let ids: Vec<u64> = (0..5_000)
            .map(|number| make(64, number as u8, &FREED))
            .collect();
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(hold(*id).expect("it is alive").bytes()[63], number as u8);
            release(*id);
        }
        assert_eq!(FREED.load(Ordering::Relaxed), 5_000);
    }

    #[test]
    fn threads_that_count_at_the_same_time_free_it_once() {
        static FREED: AtomicUsize = AtomicUsize::new(0);
        const THREADS: usize = 4;
        const ROUNDS: usize = 2_000;
        let ids: Vec<AtomicU64> = (0..ROUNDS).map(|_| AtomicU64::new(0)).collect();
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (ids, start) = (&ids, &start);
                scope.spawn(move || {
                    for (round, announced) in ids.iter().enumerate() {
                        if round % THREADS == thread {
                            let id = make(200, round as u8, &FREED);
                            // One count for each of the others.
                            (1..THREADS).for_each(|_| assert!(retain(id)));
                            announced.store(id, Ordering::Release);
                        }
                        start.wait();
                        let id = announced.load(Ordering::Acquire);
                        let held = hold(id).expect("our own count keeps it");
                        assert!(held.bytes()[100..].iter().all(|byte| *byte == round as u8));
                        release(id);
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(FREED.load(Ordering::Relaxed), ROUNDS);
        for id in &ids {
            assert!(!retain(id.load(Ordering::Relaxed)));
        }
    }
}
