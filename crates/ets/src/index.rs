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
//! Invariants: `buckets == 1 << level plus split`; entries of a bucket are dense from its first slot on; an
//! overflow bucket is never empty.

use std::sync::Arc;

use crate::{
    buckets::{Bucket, Buckets, SLOTS},
    quarry::Quarry,
};

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
    /// Number of active buckets is `base + split`.
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
        Index::new_in(None)
    }

    /// Its memory comes from a quarry of zeroes, if one is given.
    pub(crate) fn new_in(quarry: Option<Arc<Quarry>>) -> Index {
        Index {
            buckets: Buckets::new(SMALLEST, quarry),
            base: SMALLEST,
            split: 0,
            entries: 0,
            overflows: 0,
        }
    }

    /// An empty index in the same memory.
    pub(crate) fn another(&self) -> Index {
        Index::new_in(self.buckets.quarry().cloned())
    }

    /// Entries in the index.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Bytes the index itself takes.
    pub(crate) fn memory(&self) -> usize {
        self.buckets.memory() + self.overflows * size_of::<Bucket>()
    }

    #[inline]
    fn active(&self) -> usize {
        self.base + self.split
    }

    #[inline]
    fn bucket_of(&self, hash: u32) -> usize {
        let wide = hash as usize & (2 * self.base - 1);
        if wide < self.active() {
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
        let (from, to) = (self.split, self.active());
        let bits = self.base.trailing_zeros();
        self.buckets.grow();
        self.split += 1;
        if self.split == self.base {
            self.base *= 2;
            self.split = 0;
        }
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
        if self.split == 0 {
            self.base /= 2;
            self.split = self.base;
        }
        self.split -= 1;
        let (into, from) = (self.split, self.active());
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
        self.buckets.shrink();
    }

    /// Visits the payloads of the bucket that covers a position and returns where the next bucket begins. Positions
    /// are hashes (lower half) with their bits reversed; the bucket may also hold entries before `position`.
    pub(crate) fn visit_bucket(&self, position: u32, mut visit: impl FnMut(u64)) -> Option<u32> {
        let number = self.bucket_of(position.reverse_bits());
        let bucket = self.buckets.get(number);
        bucket.for_each(|slot| visit(slot & PAYLOAD));
        let rest = u32::MAX.checked_shr(self.bits_of(number)).unwrap_or(0);
        (position | rest).checked_add(1)
    }

    /// Takes out some entry, for freeing an index that is not used for anything else any more.
    pub(crate) fn pop(&mut self) -> Option<u64> {
        loop {
            let last = self.active() - 1;
            if let Some((slot, freed)) = self.buckets.get_mut(last).pop() {
                self.entries -= 1;
                self.overflows -= usize::from(freed);
                return Some(slot & PAYLOAD);
            }
            if last == 0 {
                return None;
            }
            if self.split == 0 {
                self.base /= 2;
                self.split = self.base;
            }
            self.split -= 1;
            self.buckets.shrink();
        }
    }
}

fn chain_length(bucket: &Bucket) -> usize {
    std::iter::successors(bucket.overflow.as_deref(), |next| next.overflow.as_deref()).count()
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
