//! One table: what it is, whose it is, and the operations on single rows.

use crate::{
    ProcessId, Reply, TableError,
    directory::{Divide, PARTS},
    rows::Rows,
    term::{self, Form, tags},
};

/// How a table finds its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By hash: every operation O(1), no order.
    Set,
    /// By order of the keys: O(log n).
    OrderedSet,
}

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody reads and writes.
    Public,
    /// Everybody reads, the owner writes.
    Protected,
    /// Only the owner reads and writes.
    Private,
}

/// Who gets a table when its owner exits, and what they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heir {
    /// The new owner.
    pub pid: ProcessId,
    /// A term for the message that announces the table.
    pub data: Box<[u8]>,
}

/// What a table is created with.
#[derive(Clone, Debug)]
pub struct TableOptions<'a> {
    /// A canonical term, unique among tables.
    pub name: Option<&'a [u8]>,
    /// How rows are found.
    pub kind: Kind,
    /// Who may do what.
    pub access: Access,
    /// Which element of a row is its key, from 0.
    pub key_position: usize,
    /// Who owns it.
    pub owner: ProcessId,
    /// Who inherits it.
    pub heir: Option<Heir>,
}

/// What a table is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name, encoded.
    pub name: Option<Box<[u8]>>,
    /// How rows are found.
    pub kind: Kind,
    /// Who may do what.
    pub access: Access,
    /// Which element of a row is its key.
    pub key_position: usize,
    /// Whose it is.
    pub owner: ProcessId,
    /// Who inherits it.
    pub heir: Option<ProcessId>,
    /// Rows in it.
    pub size: usize,
    /// Bytes of its rows and index.
    pub memory: usize,
}

/// A table, or one part of a divided one. Every part knows what decides who may do what; name and heir are known to
/// the first part alone.
pub(crate) struct Table {
    pub(crate) name: Option<Box<[u8]>>,
    pub(crate) access: Access,
    pub(crate) owner: ProcessId,
    pub(crate) heir: Option<Heir>,
    pub(crate) rows: Rows,
}

/// What never changes about a table, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Layout(u32);

const ORDERED: u32 = 1 << 16;

impl Layout {
    /// `key_position` is below `ORDERED`.
    pub(crate) fn new(kind: Kind, key_position: usize) -> Layout {
        let ordered = match kind {
            Kind::Set => 0,
            Kind::OrderedSet => ORDERED,
        };
        Layout(key_position as u32 | ordered)
    }

    #[inline]
    pub(crate) fn from_label(label: u32) -> Layout {
        Layout(label)
    }

    pub(crate) fn label(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn key_position(self) -> usize {
        (self.0 & (ORDERED - 1)) as usize
    }

    pub(crate) fn kind(self) -> Kind {
        if self.0 & ORDERED == 0 {
            Kind::Set
        } else {
            Kind::OrderedSet
        }
    }
}

impl Divide for Table {
    fn wants_parts(&self) -> bool {
        self.rows.len() >= DIVIDE_AT
            && self.rows.kind() == Kind::Set
            && self.access != Access::Private
    }

    fn divide(&mut self) -> Option<Vec<Table>> {
        let others = self.rows.divide(PARTS)?;
        let others = others.into_iter().map(|rows| Table {
            name: None,
            access: self.access,
            owner: self.owner,
            heir: None,
            rows,
        });
        Some(others.collect())
    }
}

/// A set that several threads use is divided when it has this many rows: the parts take little beside them, and the index has
/// enough buckets.
const DIVIDE_AT: usize = 4_096;

impl Table {
    /// Refuses callers who may not read.
    #[inline]
    pub(crate) fn check_read(&self, caller: ProcessId) -> Result<(), TableError> {
        self.allow(self.access != Access::Private, caller)
    }

    /// Refuses callers who may not write.
    #[inline]
    pub(crate) fn check_write(&self, caller: ProcessId) -> Result<(), TableError> {
        self.allow(self.access == Access::Public, caller)
    }

    /// Refuses everybody but the owner.
    pub(crate) fn check_owner(&self, caller: ProcessId) -> Result<(), TableError> {
        self.allow(false, caller)
    }

    #[inline]
    fn allow(&self, anybody: bool, caller: ProcessId) -> Result<(), TableError> {
        if anybody || caller == self.owner {
            Ok(())
        } else {
            Err(TableError::Access { owner: self.owner })
        }
    }

