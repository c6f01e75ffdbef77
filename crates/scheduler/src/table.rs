//! The task table: slots that never move, found by number, in segments that double in size.
//!
//! A look-up is two reads and no lock. Numbers that are free lie in one list under a lock; each thread of the pool
//! keeps a few for itself, so that a spawn or an exit seldom goes there.

use std::sync::OnceLock;

use crate::sync::{Mutex, ignoring_poison};
use crate::task::TaskCell;

#[cfg(not(loom))]
const FIRST_SEGMENT: u64 = 64;
#[cfg(loom)]
const FIRST_SEGMENT: u64 = 2;
/// Enough for every `u32`.
const SEGMENTS: usize = 32;

/// How many numbers go between a thread and the common list at once.
#[cfg(not(loom))]
const BATCH: usize = 64;
#[cfg(loom)]
const BATCH: usize = 1;

pub(crate) struct TaskTable {
    segments: [OnceLock<Box<[TaskCell]>>; SEGMENTS],
    numbers: Mutex<Numbers>,
}

struct Numbers {
    free: Vec<u32>,
    /// The lowest number never given out.
    next: u32,
}

/// The numbers one thread keeps for itself.
#[derive(Debug, Default)]
pub(crate) struct NumberCache {
    free: Vec<u32>,
}

impl TaskTable {
    pub(crate) fn new() -> Self {
        TaskTable {
            segments: std::array::from_fn(|_| OnceLock::new()),
            numbers: Mutex::new(Numbers {
                free: Vec::new(),
                next: 0,
            }),
        }
    }

    /// The slot of a number that was given out. O(1).
    pub(crate) fn cell(&self, id: u32) -> &TaskCell {
        let (segment, offset) = place_of(id);
        let cells = self.segments[segment].get_or_init(|| {
            (0..segment_size(segment))
                .map(|_| TaskCell::vacant())
                .collect()
        });
        &cells[offset]
    }

    /// A free number, for a thread without a cache.
    pub(crate) fn take_number(&self) -> u32 {
        ignoring_poison(self.numbers.lock()).take()
    }

    /// Gives a number back, from a thread without a cache.
    pub(crate) fn return_number(&self, id: u32) {
        ignoring_poison(self.numbers.lock()).free.push(id);
    }

    pub(crate) fn take_cached_number(&self, cache: &mut NumberCache) -> u32 {
        cache.free.pop().unwrap_or_else(|| {
            let mut numbers = ignoring_poison(self.numbers.lock());
            cache.free.extend((1..BATCH).map(|_| numbers.take()));
            numbers.take()
        })
    }

    pub(crate) fn return_cached_number(&self, cache: &mut NumberCache, id: u32) {
        cache.free.push(id);
        if cache.free.len() > 4 * BATCH {
            let kept = cache.free.len() - 2 * BATCH;
            let mut numbers = ignoring_poison(self.numbers.lock());
            numbers.free.extend(cache.free.drain(kept..));
        }
    }

    /// Gives all of a cache back: its thread leaves.
    pub(crate) fn return_cache(&self, cache: &mut NumberCache) {
        ignoring_poison(self.numbers.lock())
            .free
            .append(&mut cache.free);
    }

    /// Every slot that has ever held a task.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &TaskCell> {
        let next = ignoring_poison(self.numbers.lock()).next;
        (0..next).map(|id| self.cell(id))
    }
}

impl Numbers {
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            let id = self.next;
            self.next = id
                .checked_add(1)
                .expect("more than 4,294,967,294 tasks alive at once");
            id
        })
    }
}

fn segment_size(segment: usize) -> u64 {
    FIRST_SEGMENT << segment
}

/// Segment `s` holds `FIRST_SEGMENT << s` slots, so that number `id` lies in the segment of the highest bit of
/// `id / FIRST_SEGMENT + 1`.
fn place_of(id: u32) -> (usize, usize) {
    let shifted = u64::from(id) + FIRST_SEGMENT;
    let segment = (shifted / FIRST_SEGMENT).ilog2() as usize;
    (segment, (shifted - segment_size(segment)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_own_place() {
        let mut expected = (0, 0);
        for id in 0..10_000 {
            assert_eq!(place_of(id), expected);
            expected.1 += 1;
            if expected.1 as u64 == segment_size(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        let (segment, offset) = place_of(u32::MAX);
        assert!(segment < SEGMENTS && (offset as u64) < segment_size(segment));
    }

    #[cfg(not(loom))]
    #[test]
    fn a_cache_gives_back_what_it_does_not_need() {
        let table = TaskTable::new();
        let mut cache = NumberCache::default();
        let taken: Vec<u32> = (0..1_000)
            .map(|_| table.take_cached_number(&mut cache))
            .collect();
        let unique: std::collections::HashSet<_> = taken.iter().collect();
        assert_eq!(unique.len(), 1_000);
        for id in taken {
            table.return_cached_number(&mut cache, id);
        }
        assert!(cache.free.len() <= 4 * BATCH);
        table.return_cache(&mut cache);
        assert!(table.take_number() < 1_024, "numbers are used again");
    }
}
