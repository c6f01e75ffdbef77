//! Ids and the things they name, found without a lock of their own.
//!
//! A slab that grows by segments of doubling size; segments never move and are never freed, so that a lookup
//! is two loads and the lock of the thing itself. Ids carry a generation: a slot's generation moves on
//! when its thing is removed, and ids of former things stop working.
//!
//! ```text
//!  segments:  [ 64 slots ] [ 128 ] [ 256 ] ...      slot: shape, lock ( part 0 ), locks ( parts 1 to 63 ) or nothing
//! ```
//!
//! A thing that one thread uses stays whole. One that several use and write to is divided into [`PARTS`] parts, each with a lock of
//! its own, as the locks of OTP's `write_concurrency` divide a table. Which part an operation is about depends on the thing's *shape*, so the shape is read
//! first, without a lock, and compared under the lock with the one that the part itself has: shapes change only while all parts are
//! locked. The locks of a slot, once made, stay for ever, so that a thread with an old shape finds locks where it looks.
//!
//! Lock order within a thing: part 0, part 1, and so on.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    biased_lock::{BiasedLock, WriteGuard},
    reader_slots::thread_number,
    users::Users,
};

const FIRST_SEGMENT: u32 = 64;
const SEGMENTS: usize = 15;
/// Most things a directory can hold.
pub(crate) const CAPACITY: u32 = FIRST_SEGMENT * ((1 << SEGMENTS) - 1);
/// Parts of a divided thing: one bit for each of [`PART_BITS`].
pub(crate) const PARTS: usize = 1 << PART_BITS;
pub(crate) const PART_BITS: u32 = 6;

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

/// What must be known about a thing before one of its locks is taken.
///
/// ```text
///  63          32   31    30                  0
///  +-------------+-------+---------------------+
///  | generation  |divided| label               |
///  +-------------+-------+---------------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape(u64);

const DIVIDED: u64 = 1 << 31;

impl Shape {
    fn new(generation: u32, label: u32) -> Shape {
        debug_assert!(u64::from(label) < DIVIDED);
        Shape(u64::from(generation) << 32 | u64::from(label))
    }

    #[inline]
    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// What the thing was let in with.
    #[inline]
    pub(crate) fn label(self) -> u32 {
        (self.0 & (DIVIDED - 1)) as u32
    }

    /// The part for a hash, in a divided thing by its lowest bits.
    #[inline]
    pub(crate) fn part_of(self, hash: u32) -> usize {
        if self.is_divided() {
            hash as usize % PARTS
        } else {
            0
        }
    }

    #[inline]
    pub(crate) fn is_divided(self) -> bool {
        self.0 & DIVIDED != 0
    }

    /// Numbers of the parts beside part 0.
    pub(crate) fn other_parts(self) -> std::ops::Range<usize> {
        1..if self.is_divided() { PARTS } else { 1 }
    }

    fn divided(self) -> Shape {
        Shape(self.0 | DIVIDED)
    }
}

/// Something that can be divided into [`PARTS`] parts.
pub(crate) trait Divide: Sized {
    /// True when parts would do better for several threads.
    fn wants_parts(&self) -> bool;

    /// Keeps part 0 and gives the others; none when it cannot be divided, and then the thing is as before.
    fn divide(&mut self) -> Option<Vec<Self>>;
}

/// On cache lines of its own, so that threads in different parts do not slow each other down.
#[repr(align(64))]
struct Part<T>(BiasedLock<Content<T>>);

struct Content<T> {
    shape: Shape,
    thing: Option<T>,
}

struct Slot<T> {
    /// The shape of part 0, for who does not have its lock: a hint, which every operation checks under the lock.
    shape: AtomicU64,
    /// As long as one thread alone uses the thing, it is not divided.
    users: Users,
    first: Part<T>,
    others: OnceLock<Box<[Part<T>]>>,
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

/// Some or all parts of a thing, locked. Never empty.
pub(crate) struct Locked<'a, T> {
    parts: Vec<WriteGuard<'a, Content<T>>>,
    /// Which parts these are, if the thing is divided.
    wanted: PartSet,
}

/// One bit for each part.
#[derive(Clone, Copy)]
pub(crate) struct PartSet(u64);

const _: () = assert!(PARTS <= u64::BITS as usize);

