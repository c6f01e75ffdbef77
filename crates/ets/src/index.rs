//! The hash index under set tables and registries.
//!
//! Linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980), one bucket
//! split per insertion and at most two merged per removal, over a segmented directory as in OTP's `erl_db_hash.c`: no operation
//! ever rehashes everything. Two departures from OTP:
//!
//! * A bucket is one cache line of up to 7 entries, each the entry's payload (a row's address or a slab index)
//!   with 20 bits of its hash, instead of a chain through the rows. A lookup touches the line and the row it is for,
//!   hardly ever another row. The bits are those from which splits take the next bit, too, so that a table grows without
//!   a look at its rows.
//! * Walks go through the buckets in the order of the reversed bits of the hash. Splitting a bucket splits its
//!   interval in this order and merging joins two neighbours, so a position (a hash) stays meaningful
//!   whatever the index grew or shrank to in between. The idea is that of the cursor of Redis' `dictScan`
//!   (Noordhuis), made exact by the caller resuming after a hash rather than after a bucket.
//!
//! ```text
//!  bucket, 64 bytes                         entry
//!  +----+----+----+----+----+----+----+---+  63        44 43                 0
//!  | e0 | e1 | e2 | e3 | e4 | e5 | e6 | > | +-----------+--------------------+
//!  +----+----+----+----+----+----+----+---+ | hash tag  | payload, never 0   |
//!   filled from e0; 0 is empty; > overflow  +-----------+--------------------+
//!
//!  tag of an entry in a bucket whose number is made of the lower n bits of the hash:
//!   hash bits  31 ..... 20 19 ..... 12 11 ...... 0
//!   n < 12                |<---------- tag ------->|
//!   n < 24     |<------- tag -------->|                    n >= 24: bits 24 to 31
//! ```
//!
//! An index may be divided into parts, each with the entries of one remainder of the hash and the buckets they are in. Parts know
//! nothing of each other and grow and shrink by themselves; the numbers of buckets, and so the tags, are those of the whole.
//!
//! Invariants: active buckets are those with numbers below `base + split`; entries of a bucket are dense from its first slot on; an
//! overflow bucket is never empty.

use crate::buckets::{Bucket, Buckets, SLOTS};

const SMALLEST: usize = 4;
/// Bits of a payload.
pub(crate) const PAYLOAD_BITS: u32 = 44;
const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;
const TAG: u32 = (1 << (64 - PAYLOAD_BITS)) - 1;
/// Tags begin at a bit of the hash that is a multiple of this.
const TAG_STEP: u32 = 12;
/// Entries per bucket above which one is split: 5/2. Below a quarter of it one is merged.
const LOAD_NUMERATOR: usize = 5;
const LOAD_DENOMINATOR: usize = 2;

/// See the module.
pub(crate) struct Index {
    buckets: Buckets,
    /// Active are our buckets with numbers below `base + split`; split is one of them.
    base: usize,
    split: usize,
    entries: usize,
    overflows: usize,
}

/// What an entry keeps of a hash in a bucket whose number has `bits` bits.
#[inline]
fn tag(hash: u32, bits: u32) -> u64 {
    u64::from(hash >> (bits / TAG_STEP * TAG_STEP) & TAG)
}

#[inline]
fn entry(tag: u64, payload: u64) -> u64 {
    tag << PAYLOAD_BITS | payload
}

impl Bucket {
    #[inline]
    fn find(&self, tag: u64, mut is: impl FnMut(u64) -> bool) -> Option<u64> {
        let mut bucket = self;
        loop {
            // Which slot it is cannot be predicted, so all tags are compared before any branch.
            let mut matches = 0;
            for (at, slot) in bucket.slots.iter().enumerate() {
                matches |= u32::from(slot >> PAYLOAD_BITS == tag && *slot != 0) << at;
            }
            while matches != 0 {
                let payload = bucket.slots[matches.trailing_zeros() as usize % SLOTS] & PAYLOAD;
                if is(payload) {
                    return Some(payload);
                }
                matches &= matches - 1;
            }
            bucket = bucket.overflow.as_deref()?;
        }
    }

