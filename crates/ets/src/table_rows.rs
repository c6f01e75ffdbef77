//! Operations on the rows of a table: each finds the table, takes the lock of the part that the key belongs to, checks the caller's
//! access, and leaves the rest to `table`, `update`, `many_rows` and `chunk`. Every operation on one row, and every insertion of
//! several, happens as a whole; walks and selections see each part as it is when they come to it.

use crate::{
    Bound, Chunk, CounterOp, Filter, Page, ProcessId, Projection, Reply, TableError, TableId,
    Tables, row::key_of, rows::Rows, table::check_rows,
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
        if count != 1 {
            return self.insert_many(id, caller, rows, count, false).map(|_| ());
        }
        let key_position = self.layout(id)?.key_position();
        let checked = check_rows(rows, 1, key_position);
        // Whether the caller may insert at all is the first thing to say.
        let key = checked.map_or(&[][..], |()| key_of(rows, key_position));
        self.write(id, caller, key, |table| {
            checked?;
            table.rows.insert(rows)
        })
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
        self.insert_many(id, caller, rows, count, true)
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
        self.read(id, caller, key, |table| table.lookup(key, reply))
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
        self.read(id, caller, key, |table| {
            table.lookup_element(key, position, reply)
        })
    }

    /// True when there is a row with the key.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn member(&self, id: TableId, caller: ProcessId, key: &[u8]) -> Result<bool, TableError> {
        self.read(id, caller, key, |table| table.member(key))
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
        self.write(id, caller, key, |table| table.take(key, reply))
    }

    /// Deletes the row with the key; false when there is none.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn delete(&self, id: TableId, caller: ProcessId, key: &[u8]) -> Result<bool, TableError> {
        self.write(id, caller, key, |table| table.delete(key))
    }

    /// Deletes all rows. Returns how many there were, and how many of them wait for [`reclaim`](Tables::reclaim).
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub fn delete_all(&self, id: TableId, caller: ProcessId) -> Result<(usize, usize), TableError> {
        let parts = self.write_whole(id, caller, |table| {
            let count = table.parts().len();
            let empty = table.first().rows.empty(count);
            let parts = table.parts().zip(empty);
            Ok(parts
                .map(|(part, empty)| std::mem::replace(&mut part.rows, empty))
                .collect::<Vec<_>>())
        })?;
        Ok((parts.iter().map(Rows::len).sum(), self.let_go(parts)))
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
        self.write(id, caller, key, |table| {
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
        self.write(id, caller, key, |table| {
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
        self.write(id, caller, key, |table| table.update_element(key, changes))
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
        self.walk(id, caller)?.end_key(last, reply)
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
        self.walk(id, caller)?.neighbour_key(key, before, reply)
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
        self.walk(id, caller)?.rows_chunk(page, reply)
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
        self.walk(id, caller)?.range(from, to, page, reply)
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
        self.walk(id, caller)?.prefix(prefix, page, reply)
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
        self.walk(id, caller)?
            .select(filter, projection, page, reply)
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
        self.walk(id, caller)?
            .select_count(filter, continuation, reply)
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
        self.check_write(id, caller)?;
        let (keys, mut chunk) = self
            .walk(id, caller)?
            .select_keys(filter, continuation, reply)?;
        chunk.results = 0;
        for key in &keys {
            // A row may have changed since.
            let deleted = self.write(id, caller, key, |table| {
                Ok(table.delete_if(key, |row| filter.holds(row)))
            })?;
            chunk.results += usize::from(deleted);
        }
        Ok(chunk)
    }
}