impl PartSet {
    pub(crate) const ALL: PartSet = PartSet(u64::MAX >> (u64::BITS as usize - PARTS));

    /// The parts that a divided thing has for these hashes.
    pub(crate) fn of(hashes: impl Iterator<Item = u32>) -> PartSet {
        PartSet(hashes.fold(0, |parts, hash| parts | 1 << (hash as usize % PARTS)))
    }

    fn numbers(self) -> impl Iterator<Item = usize> {
        (0..PARTS).filter(move |number| self.0 >> number & 1 == 1)
    }

    /// How many parts of the set come before one.
    fn rank(self, number: usize) -> usize {
        (self.0 & ((1 << number) - 1)).count_ones() as usize
    }
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

impl<T> Part<T> {
    fn empty(shape: Shape) -> Part<T> {
        Part(BiasedLock::new(Content { shape, thing: None }))
    }
}

impl<T> Slot<T> {
    fn empty() -> Slot<T> {
        let shape = Shape::new(1, 0);
        Slot {
            shape: AtomicU64::new(shape.0),
            users: Users::none(),
            first: Part::empty(shape),
            others: OnceLock::new(),
        }
    }

    /// Acquire, with the release of `set_shape`: the other parts are there when the shape says so.
    #[inline]
    fn shape(&self) -> Shape {
        Shape(self.shape.load(Ordering::Acquire))
    }

    #[inline]
    fn part(&self, number: usize) -> &BiasedLock<Content<T>> {
        let others = match number {
            0 => None,
            _ => self.others.get(),
        };
        &others
            .and_then(|others| others.get(number - 1))
            .unwrap_or(&self.first)
            .0
    }

    /// The part for a hash, which is not asked for when there is only one; the thread is going to use it.
    #[inline]
    fn part_for(&self, shape: Shape, hash: impl Fn() -> u32) -> &BiasedLock<Content<T>> {
        if shape.is_divided() {
            self.part(shape.part_of(hash()))
        } else {
            self.users.add(thread_number());
            &self.first.0
        }
    }

    /// Whether an undivided thing is to be divided.
    #[inline]
    fn is_crowded(&self, thing: &T) -> bool
    where
        T: Divide,
    {
        thing.wants_parts() && self.users.are_many()
    }

    /// Sets the shape for all; the caller has locked the parts given, which are all there are before or after.
    fn set_shape(&self, shape: Shape, parts: &mut [WriteGuard<'_, Content<T>>]) {
        for part in parts {
            part.shape = shape;
        }
        self.shape.store(shape.0, Ordering::Release);
    }

    /// Locks parts of the thing of a generation, in order; just the one there is if it is not divided.
    fn lock_parts(&self, generation: u32, wanted: PartSet) -> Option<Locked<'_, T>> {
        loop {
            let shape = self.shape();
            if shape.generation() != generation {
                return None;
            }
            let parts: Vec<_> = if shape.is_divided() {
                wanted
                    .numbers()
                    .map(|number| self.part(number).write())
                    .collect()
            } else {
                vec![self.first.0.write()]
            };
            match parts.first() {
                Some(first) if first.shape == shape => {
                    first.thing.as_ref()?;
                    return Some(Locked { parts, wanted });
                }
                Some(_changed) => {}
                None => return None,
            }
        }
    }
}

impl<T> Locked<'_, T> {
    /// The parts, from the first on.
    pub(crate) fn parts(&mut self) -> impl ExactSizeIterator<Item = &mut T> {
        self.parts.iter_mut().map(|part| match &mut part.thing {
            Some(thing) => thing,
            None => panic!("a part of a thing in the directory is missing"),
        })
    }

    /// The first part: of a whole thing the one that has what there is only one of.
    pub(crate) fn first(&mut self) -> &mut T {
        self.nth(0)
    }

    /// The part for a hash. It must be among those that were locked.
    pub(crate) fn part_of(&mut self, hash: u32) -> &mut T {
        let shape = self.parts[0].shape;
        let at = if shape.is_divided() {
            self.wanted.rank(shape.part_of(hash))
        } else {
            0
        };
        self.nth(at)
    }

    fn nth(&mut self, at: usize) -> &mut T {
        match self.parts().nth(at) {
            Some(part) => part,
            None => panic!("part {at} of a thing in the directory is not locked"),
        }
    }
}

