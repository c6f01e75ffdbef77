//! The rows of one table: the index that finds them, the memory they lie in, and what they take.

use std::{cmp::Ordering, ops::ControlFlow};

use crate::{
    TableError,
    arena::Arena,
    index::Index,
    row::{Row, key_of},
    table::Kind,
    term,
    tree::{Probe, Tree},
};

enum Store {
    Set { index: Index, hashing: Hashing },
    Ordered(Tree),
}

/// See the module. Frees its rows when dropped.
pub(crate) struct Rows {
    store: Store,
    key_position: usize,
    /// Bytes of the rows, but for those that were there when the table was divided: these are all counted in the first part.
    row_bytes: isize,
    /// In a box, so that what lookups read fills few cache lines: there are many parts.
    memory: Box<Arena>,
}

/// How a set gets from keys to the hashes its rows are found by.
#[derive(Clone, Copy)]
pub(crate) struct Hashing {
    seed: u64,
}

impl Hashing {
    pub(crate) fn new(seed: u64) -> Hashing {
        Hashing { seed }
    }

    #[inline]
    pub(crate) fn hash(self, key: &[u8]) -> u32 {
        term::hash(self.seed, key) as u32
    }
}

/// A row in memory that is in no store yet.
pub(crate) struct Prepared {
    stamp: Stamp,
    row: Row,
}

/// One end of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// A canonical key; it need not be in the table.
    pub key: &'a [u8],
    /// Leave out the key itself.
    pub exclusive: bool,
}

/// What an index finds a key by: its hash in a set, its order prefix in an ordered_set.
type Stamp = u64;

impl Rows {
    /// No rows. Rows of tables with the same seed have the same hashes.
    pub(crate) fn new(kind: Kind, key_position: usize, hashing: Hashing, memory: Arena) -> Rows {
        let store = match kind {
            Kind::Set => Store::Set {
                index: Index::new(),
                hashing,
            },
            Kind::OrderedSet => Store::Ordered(Tree::new()),
        };
        Rows {
            store,
            key_position,
            row_bytes: 0,
            memory: Box::new(memory),
        }
    }

    /// No rows, of the same make, in so many parts.
    pub(crate) fn empty(&self, parts: usize) -> Vec<Rows> {
        let store = match &self.store {
            Store::Set { hashing, .. } => Store::Set {
                index: Index::for_parts(parts),
                hashing: *hashing,
            },
            Store::Ordered(_) => Store::Ordered(Tree::new()),
        };
        let mut first = Rows {
            store,
            key_position: self.key_position,
            row_bytes: 0,
            memory: Box::new(self.memory.another()),
        };
        let others = (parts > 1).then(|| first.divide(parts)).flatten();
        std::iter::once(first)
            .chain(others.unwrap_or_default())
            .collect()
    }

    /// Keeps the rows of a set whose hashes are multiples of `parts`, a power of two, and gives those with the other remainders
    /// away. The rows stay where they are. O(rows), 3 ms for a million. None for an ordered_set, and when there are too few.
    pub(crate) fn divide(&mut self, parts: usize) -> Option<Vec<Rows>> {
        let Store::Set { index, hashing } = &mut self.store else {
            return None;
        };
        let indexes = index.divide(parts)?;
        let counts: Vec<usize> = indexes.iter().map(Index::len).collect();
        let memories = self.memory.divide(index.len(), counts.into_iter());
        let others = indexes.into_iter().zip(memories);
        let others = others.map(|(index, memory)| Rows {
            store: Store::Set {
                index,
                hashing: *hashing,
            },
            key_position: self.key_position,
            row_bytes: 0,
            memory: Box::new(memory),
        });
        Some(others.collect())
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.store {
            Store::Set { .. } => Kind::Set,
            Store::Ordered(_) => Kind::OrderedSet,
        }
    }

    pub(crate) fn key_position(&self) -> usize {
        self.key_position
    }

    pub(crate) fn len(&self) -> usize {
        match &self.store {
            Store::Set { index, .. } => index.len(),
            Store::Ordered(tree) => tree.len(),
        }
    }

    /// Bytes of the index.
    pub(crate) fn index_memory(&self) -> usize {
        match &self.store {
            Store::Set { index, .. } => index.memory(),
            Store::Ordered(tree) => tree.memory(),
        }
    }

    /// Bytes of the rows; of the parts of a table the sum alone means something.
    pub(crate) fn row_bytes(&self) -> isize {
        self.row_bytes
    }

