//! One table: what it is, whose it is, and the operations on single rows.

use crate::{
    ProcessId, Reply, TableError,
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

pub(crate) struct Table {
    pub(crate) name: Option<Box<[u8]>>,
    pub(crate) access: Access,
    pub(crate) owner: ProcessId,
    pub(crate) heir: Option<Heir>,
    pub(crate) rows: Rows,
}

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

    pub(crate) fn info(&self) -> TableInfo {
        TableInfo {
            name: self.name.clone(),
            kind: self.rows.kind(),
            access: self.access,
            key_position: self.rows.key_position(),
            owner: self.owner,
            heir: self.heir.as_ref().map(|heir| heir.pid),
            size: self.rows.len(),
            memory: self.rows.memory() + size_of::<Table>(),
        }
    }

    /// Checks the row that begins at `at` and returns where it ends.
    #[inline]
    pub(crate) fn check_row(&self, bytes: &[u8], at: usize) -> Result<usize, TableError> {
        let key_position = self.rows.key_position();
        let (count, first) = match bytes.get(at) {
            Some(&tags::ARRAY8) => (bytes.get(at + 1).copied().unwrap_or(0) as usize, at + 2),
            _ => self.check_long_row(bytes, at)?,
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
    fn check_long_row(&self, bytes: &[u8], at: usize) -> Result<(usize, usize), TableError> {
        term::validate(bytes, at, Form::Any)?;
        let key_position = self.rows.key_position();
        match term::element_count(&bytes[at..]) {
            Some((count, first)) => Ok((count, at + first)),
            None => Err(TableError::BadRow {
                length: None,
                key_position,
            }),
        }
    }

    /// Checks `count` rows that fill `bytes`.
    fn check_rows(&self, bytes: &[u8], count: usize) -> Result<(), TableError> {
        let mut at = 0;
        for _ in 0..count {
            at = self.check_row(bytes, at)?;
        }
        check_end(bytes, at)
    }

    pub(crate) fn insert(&mut self, bytes: &[u8], count: usize) -> Result<(), TableError> {
        self.check_rows(bytes, count)?;
        if count == 1 {
            self.rows.insert(bytes)
        } else {
            self.rows.insert_all(split_terms(bytes))
        }
    }

    pub(crate) fn insert_new(&mut self, bytes: &[u8], count: usize) -> Result<bool, TableError> {
        self.check_rows(bytes, count)?;
        if split_terms(bytes).any(|row| self.rows.find(self.rows.key_of(row)).is_some()) {
            return Ok(false);
        }
        if count == 1 {
            self.rows.insert(bytes)
        } else {
            self.rows.insert_all(split_terms(bytes))
        }?;
        Ok(true)
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