impl<T: Divide> Directory<T> {
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

    /// Lets things in; none when the directory is full. The label is what operations will know before they lock.
    pub(crate) fn insert(&self, thing: T, label: u32) -> Option<Id> {
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
        let slots = self.segments[segment].get_or_init(|| {
            (0..(FIRST_SEGMENT as usize) << segment)
                .map(|_| Slot::empty())
                .collect()
        });
        let slot = &slots[at];
        let mut first = slot.first.0.write();
        let shape = Shape::new(first.shape.generation(), label);
        first.thing = Some(thing);
        slot.users.forget();
        slot.set_shape(shape, &mut [first]);
        Some(Id {
            index,
            generation: shape.generation(),
        })
    }

    /// Takes a thing out, as its parts, if `check` allows it; its id stops working. None when the id names nothing.
    pub(crate) fn remove<E>(
        &self,
        id: Id,
        check: impl FnOnce(&T) -> Result<(), E>,
    ) -> Option<Result<Vec<T>, E>> {
        let slot = self.slot(id.index)?;
        let mut locked = slot.lock_parts(id.generation, PartSet::ALL)?;
        if let Err(refused) = check(locked.first()) {
            return Some(Err(refused));
        }
        let parts = locked
            .parts
            .iter_mut()
            .filter_map(|part| part.thing.take())
            .collect();
        slot.set_shape(
            Shape::new(id.generation.wrapping_add(1), 0),
            &mut locked.parts,
        );
        drop(locked);
        lock(&self.free).slots.push(id.index);
        Some(Ok(parts))
    }

    /// The shape of a thing at the moment; none when the id names nothing.
    #[inline]
    pub(crate) fn shape(&self, id: Id) -> Option<Shape> {
        let shape = self.slot(id.index)?.shape();
        (shape.generation() == id.generation).then_some(shape)
    }

