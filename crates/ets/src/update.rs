//! Changing elements of a row in place: counters and updates.

use crate::{
    Reply, TableError,
    table::{Table, bad_position, check_end, check_key},
    term::{self, Form, Number, tags},
};

/// One step of `update_counter`.
#[derive(Clone, Copy, Debug)]
pub struct CounterOp<'a> {
    /// Which element, from 0.
    pub position: usize,
    /// What to add: an encoded number or bigint.
    pub increment: &'a [u8],
    /// Encoded threshold and the encoded value to set when the sum passes it: upwards when the increment is not
    /// negative, downwards when it is.
    pub bounds: Option<(&'a [u8], &'a [u8])>,
}

/// Offsets of the elements of a row; the last is the row's end.
fn element_offsets(row: &[u8]) -> Vec<usize> {
    let Some((count, first)) = term::element_count(row) else {
        return Vec::new();
    };
    let mut offsets = Vec::with_capacity(count + 1);
    offsets.push(first);
    for index in 0..count {
        offsets.push(term::skip(row, offsets[index]));
    }
    offsets
}

/// Replaces one element of a row.
fn splice(row: &mut Vec<u8>, offsets: &mut [usize], position: usize, value: &[u8]) {
    let old = offsets[position]..offsets[position + 1];
    let grown = value.len() as isize - old.len() as isize;
    row.splice(old, value.iter().copied());
    for offset in &mut offsets[position + 1..] {
        *offset = offset.wrapping_add_signed(grown);
    }
}

impl Table {
    /// The common case of a counter: one integer and no bounds. Writes the new value when it is no 32-bit integer, and
    /// returns it when it is.
    #[inline]
    pub(crate) fn counter_add(
        &mut self,
        key: &[u8],
        position: usize,
        increment: i32,
        reply: &mut Reply<'_>,
    ) -> Result<Option<i32>, TableError> {
        check_key(key)?;
        let key_position = self.rows.key_position();
        let row = self.rows.find_mut(key).ok_or(TableError::NoSuchKey)?;
        if position != key_position
            && let Some(range) = term::element(row, position)
            && row[range.start] == tags::INT
            && let Some(sum) = (term::u32_at(row, range.start + 1) as i32).checked_add(increment)
        {
            row[range.start + 1..range.end].copy_from_slice(&sum.to_le_bytes());
            return Ok(Some(sum));
        }
        let mut encoded = [tags::INT, 0, 0, 0, 0];
        encoded[1..].copy_from_slice(&increment.to_le_bytes());
        let op = CounterOp {
            position,
            increment: &encoded,
            bounds: None,
        };
        let before = reply.len();
        self.update_counter(key, &[op], None, reply)?;
        let value = &reply.bytes()[before..];
        Ok((value[0] == tags::INT).then(|| term::u32_at(value, 1) as i32))
    }

    /// Applies counter steps and writes each new value. Without the key, `default` is inserted first, with the key put into it.
    pub(crate) fn update_counter(
        &mut self,
        key: &[u8],
        ops: &[CounterOp<'_>],
        default: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<(), TableError> {
        check_key(key)?;
        let (mut row, mut offsets) = match (self.rows.find(key), default) {
            (Some(row), _) => (row.to_vec(), element_offsets(row)),
            (None, Some(default)) => self.default_row(key, default)?,
            (None, None) => return Err(TableError::NoSuchKey),
        };
        let mut values = Vec::new();
        for op in ops {
            self.check_updatable(&row, op.position)?;
            let old = &row[offsets[op.position]..offsets[op.position + 1]];
            let value = counted(old, op)?;
            splice(&mut row, &mut offsets, op.position, &value);
            values.extend_from_slice(&value);
        }
        self.rows.update(key, &row)?;
        reply.write(&values);
        Ok(())
    }

    fn default_row(&self, key: &[u8], default: &[u8]) -> Result<(Vec<u8>, Vec<usize>), TableError> {
        let key_position = self.rows.key_position();
        check_end(default, term::validate(default, 0, Form::Any)?)?;
        let length = term::element_count(default).map(|(count, _)| count);
        if length.is_none_or(|count| count <= key_position) {
            return Err(TableError::BadRow {
                length,
                key_position,
            });
        }
        let (mut row, mut offsets) = (default.to_vec(), element_offsets(default));
        splice(&mut row, &mut offsets, key_position, key);
        Ok((row, offsets))
    }

    fn check_updatable(&self, row: &[u8], position: usize) -> Result<(), TableError> {
        let exists = term::element_count(row).is_some_and(|(count, _)| position < count);
        if exists && position != self.rows.key_position() {
            Ok(())
        } else {
            Err(bad_position(row, position))
        }
    }

    /// Replaces elements of the row with the key; false when there is none.
    pub(crate) fn update_element(
        &mut self,
        key: &[u8],
        changes: &[(usize, &[u8])],
    ) -> Result<bool, TableError> {
        check_key(key)?;
        for (_, value) in changes {
            check_end(value, term::validate(value, 0, Form::Any)?)?;
        }
        let Some(row) = self.rows.find(key) else {
            return Ok(false);
        };
        let (mut row, mut offsets) = (row.to_vec(), element_offsets(row));
        for (position, value) in changes {
            self.check_updatable(&row, *position)?;
            splice(&mut row, &mut offsets, *position, value);
        }
        self.rows.update(key, &row)?;
        Ok(true)
    }
}

/// The encoded result of one step on the encoded value `old`.
fn counted(old: &[u8], op: &CounterOp<'_>) -> Result<Vec<u8>, TableError> {
    let not_a_number = TableError::NotANumber {
        position: op.position,
    };
    let (threshold, set) = op.bounds.unzip();
    for term in [Some(op.increment), threshold, set].into_iter().flatten() {
        check_end(term, term::validate(term, 0, Form::Any)?)?;
        Number::try_read(term).ok_or(not_a_number)?;
    }
    let mut sum = Vec::with_capacity(9);
    if !term::add_numbers(old, op.increment, &mut sum) {
        return Err(not_a_number);
    }
    if let Some((threshold, set)) = op.bounds {
        let order = Number::read(&sum).compare(Number::read(threshold));
        let passed = if Number::read(op.increment).is_negative() {
            order.is_lt()
        } else {
            order.is_gt()
        };
        if passed {
            return Ok(set.to_vec());
        }
    }
    Ok(sum)
}