    /// Adds an entry and returns how many overflow buckets that took.
    fn push(&mut self, entry: u64) -> usize {
        let mut bucket = self;
        loop {
            if let Some(free) = bucket.slots.iter_mut().find(|slot| **slot == 0) {
                *free = entry;
                return 0;
            }
            if bucket.overflow.is_none() {
                let mut overflow = Box::<Bucket>::default();
                overflow.slots[0] = entry;
                bucket.overflow = Some(overflow);
                return 1;
            }
            match bucket.overflow.as_deref_mut() {
                Some(next) => bucket = next,
                None => return 0,
            }
        }
    }

    /// Takes out the last entry and says whether that freed an overflow bucket.
    fn pop(&mut self) -> Option<(u64, bool)> {
        if let Some(next) = self.overflow.as_deref_mut() {
            if let Some((entry, freed)) = next.pop() {
                let empty = next.slots[0] == 0;
                if empty {
                    self.overflow = None;
                }
                return Some((entry, freed || empty));
            }
            self.overflow = None;
        }
        let last = self.slots.iter_mut().rev().find(|slot| **slot != 0)?;
        Some((std::mem::take(last), false))
    }

    fn slot_mut(&mut self, payload: u64) -> Option<&mut u64> {
        let mut bucket = self;
        loop {
            if let Some(at) = bucket
                .slots
                .iter()
                .position(|slot| slot & PAYLOAD == payload)
            {
                return Some(&mut bucket.slots[at]);
            }
            bucket = bucket.overflow.as_deref_mut()?;
        }
    }

    /// How many entries there are in this bucket alone.
    #[inline]
    fn entries(&self) -> usize {
        self.slots.iter().map(|slot| usize::from(*slot != 0)).sum()
    }

    fn for_each(&self, mut visit: impl FnMut(u64)) {
        let mut bucket = Some(self);
        while let Some(this) = bucket {
            this.slots
                .iter()
                .filter(|slot| **slot != 0)
                .for_each(|slot| visit(*slot));
            bucket = this.overflow.as_deref();
        }
    }
}

impl Index {
    pub(crate) fn new() -> Index {
        Index::with_buckets(SMALLEST)
    }

    /// An empty index that can be divided.
    pub(crate) fn for_parts(parts: usize) -> Index {
        Index::with_buckets(SMALLEST * parts)
    }

    fn with_buckets(count: usize) -> Index {
        Index {
            buckets: Buckets::new(count),
            base: count,
            split: 0,
            entries: 0,
            overflows: 0,
        }
    }

    /// Keeps the entries whose hashes are multiples of `parts`, a power of two, and gives those with the other remainders away, in
    /// indexes for such hashes alone. The buckets stay where they are; they are only counted. O(buckets). None, and nothing happens, when
    /// there are too few.
    pub(crate) fn divide(&mut self, parts: usize) -> Option<Vec<Index>> {
        if self.base < SMALLEST * parts {
            return None;
        }
        let mut counts = vec![(0, 0); parts];
        for number in 0..self.base + self.split {
            let bucket = self.buckets.get(number);
            let (entries, overflows) = &mut counts[number & (parts - 1)];
            *entries += bucket.entries();
            if bucket.overflow.is_some() {
                *entries += chain(bucket).map(Bucket::entries).sum::<usize>();
                *overflows += chain_length(bucket);
            }
        }
        let (base, split) = (self.base, self.split);
        let others = self.buckets.divide(parts);
        let mut others: Vec<Index> = others
            .into_iter()
            .map(|buckets| Index {
                buckets,
                base,
                split,
                entries: 0,
                overflows: 0,
            })
            .collect();
        let all = std::iter::once(self).chain(&mut others);
        for (index, (entries, overflows)) in all.zip(counts) {
            (index.entries, index.overflows) = (entries, overflows);
            let part = index.buckets.part();
            index.split = split.saturating_sub(part).next_multiple_of(parts) + part;
            index.begin_next_round();
        }
        Some(others)
    }