    /// Uses the part of a thing for a hash together with other readers; none when the id names nothing.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        id: Id,
        hash: impl Fn() -> u32,
        using: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let slot = self.slot(id.index)?;
        loop {
            let shape = slot.shape();
            if shape.generation() != id.generation {
                return None;
            }
            let part = slot.part_for(shape, &hash).read();
            if part.shape == shape {
                return part.thing.as_ref().map(using);
            }
        }
    }

    /// Like [`read`](Directory::read), for work that takes long, on a part by number; none when the thing is not of this shape any
    /// more.
    pub(crate) fn read_part<R>(
        &self,
        id: Id,
        shape: Shape,
        number: usize,
        using: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let part = self.slot(id.index)?.part(number).read_long();
        if part.shape != shape {
            return None;
        }
        part.thing.as_ref().map(using)
    }

    /// Uses the part of a thing for a hash alone; none when the id names nothing.
    #[inline]
    pub(crate) fn write<R>(
        &self,
        id: Id,
        hash: impl Fn() -> u32,
        using: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let slot = self.slot(id.index)?;
        loop {
            let shape = slot.shape();
            if shape.generation() != id.generation {
                return None;
            }
            let lock = slot.part_for(shape, &hash);
            let mut part = lock.write();
            if part.shape != shape {
                continue;
            }
            let thing = part.thing.as_mut()?;
            let result = using(thing);
            if !shape.is_divided() && slot.is_crowded(thing) {
                drop(part);
                self.divide(id);
            }
            return Some(result);
        }
    }

    /// Uses parts of a thing alone, all at the same time; none when the id names nothing.
    pub(crate) fn write_parts<R>(
        &self,
        id: Id,
        wanted: PartSet,
        using: impl FnOnce(&mut Locked<'_, T>) -> R,
    ) -> Option<R> {
        let slot = self.slot(id.index)?;
        slot.users.add(thread_number());
        let mut locked = slot.lock_parts(id.generation, wanted)?;
        let result = using(&mut locked);
        let divided = locked.parts[0].shape.is_divided();
        let crowded = !divided && slot.is_crowded(locked.first());
        drop(locked);
        if crowded {
            self.divide(id);
        }
        Some(result)
    }

    #[cold]
    fn divide(&self, id: Id) {
        let Some(slot) = self.slot(id.index) else {
            return;
        };
        let Some(mut locked) = slot.lock_parts(id.generation, PartSet::ALL) else {
            return;
        };
        let shape = locked.parts[0].shape;
        if shape.is_divided() {
            return;
        }
        let Some(others) = locked.first().divide() else {
            return;
        };
        let locks = slot
            .others
            .get_or_init(|| (1..PARTS).map(|_| Part::empty(shape)).collect());
        for (lock, thing) in locks.iter().zip(others) {
            let mut part = lock.0.write();
            part.thing = Some(thing);
            locked.parts.push(part);
        }
        slot.set_shape(shape.divided(), &mut locked.parts);
    }

    /// Ids of all things there are at about this time.
    pub(crate) fn ids(&self) -> Vec<Id> {
        let used = lock(&self.free).never_used;
        (0..used)
            .filter_map(|index| {
                let first = self.slot(index)?.first.0.read();
                first.thing.as_ref()?;
                Some(Id {
                    index,
                    generation: first.shape.generation(),
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    impl Divide for i32 {
        fn wants_parts(&self) -> bool {
            *self >= 100 * PARTS as i32
        }

        fn divide(&mut self) -> Option<Vec<i32>> {
            *self /= PARTS as i32;
            Some(vec![*self; PARTS - 1])
        }
    }

    fn read(directory: &Directory<i32>, id: Id) -> Option<i32> {
        directory.read(id, || 0, |thing| *thing)
    }

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
        let old = directory.insert(1, 5).unwrap();
        assert_eq!(directory.shape(old).map(Shape::label), Some(5));
        assert_eq!(directory.remove(old, |_| Err(7)), Some(Err(7)));
        assert_eq!(
            directory.remove(old, |_| Ok::<_, i32>(())),
            Some(Ok(vec![1]))
        );
        let new = directory.insert(2, 0).unwrap();
        assert_eq!(new.index, old.index);
        assert_eq!(read(&directory, old), None);
        assert_eq!(directory.remove(old, |_| Ok::<_, i32>(())), None);
        assert_eq!(read(&directory, new), Some(2));
        assert_eq!(directory.ids(), [new]);
        assert_eq!(directory.len(), 1);
        assert_eq!(
            read(
                &directory,
                Id {
                    index: u32::MAX,
                    generation: 1
                }
            ),
            None
        );
    }

    #[test]
    fn a_thing_is_divided_when_it_wants_to_be_and_its_slot_begins_whole_again() {
        let directory = Directory::new();
        let id = directory.insert(100 * PARTS as i32, 3).unwrap();
        let hash = PARTS as u32 + 5;
        for _ in 0..2 {
            assert_eq!(
                directory.write(id, || hash, |thing| *thing),
                Some(100 * PARTS as i32)
            );
        }
        assert!(!directory.shape(id).unwrap().is_divided());
        let other = || read(&directory, id);
        std::thread::scope(|scope| scope.spawn(other).join().unwrap());
        assert_eq!(
            directory.write(id, || hash, |thing| *thing),
            Some(100 * PARTS as i32)
        );
        assert!(directory.shape(id).unwrap().is_divided());
        assert_eq!(directory.write(id, || hash, |thing| *thing += 1), Some(()));
        let shape = directory.shape(id).unwrap();
        assert!(shape.is_divided());
        assert_eq!((shape.label(), shape.part_of(hash)), (3, 5));
        for number in 0..PARTS {
            let expected = 100 + i32::from(number == 5);
            assert_eq!(
                directory.read_part(id, shape, number, |thing| *thing),
                Some(expected)
            );
        }
        let some = PartSet::of([hash, 3, 7].into_iter());
        let all = [(PartSet::ALL, 100 * PARTS as i32 + 1), (some, 301)];
        for (parts, sum) in all {
            let found = directory.write_parts(id, parts, |locked| {
                (
                    locked.parts().map(|part| *part).sum::<i32>(),
                    *locked.part_of(hash),
                )
            });
            assert_eq!(found, Some((sum, 101)));
        }
        let removed = directory.remove(id, |_| Ok::<_, i32>(()));
        assert_eq!(removed.unwrap().unwrap().len(), PARTS);
        let next = directory.insert(8, 0).unwrap();
        assert_eq!(next.index, id.index);
        assert_eq!(directory.read(next, || hash, |thing| *thing), Some(8));
        assert_eq!(directory.read_part(id, shape, 5, |thing| *thing), None);
    }
}