    pub(crate) fn key_of<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        key_of(row, self.key_position)
    }

    #[inline]
    fn bytes_of(&self, row: Row) -> &[u8] {
        // SAFETY: rows in the store are alive, and writing to one takes a mutable borrow of self.
        unsafe { row.bytes() }
    }

    #[inline]
    fn stamp(&self, key: &[u8]) -> Stamp {
        match &self.store {
            Store::Set { hashing, .. } => u64::from(hashing.hash(key)),
            Store::Ordered(_) => term::order_prefix(key),
        }
    }

    #[inline]
    fn find_row(&self, stamp: Stamp, key: &[u8]) -> Option<Row> {
        match &self.store {
            Store::Set { index, .. } => index
                .find(stamp as u32, |payload| {
                    let row = self.bytes_of(Row::from_payload(payload));
                    // A canonical term is never the beginning of another, so its bytes decide.
                    begins_with(key_of_start(row, self.key_position), key)
                })
                .map(Row::from_payload),
            Store::Ordered(tree) => tree.find(&Probe::new(stamp, key, self.key_position)),
        }
    }

    /// The row with the key.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<&[u8]> {
        self.find_row(self.stamp(key), key)
            .map(|row| self.bytes_of(row))
    }

    /// The row with the key, to be changed without changing its key or length.
    #[inline]
    pub(crate) fn find_mut(&mut self, key: &[u8]) -> Option<&mut [u8]> {
        let row = self.find_row(self.stamp(key), key)?;
        // SAFETY: rows in the store are alive, and this borrows the store mutably.
        Some(unsafe { row.bytes_mut() })
    }

    /// Puts a row in, in place of the one with its key if there is one.
    #[inline]
    pub(crate) fn insert(&mut self, row: &[u8]) -> Result<(), TableError> {
        let key = key_of(row, self.key_position);
        let stamp = self.stamp(key);
        if let Store::Set { .. } = self.store
            && let Some(old) = self.find_row(stamp, key)
        {
            return self.overwrite(stamp, old, row);
        }
        let new = Row::allocate(&mut self.memory, stamp as u32, row)?;
        match &mut self.store {
            Store::Set { index, .. } => {
                index.insert(stamp as u32, new.to_payload(), hash_of_payload);
                self.row_bytes += Row::size_for(row.len()) as isize;
            }
            Store::Ordered(_) => self.put(stamp, new),
        }
        Ok(())
    }

    /// Gives the row under `key` the bytes `row`, which have the same key.
    pub(crate) fn update(&mut self, key: &[u8], row: &[u8]) -> Result<(), TableError> {
        let stamp = self.stamp(key);
        match self.find_row(stamp, key) {
            Some(old) => self.overwrite(stamp, old, row),
            None => self.insert(row),
        }
    }

    fn overwrite(&mut self, stamp: Stamp, old: Row, row: &[u8]) -> Result<(), TableError> {
        if self.bytes_of(old).len() == row.len() {
            // SAFETY: the row is in the store, which is borrowed mutably.
            unsafe { old.bytes_mut() }.copy_from_slice(row);
            return Ok(());
        }
        let new = Row::allocate(&mut self.memory, stamp as u32, row)?;
        match &mut self.store {
            Store::Set { index, .. } => {
                index.replace(stamp as u32, old.to_payload(), new.to_payload());
                self.row_bytes += Row::size_for(row.len()) as isize;
                self.release(old);
            }
            Store::Ordered(_) => self.put(stamp, new),
        }
        Ok(())
    }

    /// Copies a row into memory, to be put in or discarded.
    pub(crate) fn prepare(&mut self, row: &[u8]) -> Result<Prepared, TableError> {
        let stamp = self.stamp(key_of(row, self.key_position));
        let row = Row::allocate(&mut self.memory, stamp as u32, row)?;
        Ok(Prepared { stamp, row })
    }

    /// Frees a row that these rows prepared.
    pub(crate) fn discard(&mut self, prepared: Prepared) {
        // SAFETY: allocated in this memory by `prepare`, and in no store.
        unsafe { prepared.row.free(&mut self.memory) };
    }

    /// Puts in a row that these rows prepared, in place of the one with its key if there is one.
    pub(crate) fn put_prepared(&mut self, prepared: Prepared) {
        self.put(prepared.stamp, prepared.row);
    }

    /// Puts an allocated row in, in place of the one with its key if there is one.
    fn put(&mut self, stamp: Stamp, row: Row) {
        // SAFETY: the row was just allocated and goes into the store; nothing writes to it during this call.
        let bytes = unsafe { row.bytes() };
        let key = key_of(bytes, self.key_position);
        self.row_bytes += Row::size_for(bytes.len()) as isize;
        let present = match &self.store {
            Store::Set { .. } => self.find_row(stamp, key),
            Store::Ordered(_) => None,
        };
        let replaced = match &mut self.store {
            Store::Set { index, .. } => {
                match present {
                    Some(old) => index.replace(stamp as u32, old.to_payload(), row.to_payload()),
                    None => index.insert(stamp as u32, row.to_payload(), hash_of_payload),
                }
                present
            }
            Store::Ordered(tree) => tree.insert(&Probe::new(stamp, key, self.key_position), row),
        };
        if let Some(old) = replaced {
            self.release(old);
        }
    }

    /// Frees a row that has been taken out of the store.
    fn release(&mut self, row: Row) {
        // SAFETY: the row came from this memory and nothing refers to it any more.
        unsafe {
            self.row_bytes -= Row::size_for(row.bytes().len()) as isize;
            row.free(&mut self.memory);
        }
    }

    /// Deletes the row with the key; false when there is none.
    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        let stamp = self.stamp(key);
        let removed = match &self.store {
            Store::Set { .. } => self.find_row(stamp, key),
            Store::Ordered(_) => None,
        };
        let removed = match &mut self.store {
            Store::Set { index, .. } => {
                removed.filter(|row| index.remove(stamp as u32, row.to_payload()))
            }
            Store::Ordered(tree) => tree.remove(&Probe::new(stamp, key, self.key_position)),
        };
        match removed {
            Some(row) => {
                self.release(row);
                true
            }
            None => false,
        }
    }

    /// Frees up to `limit` rows of a table that is not used any more and returns how many.
    pub(crate) fn free_some(&mut self, limit: usize) -> usize {
        for freed in 0..limit {
            let row = match &mut self.store {
                Store::Set { index, .. } => index.pop().map(Row::from_payload),
                Store::Ordered(tree) => tree.pop(),
            };
            match row {
                Some(row) => self.release(row),
                None => return freed,
            }
        }
        limit
    }

    /// Visits rows from a bound on, in the table's own order: by key in an ordered_set, by reversed hash and then key in
    /// a set (where `reverse` means nothing).
    pub(crate) fn walk(
        &self,
        from: Option<Bound<'_>>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) {
        match &self.store {
            Store::Set { index, hashing } => self.walk_set(index, *hashing, from, visit),
            Store::Ordered(tree) => {
                let probe = from.map(|bound| {
                    Probe::new(term::order_prefix(bound.key), bound.key, self.key_position)
                });
                let mut skipped = from.is_none_or(|bound| !bound.exclusive);
                let mut step = |row: Row| {
                    let bytes = self.bytes_of(row);
                    if !skipped {
                        skipped = true;
                        if from.is_some_and(|bound| bound.key == self.key_of(bytes)) {
                            return ControlFlow::Continue(());
                        }
                    }
                    visit(bytes)
                };
                if reverse {
                    tree.descend(probe.as_ref(), &mut step);
                } else {
                    tree.ascend(probe.as_ref(), &mut step);
                }
            }
        }
    }

    fn walk_set(
        &self,
        index: &Index,
        hashing: Hashing,
        from: Option<Bound<'_>>,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) {
        let start = from.map(|bound| (hashing.hash(bound.key).reverse_bits(), bound));
        let mut position = start.map(|(position, _)| position);
        let mut next = Some(position.unwrap_or(index.first_position()));
        let mut batch: Vec<(u32, &[u8])> = Vec::new();
        while let Some(at) = next {
            batch.clear();
            next = index.visit_bucket(at, |payload| {
                batch.push((
                    hash_of_payload(payload).reverse_bits(),
                    self.bytes_of(Row::from_payload(payload)),
                ));
            });
            if position.take().is_some()
                && let Some((first, bound)) = start
            {
                batch.retain(|(position, row)| match position.cmp(&first) {
                    Ordering::Less => false,
                    Ordering::Greater => true,
                    Ordering::Equal => match self.key_of(row).cmp(bound.key) {
                        Ordering::Less => false,
                        Ordering::Equal => !bound.exclusive,
                        Ordering::Greater => true,
                    },
                });
            }
            batch.sort_unstable_by(|a, b| {
                a.0.cmp(&b.0)
                    .then_with(|| self.key_of(a.1).cmp(self.key_of(b.1)))
            });
            for (_, row) in &batch {
                if visit(row).is_break() {
                    return;
                }
            }
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.free_some(usize::MAX);
    }
}

/// The row from its key on.
#[inline]
fn key_of_start(row: &[u8], key_position: usize) -> &[u8] {
    if key_position == 0 {
        let first = if row[0] == term::tags::ARRAY8 { 2 } else { 5 };
        return &row[first..];
    }
    key_of(row, key_position)
}

/// `bytes.starts_with(key)`.
#[inline]
fn begins_with(bytes: &[u8], key: &[u8]) -> bool {
    bytes
        .get(..key.len())
        .is_some_and(|start| same_bytes(start, key))
}

/// `a == b`, without a call for most keys.
#[inline]
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    let length = a.len();
    if length != b.len() {
        return false;
    }
    let same_words = |at: usize| term::u64_at(a, at) == term::u64_at(b, at);
    let same_halves = |at: usize| term::u32_at(a, at) == term::u32_at(b, at);
    match length {
        8..=16 => same_words(0) && same_words(length - 8),
        4..=7 => same_halves(0) && same_halves(length - 4),
        _ => a == b,
    }
}

#[inline]
fn hash_of_payload(payload: u64) -> u32 {
    // SAFETY: payloads in an index are addresses of rows that are alive.
    unsafe { Row::from_payload(payload).hash() }
}

pub(crate) fn fresh_seed() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(0)
}