    /// Without the rows of other parts, and in `memory` without the bytes of rows.
    pub(crate) fn info(&self) -> TableInfo {
        TableInfo {
            name: self.name.clone(),
            kind: self.rows.kind(),
            access: self.access,
            key_position: self.rows.key_position(),
            owner: self.owner,
            heir: self.heir.as_ref().map(|heir| heir.pid),
            size: self.rows.len(),
            memory: self.rows.index_memory() + size_of::<Table>(),
        }
    }

    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], reply: &mut Reply<'_>) -> Result<bool, TableError> {
        check_key(key)?;
        Ok(self.rows.find(key).map(|row| reply.write(row)).is_some())
    }

    pub(crate) fn lookup_element(
        &self,
        key: &[u8],
        position: usize,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        check_key(key)?;
        let Some(row) = self.rows.find(key) else {
            return Ok(false);
        };
        let range = term::element(row, position).ok_or_else(|| bad_position(row, position))?;
        reply.write(&row[range]);
        Ok(true)
    }

    pub(crate) fn member(&self, key: &[u8]) -> Result<bool, TableError> {
        check_key(key)?;
        Ok(self.rows.find(key).is_some())
    }

    pub(crate) fn take(&mut self, key: &[u8], reply: &mut Reply<'_>) -> Result<bool, TableError> {
        Ok(self.lookup(key, reply)? && self.rows.remove(key))
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> Result<bool, TableError> {
        check_key(key)?;
        Ok(self.rows.remove(key))
    }

    /// Deletes the row with the key if it is there and `wanted`.
    pub(crate) fn delete_if(&mut self, key: &[u8], wanted: impl FnOnce(&[u8]) -> bool) -> bool {
        self.rows.find(key).is_some_and(wanted) && self.rows.remove(key)
    }
}

/// Checks the row that begins at `at` and returns where it ends.
#[inline]
fn check_row(bytes: &[u8], at: usize, key_position: usize) -> Result<usize, TableError> {
    let (count, first) = match bytes.get(at) {
        Some(&tags::ARRAY8) => (bytes.get(at + 1).copied().unwrap_or(0) as usize, at + 2),
        _ => check_long_row(bytes, at, key_position)?,
    };
    if key_position >= count {
        term::validate(bytes, at, Form::Any)?;
        return Err(TableError::BadRow {
            length: Some(count),
            key_position,
        });
    }
    let mut end = first;
    for position in 0..count {
        let form = if position == key_position {
            Form::Key
        } else {
            Form::Any
        };
        end = term::validate(bytes, end, form)?;
    }
    Ok(end)
}

/// The number of elements and the offset of the first of a row that is a long array.
fn check_long_row(
    bytes: &[u8],
    at: usize,
    key_position: usize,
) -> Result<(usize, usize), TableError> {
    term::validate(bytes, at, Form::Any)?;
    match term::element_count(&bytes[at..]) {
        Some((count, first)) => Ok((count, at + first)),
        None => Err(TableError::BadRow {
            length: None,
            key_position,
        }),
    }
}

/// Checks `count` rows that fill `bytes`.
#[inline]
pub(crate) fn check_rows(
    bytes: &[u8],
    count: usize,
    key_position: usize,
) -> Result<(), TableError> {
    let mut at = 0;
    for _ in 0..count {
        at = check_row(bytes, at, key_position)?;
    }
    check_end(bytes, at)
}

/// Checks that `bytes` are exactly one key.
#[inline]
pub(crate) fn check_key(bytes: &[u8]) -> Result<(), TableError> {
    check_end(bytes, term::validate(bytes, 0, Form::Key)?)
}

/// Checks that nothing is left over.
#[inline]
pub(crate) fn check_end(bytes: &[u8], end: usize) -> Result<(), TableError> {
    if end == bytes.len() {
        Ok(())
    } else {
        Err(TableError::BadTerm { offset: end })
    }
}

/// The error for an element that is not there.
pub(crate) fn bad_position(row: &[u8], position: usize) -> TableError {
    let length = term::element_count(row).map_or(0, |(count, _)| count);
    TableError::BadPosition { position, length }
}

/// Splits checked terms that follow each other.
pub(crate) fn split_terms(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (first, rest) = bytes.split_at(term::skip(bytes, 0));
        bytes = rest;
        Some(first)
    })
}
