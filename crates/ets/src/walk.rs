//! Going through the rows of a table that may be divided.
//!
//! A part is held for reading while its rows are visited, never two at a time. The order of a set is that of reversed
//! hashes, and the part of a row is the lowest bits of its hash; so parts, visited in the order of their reversed numbers,
//! continue each other in the order that the table had before it was divided. A walk that was begun then goes on as if
//! nothing had happened.

use std::ops::ControlFlow;

use crate::{
    Id, ProcessId, TableError,
    directory::{Directory, PART_BITS, PARTS, Shape},
    rows::{Bound, Hashing},
    table::{Kind, Layout, Table},
};

/// A table as somebody sees it who walks through it.
pub(crate) struct Walk<'a> {
    pub(crate) directory: &'a Directory<Table>,
    pub(crate) hashing: Hashing,
    pub(crate) id: Id,
    pub(crate) caller: ProcessId,
    pub(crate) layout: Layout,
}

/// Which part comes at a turn, and at which turn a part comes.
fn reversed(part: usize) -> usize {
    (part as u32).reverse_bits() as usize >> (u32::BITS - PART_BITS)
}

impl Walk<'_> {
    pub(crate) fn kind(&self) -> Kind {
        self.layout.kind()
    }

    pub(crate) fn key_position(&self) -> usize {
        self.layout.key_position()
    }

    pub(crate) fn key_of<'r>(&self, row: &'r [u8]) -> &'r [u8] {
        crate::row::key_of(row, self.key_position())
    }

    /// Uses the row with the key.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub(crate) fn find<R>(
        &self,
        key: &[u8],
        using: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, TableError> {
        let found = self.directory.read(
            self.id,
            || self.hashing.hash(key),
            |table| {
                table.check_read(self.caller)?;
                Ok(table.rows.find(key).map(using))
            },
        );
        found.unwrap_or(Err(TableError::NoSuchTable))
    }

    /// Visits rows from a bound on, in the table's own order (see `Rows::walk`).
    ///
    /// # Errors
    /// `NoSuchTable`, also when the table goes away meanwhile, `Access`.
    pub(crate) fn rows(
        &self,
        from: Option<Bound<'_>>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), TableError> {
        loop {
            let shape = self.directory.shape(self.id);
            let shape = shape.ok_or(TableError::NoSuchTable)?;
            if shape.is_divided() {
                return self.parts(shape, from, visit);
            }
            // If it is divided or goes away in between, nothing has been visited yet.
            if let Some(walked) = self.part(shape, 0, from, reverse, visit) {
                return walked.map(|_broken_off| ());
            }
        }
    }

    fn parts(
        &self,
        shape: Shape,
        from: Option<Bound<'_>>,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), TableError> {
        let first = from.map_or(0, |bound| {
            reversed(shape.part_of(self.hashing.hash(bound.key)))
        });
        for turn in first..PARTS {
            let from = from.filter(|_| turn == first);
            let walked = self.part(shape, reversed(turn), from, false, visit);
            if walked.ok_or(TableError::NoSuchTable)??.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Visits the rows of one part; none when the table is not of this shape any more.
    fn part(
        &self,
        shape: Shape,
        number: usize,
        from: Option<Bound<'_>>,
        reverse: bool,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Option<Result<ControlFlow<()>, TableError>> {
        self.directory.read_part(self.id, shape, number, |table| {
            table.check_read(self.caller)?;
            let mut flow = ControlFlow::Continue(());
            table.rows.walk(from, reverse, &mut |row| {
                flow = visit(row);
                flow
            });
            Ok(flow)
        })
    }
}
