//! Inserting several rows as one: all or none, and nobody sees some of them.
//!
//! The parts that the rows belong to are locked together, in their order.

use crate::{
    ProcessId, TableError, TableId, Tables,
    directory::{Locked, PartSet},
    row::key_of,
    table::{Table, check_rows, split_terms},
};

/// A row with its key's hash.
type Hashed<'a> = (u32, &'a [u8]);

impl Tables {
    /// Inserts `count` rows; with `only_new` nothing, and the answer is false, when one of the keys is there.
    pub(crate) fn insert_many(
        &self,
        id: TableId,
        caller: ProcessId,
        bytes: &[u8],
        count: usize,
        only_new: bool,
    ) -> Result<bool, TableError> {
        let key_position = self.layout(id)?.key_position();
        let checked = check_rows(bytes, count, key_position);
        let rows: Vec<Hashed<'_>> = match checked {
            Ok(()) => split_terms(bytes)
                .map(|row| (self.hashing.hash(key_of(row, key_position)), row))
                .collect(),
            Err(_) => Vec::new(),
        };
        // Some part is needed to see whether the caller may, even if that is all there is to do.
        let mut parts = PartSet::of(rows.iter().map(|(hash, _)| *hash));
        if rows.is_empty() {
            parts = PartSet::of(std::iter::once(0));
        }
        let inserted = self.directory.write_parts(id, parts, |table| {
            table.first().check_write(caller)?;
            checked?;
            if only_new && rows.iter().any(|row| is_there(table, *row, key_position)) {
                return Ok(false);
            }
            put_all(table, &rows)?;
            Ok(true)
        });
        inserted.unwrap_or(Err(TableError::NoSuchTable))
    }
}

fn is_there(table: &mut Locked<'_, Table>, (hash, row): Hashed<'_>, key_position: usize) -> bool {
    let part = table.part_of(hash);
    part.rows.find(key_of(row, key_position)).is_some()
}

/// Puts all rows in or, when memory runs out, none.
fn put_all(table: &mut Locked<'_, Table>, rows: &[Hashed<'_>]) -> Result<(), TableError> {
    let mut fresh = Vec::with_capacity(rows.len());
    for (hash, row) in rows {
        match table.part_of(*hash).rows.prepare(row) {
            Ok(prepared) => fresh.push((*hash, prepared)),
            Err(error) => {
                for (hash, prepared) in fresh {
                    table.part_of(hash).rows.discard(prepared);
                }
                return Err(error);
            }
        }
    }
    for (hash, prepared) in fresh {
        table.part_of(hash).rows.put_prepared(prepared);
    }
    Ok(())
}