    /// Once all are split, the first is the next again.
    #[inline]
    fn begin_next_round(&mut self) {
        if self.split >= self.base {
            self.base *= 2;
            self.split = self.buckets.part();
        }
    }

    /// Entries in the index.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Bytes the index itself takes.
    pub(crate) fn memory(&self) -> usize {
        self.buckets.overhead() + (self.active() + self.overflows) * size_of::<Bucket>()
    }

    /// How many buckets are active.
    #[inline]
    fn active(&self) -> usize {
        (self.base + self.split) / self.buckets.parts()
    }

    /// Where a walk begins.
    pub(crate) fn first_position(&self) -> u32 {
        (self.buckets.part() as u32).reverse_bits()
    }

    #[inline]
    fn bucket_of(&self, hash: u32) -> usize {
        let wide = hash as usize & (2 * self.base - 1);
        if wide < self.base + self.split {
            wide
        } else {
            wide & (self.base - 1)
        }
    }

    /// How many bits of a hash the number of a bucket is made of.
    #[inline]
    fn bits_of(&self, number: usize) -> u32 {
        let split = number < self.split || number >= self.base;
        self.base.trailing_zeros() + u32::from(split)
    }

    /// The payload with this hash for which `is` holds. O(1) expected.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is: impl FnMut(u64) -> bool) -> Option<u64> {
        let number = self.bucket_of(hash);
        self.buckets
            .get(number)
            .find(tag(hash, self.bits_of(number)), is)
    }

    /// Adds a payload that is not in the index. `hash_of` gives the hash of any payload in it.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u32, payload: u64, hash_of: impl Fn(u64) -> u32) {
        debug_assert!(payload != 0 && payload <= PAYLOAD);
        let number = self.bucket_of(hash);
        let entry = entry(tag(hash, self.bits_of(number)), payload);
        self.overflows += self.buckets.get_mut(number).push(entry);
        self.entries += 1;
        if self.entries * LOAD_DENOMINATOR > self.active() * LOAD_NUMERATOR {
            self.split_one(hash_of);
        }
    }

    /// Puts `new` in the place of `old`, which is in the index under `hash`.
    #[inline]
    pub(crate) fn replace(&mut self, hash: u32, old: u64, new: u64) {
        let number = self.bucket_of(hash);
        if let Some(slot) = self.buckets.get_mut(number).slot_mut(old) {
            *slot = *slot & !PAYLOAD | new;
        }
    }

    /// Removes a payload; false when it is not in the index.
    pub(crate) fn remove(&mut self, hash: u32, payload: u64) -> bool {
        let number = self.bucket_of(hash);
        let bucket = self.buckets.get_mut(number);
        if bucket.slot_mut(payload).is_none() {
            return false;
        }
        let mut freed = false;
        if let Some((last, overflow_freed)) = bucket.pop() {
            freed = overflow_freed;
            // Unless the last one was the one, it fills the gap.
            if let Some(slot) = bucket.slot_mut(payload) {
                *slot = last;
            }
        }
        self.overflows -= usize::from(freed);
        self.entries -= 1;
        // At the lower load one merge a removal would not keep up: buckets fall 8/5 times as fast as entries.
        for _ in 0..2 {
            if self.active() > SMALLEST
                && self.entries * LOAD_DENOMINATOR * 4 < self.active() * LOAD_NUMERATOR
            {
                self.merge_one();
            }
        }
        true
    }

    /// Splits the next bucket in line in two.
    fn split_one(&mut self, hash_of: impl Fn(u64) -> u32) {
        let (from, to) = (self.split, self.base + self.split);
        let bits = self.base.trailing_zeros();
        self.buckets.grow(to);
        self.split += self.buckets.parts();
        self.begin_next_round();
        let old = std::mem::take(self.buckets.get_mut(from));
        let (mut stay, mut go) = (Bucket::default(), Bucket::default());
        let mut overflows = 0;
        let deciding = 1 << (PAYLOAD_BITS + bits % TAG_STEP);
        let tags_move_on = (bits + 1).is_multiple_of(TAG_STEP);
        old.for_each(|slot| {
            let side = if slot & deciding == 0 {
                &mut stay
            } else {
                &mut go
            };
            let payload = slot & PAYLOAD;
            overflows += side.push(if tags_move_on {
                entry(tag(hash_of(payload), bits + 1), payload)
            } else {
                slot
            });
        });
        self.overflows = self.overflows + overflows - chain_length(&old);
        *self.buckets.get_mut(from) = stay;
        *self.buckets.get_mut(to) = go;
    }

    /// Joins the last bucket with the one it was split from.
    fn merge_one(&mut self) {
        self.step_back();
        let (into, from) = (self.split, self.base + self.split);
        let bits = self.base.trailing_zeros();
        let tags_move_back = (bits + 1).is_multiple_of(TAG_STEP);
        let mut overflows = 0;
        for number in [into, from] {
            if number == into && !tags_move_back {
                continue;
            }
            let old = std::mem::take(self.buckets.get_mut(number));
            let target = self.buckets.get_mut(into);
            old.for_each(|slot| {
                overflows += target.push(if tags_move_back {
                    // The bits that the tag did not have are the number of the bucket.
                    let hash = (slot >> PAYLOAD_BITS) << (bits + 1) | number as u64;
                    entry(tag(hash as u32, bits), slot & PAYLOAD)
                } else {
                    slot
                });
            });
            self.overflows -= chain_length(&old);
        }
        self.overflows += overflows;
        self.buckets.shrink(from);
    }

    /// Makes the last bucket one that is not active.
    fn step_back(&mut self) {
        if self.split == self.buckets.part() {
            self.base /= 2;
            self.split += self.base;
        }
        self.split -= self.buckets.parts();
    }

    /// Visits the payloads of the bucket that covers a position and returns where the next bucket begins. Positions
    /// are hashes (lower half) with their bits reversed; the bucket may also hold entries before `position`.
    pub(crate) fn visit_bucket(&self, position: u32, mut visit: impl FnMut(u64)) -> Option<u32> {
        let number = self.bucket_of(position.reverse_bits());
        let bucket = self.buckets.get(number);
        bucket.for_each(|slot| visit(slot & PAYLOAD));
        let rest = u32::MAX.checked_shr(self.bits_of(number)).unwrap_or(0);
        let next = (position | rest).checked_add(1)?;
        let is_ours = next.reverse_bits() as usize % self.buckets.parts() == self.buckets.part();
        is_ours.then_some(next)
    }

    /// Takes out some entry, for freeing an index that is not used for anything else any more.
    pub(crate) fn pop(&mut self) -> Option<u64> {
        loop {
            let last = self.base + self.split - self.buckets.parts();
            if let Some((slot, freed)) = self.buckets.get_mut(last).pop() {
                self.entries -= 1;
                self.overflows -= usize::from(freed);
                return Some(slot & PAYLOAD);
            }
            if self.active() == 1 {
                return None;
            }
            self.step_back();
            self.buckets.shrink(last);
        }
    }
}

