//! Operations on the rows of a table: each finds the table, takes its lock, checks the caller's access, and leaves the rest to
//! `table`, `update` and `chunk`.

use crate::{
    Bound, Chunk, CounterOp, Filter, Page, ProcessId, Projection, Reply, TableError, TableId,
    Tables,
};

impl Tables {
    /// Inserts `count` encoded rows that follow each other in `rows`, all or, on an error, none. A row takes the place of
    /// the one with its key.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `BadTerm`, `BadRow`, `NotCanonical`, `OutOfMemory`.
    #[inline]
    pub fn insert(
        &self,
        id: TableId,
        caller: ProcessId,
        rows: &[u8],
        count: usize,
    ) -> Result<(), TableError> {
        self.write(id, caller, |table| table.insert(rows, count))
    }

    /// Like [`insert`](Tables::insert), but inserts nothing and returns false when one of the keys is there.
    ///
    /// # Errors
    /// As `insert`.
    pub fn insert_new(
        &self,
        id: TableId,
        caller: ProcessId,
        rows: &[u8],
        count: usize,
    ) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.insert_new(rows, count))
    }

    /// Writes the row with the key; false when there is none.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, or the fault of the key.
    #[inline]
    pub fn lookup(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| table.lookup(key, reply))
    }

    /// Writes one element of the row with the key; false when there is no such row.
    ///
    /// # Errors
    /// As `lookup`, and `BadPosition`.
    pub fn lookup_element(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        position: usize,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| {
            table.lookup_element(key, position, reply)
        })
    }

    /// True when there is a row with the key.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn member(&self, id: TableId, caller: ProcessId, key: &[u8]) -> Result<bool, TableError> {
        self.read(id, caller, |table| table.member(key))
    }

    /// Writes the row with the key and deletes it; false when there is none.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn take(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.take(key, reply))
    }

    /// Deletes the row with the key; false when there is none.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn delete(&self, id: TableId, caller: ProcessId, key: &[u8]) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.delete(key))
    }

    /// Deletes all rows. Returns how many there were, and how many of them wait for [`reclaim`](Tables::reclaim).
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub fn delete_all(&self, id: TableId, caller: ProcessId) -> Result<(usize, usize), TableError> {
        let rows = self.write(id, caller, |table| Ok(table.rows.replace_with_empty()))?;
        Ok((rows.len(), self.let_go(rows)))
    }

    /// Adds to an integer element: `update_counter` with one step, faster. The new value is returned when it is a
    /// 32-bit integer and written otherwise.
    ///
    /// # Errors
    /// As [`update_counter`](Tables::update_counter).
    #[inline]
    pub fn counter_add(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        position: usize,
        increment: i32,
        reply: &mut Reply<'_>,
    ) -> Result<Option<i32>, TableError> {
        self.write(id, caller, |table| {
            table.counter_add(key, position, increment, reply)
        })
    }

    /// Applies steps to the row with the key, all or none, and writes each new value.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `NoSuchKey` without row and default, `BadPosition`, `NotANumber`, `BadRow` for the default,
    /// or a fault of the terms.
    pub fn update_counter(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        ops: &[CounterOp<'_>],
        default: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<(), TableError> {
        self.write(id, caller, |table| {
            table.update_counter(key, ops, default, reply)
        })
    }

    /// Replaces elements of the row with the key, all or none; false when there is no such row.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `BadPosition`, or a fault of the terms.
    pub fn update_element(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        changes: &[(usize, &[u8])],
    ) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.update_element(key, changes))
    }

    /// Writes the first (or last) key; false when the table is empty.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub fn end_key(
        &self,
        id: TableId,
        caller: ProcessId,
        last: bool,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| Ok(table.end_key(last, reply)))
    }

    /// Writes the key after (or before) `key`, which need not be there; false when there is none. O(log n) in an ordered_set,
    /// O(1) expected in a set, where "before" means the same as "after".
    ///
    /// # Errors
    /// As `lookup`.
    pub fn neighbour_key(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        before: bool,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| table.neighbour_key(key, before, reply))
    }

    /// Writes the next rows of the table.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, or the fault of the continuation.
    pub fn chunk(
        &self,
        id: TableId,
        caller: ProcessId,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| table.rows_chunk(page, reply))
    }

    /// Writes the next rows between two keys of an ordered_set.
    ///
    /// # Errors
    /// As `chunk`, and `WrongKind`.
    pub fn range(
        &self,
        id: TableId,
        caller: ProcessId,
        from: Option<Bound<'_>>,
        to: Option<Bound<'_>>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| table.range(from, to, page, reply))
    }

    /// Writes the next rows whose key begins with `prefix`.
    ///
    /// # Errors
    /// As `chunk`, and `BadTerm` for a prefix that is no string, array or bytes.
    pub fn prefix(
        &self,
        id: TableId,
        caller: ProcessId,
        prefix: &[u8],
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| table.prefix(prefix, page, reply))
    }

    /// Writes the next results of a selection.
    ///
    /// # Errors
    /// As `chunk`.
    pub fn select(
        &self,
        id: TableId,
        caller: ProcessId,
        filter: &Filter<'_>,
        projection: &Projection<'_>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| {
            table.select(filter, projection, page, reply)
        })
    }

    /// Counts the next rows that satisfy a filter; writes only the continuation.
    ///
    /// # Errors
    /// As `chunk`.
    pub fn select_count(
        &self,
        id: TableId,
        caller: ProcessId,
        filter: &Filter<'_>,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| {
            table.select_count(filter, continuation, reply)
        })
    }

    /// Deletes the next rows that satisfy a filter; writes only the continuation.
    ///
    /// # Errors
    /// As `chunk`.
    pub fn select_delete(
        &self,
        id: TableId,
        caller: ProcessId,
        filter: &Filter<'_>,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.write(id, caller, |table| {
            table.select_delete(filter, continuation, reply)
        })
    }
}
