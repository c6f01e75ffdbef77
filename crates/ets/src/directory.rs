//! Ids and the things they name, found without a lock of their own.
//!
//! A slab that grows by segments of doubling size; segments never move and are never freed, so that a lookup
//! is two loads and the lock of the thing itself. Ids carry a generation: a slot's generation moves on
//! when its thing is removed, and ids of former things stop working.
//!
//! ```text
//!  segments:  [ 64 slots ] [ 128 ] [ 256 ] ...      slot: lock ( generation, thing or nothing )
//! ```

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

const FIRST_SEGMENT: u32 = 64;
const SEGMENTS: usize = 15;
/// Most things a directory can hold.
pub(crate) const CAPACITY: u32 = FIRST_SEGMENT * ((1 << SEGMENTS) - 1);

/// Names a table or registry for ever.
///
/// ```
/// use viga_ets::Id;
/// assert_ne!(Id { index: 1, generation: 1 }, Id { index: 1, generation: 2 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// Which slot.
    pub index: u32,
    /// Which of the things that have been in the slot.
    pub generation: u32,
}

/// On a cache line of its own, so that threads in different tables do not slow each other down.
#[repr(align(64))]
struct Slot<T> {
    content: RwLock<Content<T>>,
}

struct Content<T> {
    generation: u32,
    thing: Option<T>,
}

#[derive(Default)]
struct Free {
    slots: Vec<u32>,
    never_used: u32,
}

/// See the module.
pub(crate) struct Directory<T> {
    segments: [OnceLock<Box<[Slot<T>]>>; SEGMENTS],
    free: Mutex<Free>,
}

/// A panic while a lock was held left nothing half done that the next holder could trip over: every operation checks
/// its input before it changes anything.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[inline]
fn place(index: u32) -> (usize, usize) {
    let from_one = index / FIRST_SEGMENT + 1;
    let segment = from_one.ilog2();
    (
        segment as usize,
        (index - FIRST_SEGMENT * ((1 << segment) - 1)) as usize,
    )
}

impl<T> Directory<T> {
    pub(crate) fn new() -> Directory<T> {
        Directory {
            segments: [const { OnceLock::new() }; SEGMENTS],
            free: Mutex::default(),
        }
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        if index >= CAPACITY {
            return None;
        }
        let (segment, at) = place(index);
        self.segments[segment].get()?.get(at)
    }

    /// Lets things in; none when the directory is full.
    pub(crate) fn insert(&self, thing: T) -> Option<Id> {
        let index = {
            let mut free = lock(&self.free);
            match free.slots.pop() {
                Some(index) => index,
                None if free.never_used == CAPACITY => return None,
                None => {
                    free.never_used += 1;
                    free.never_used - 1
                }
            }
        };
        let (segment, at) = place(index);
        let slots =
            self.segments[segment].get_or_init(|| empty_slots((FIRST_SEGMENT as usize) << segment));
        let mut content = slots[at]
            .content
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        content.thing = Some(thing);
        Some(Id {
            index,
            generation: content.generation,
        })
    }

    /// Takes a thing out; its id stops working.
    pub(crate) fn remove(&self, id: Id) -> Option<T> {
        let mut content = self
            .slot(id.index)?
            .content
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if content.generation != id.generation {
            return None;
        }
        let thing = content.thing.take()?;
        content.generation = content.generation.wrapping_add(1);
        drop(content);
        lock(&self.free).slots.push(id.index);
        Some(thing)
    }

    /// Uses a thing together with other readers; none when the id names nothing.
    #[inline]
    pub(crate) fn read<R>(&self, id: Id, using: impl FnOnce(&T) -> R) -> Option<R> {
        let content = self
            .slot(id.index)?
            .content
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if content.generation != id.generation {
            return None;
        }
        content.thing.as_ref().map(using)
    }

    /// Uses a thing alone; none when the id names nothing.
    #[inline]
    pub(crate) fn write<R>(&self, id: Id, using: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut content = self
            .slot(id.index)?
            .content
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if content.generation != id.generation {
            return None;
        }
        content.thing.as_mut().map(using)
    }

    /// Ids of all things there are at about this time.
    pub(crate) fn ids(&self) -> Vec<Id> {
        let used = lock(&self.free).never_used;
        (0..used)
            .filter_map(|index| {
                let content = self
                    .slot(index)?
                    .content
                    .read()
                    .unwrap_or_else(PoisonError::into_inner);
                content.thing.as_ref()?;
                Some(Id {
                    index,
                    generation: content.generation,
                })
            })
            .collect()
    }

    /// How many things there are.
    pub(crate) fn len(&self) -> usize {
        let free = lock(&self.free);
        free.never_used as usize - free.slots.len()
    }
}

fn empty_slots<T>(count: usize) -> Box<[Slot<T>]> {
    (0..count)
        .map(|_| Slot {
            content: RwLock::new(Content {
                generation: 1,
                thing: None,
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_each_other_through_the_segments() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(place(index), expected);
            expected.1 += 1;
            if expected.1 == (FIRST_SEGMENT as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(place(CAPACITY - 1).0, SEGMENTS - 1);
    }

    #[test]
    fn ids_of_former_things_do_not_reach_the_next() {
        let directory = Directory::new();
        let old = directory.insert(1).unwrap();
        assert_eq!(directory.remove(old), Some(1));
        let new = directory.insert(2).unwrap();
        assert_eq!(new.index, old.index);
        assert_eq!(directory.read(old, |thing| *thing), None);
        assert_eq!(directory.remove(old), None);
        assert_eq!(directory.read(new, |thing| *thing), Some(2));
        assert_eq!(directory.ids(), [new]);
        assert_eq!(directory.len(), 1);
        assert_eq!(
            directory.read(
                Id {
                    index: u32::MAX,
                    generation: 1
                },
                |thing| *thing
            ),
            None
        );
    }
}