/// The overflow buckets of a bucket.
fn chain(bucket: &Bucket) -> impl Iterator<Item = &Bucket> {
    std::iter::successors(bucket.overflow.as_deref(), |next| next.overflow.as_deref())
}

fn chain_length(bucket: &Bucket) -> usize {
    chain(bucket).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term::hash;

    fn hash_of(payload: u64) -> u32 {
        hash(7, &payload.to_le_bytes()) as u32
    }

    #[test]
    fn finds_what_was_inserted_while_growing_and_shrinking() {
        let mut index = Index::new();
        for payload in 1..=20_000 {
            index.insert(hash_of(payload), payload, hash_of);
        }
        for payload in 1..=20_000 {
            assert_eq!(
                index.find(hash_of(payload), |found| found == payload),
                Some(payload)
            );
        }
        for payload in 1..=19_990 {
            assert!(index.remove(hash_of(payload), payload));
            assert!(!index.remove(hash_of(payload), payload));
        }
        assert_eq!(index.len(), 10);
        assert!(
            index.memory() < 3 * 1024 * 64,
            "shrinks: {}",
            index.memory()
        );
        for payload in 19_991..=20_000 {
            assert_eq!(
                index.find(hash_of(payload), |found| found == payload),
                Some(payload)
            );
        }
    }

    #[test]
    fn walks_see_each_staying_entry_once_whatever_the_size() {
        let mut index = Index::new();
        for payload in 1..=1_000 {
            index.insert(hash_of(payload), payload, hash_of);
        }
        let mut seen = std::collections::BTreeMap::new();
        let mut position = Some(0);
        let mut step = 0;
        while let Some(at) = position {
            position = index.visit_bucket(at, |payload| {
                let reversed = hash_of(payload).reverse_bits();
                if reversed >= at && payload <= 1_000 {
                    *seen.entry(payload).or_insert(0) += 1;
                }
            });
            step += 1;
            // Grows for a while, then shrinks.
            for payload in (1_000 + step * 20 + 1)..=(1_000 + step * 20 + 20) {
                if step < 100 {
                    index.insert(hash_of(payload), payload, hash_of);
                } else {
                    index.remove(hash_of(payload - 2_000), payload - 2_000);
                }
            }
        }
        // Of the first thousand, those removed may be missing; none is seen twice.
        assert!(seen.values().all(|times| *times == 1));
    }

    #[test]
    fn parts_of_an_index_have_what_it_had_and_live_on_by_themselves() {
        const PARTS: usize = 8;
        // Sizes at the beginning, in the midst and at the end of a round of splits.
        for most in [2_560, 2_561, 2_600, 4_000, 5_118, 5_119, 5_120, 9_001] {
            let mut whole = Index::new();
            for payload in 1..=most {
                whole.insert(hash_of(payload), payload, hash_of);
            }
            let others = whole.divide(PARTS).unwrap();
            let mut parts: Vec<Index> = std::iter::once(whole).chain(others).collect();
            assert_eq!(parts.iter().map(Index::len).sum::<usize>(), most as usize);
            let part_of = |payload| hash_of(payload) as usize % PARTS;
            for payload in most + 1..=5 * most {
                parts[part_of(payload)].insert(hash_of(payload), payload, hash_of);
            }
            for payload in 1..=5 * most {
                let found = |index: &Index| index.find(hash_of(payload), |found| found == payload);
                for (number, part) in parts.iter().enumerate() {
                    let here = number == part_of(payload);
                    assert_eq!(found(part), here.then_some(payload));
                }
            }
            for payload in most / 10..=5 * most {
                assert!(parts[part_of(payload)].remove(hash_of(payload), payload));
            }
            let mut left: Vec<u64> = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                let (mut next, before) = (Some(part.first_position()), left.len());
                while let Some(at) = next {
                    next = part.visit_bucket(at, |payload| left.push(payload));
                }
                assert_eq!(part.len(), left.len() - before);
                assert!(left[before..].iter().all(|one| part_of(*one) == number));
            }
            left.sort_unstable();
            assert_eq!(left, (1..most / 10).collect::<Vec<_>>());
            for part in &mut parts {
                let popped = std::iter::from_fn(|| part.pop()).count();
                assert_eq!(part.len(), 0);
                left.truncate(left.len() - popped);
            }
            assert_eq!(left, []);
        }
    }

    #[test]
    fn a_small_index_stays_whole() {
        let mut index = Index::new();
        index.insert(hash_of(1), 1, hash_of);
        assert!(index.divide(8).is_none());
        assert_eq!(
            Index::for_parts(8).divide(8).map(|others| others.len()),
            Some(7)
        );
        assert_eq!(index.pop(), Some(1));
    }

    #[test]
    fn pops_everything() {
        let mut index = Index::new();
        for payload in 1..=5_000 {
            index.insert(hash_of(payload), payload, hash_of);
        }
        let mut popped: Vec<u64> = std::iter::from_fn(|| index.pop()).collect();
        popped.sort_unstable();
        assert_eq!(popped, (1..=5_000).collect::<Vec<_>>());
    }
}
