//! Records that keep their number.

use crate::huge_pages;

const CHUNK: usize = 256;

/// A slab in chunks of 256, 256, 512, 1,024, ... records: growing moves no record, so no insertion pauses for a copy of
/// everything. Free places are kept on a stack.
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    /// Places in use or free.
    used: u32,
    length: usize,
}

/// Chunk and place within it.
#[inline]
fn place(number: u32) -> (usize, usize) {
    let number = number as usize;
    if number < CHUNK {
        return (0, number);
    }
    let chunk = (number / CHUNK).ilog2();
    (chunk as usize + 1, number - (CHUNK << chunk))
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Slab<T> {
        Slab {
            chunks: Vec::new(),
            free: Vec::new(),
            used: 0,
            length: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn insert(&mut self, record: T) -> u32 {
        self.length += 1;
        if let Some(number) = self.free.pop() {
            let (chunk, at) = place(number);
            self.chunks[chunk][at] = Some(record);
            return number;
        }
        let number = self.used;
        self.used += 1;
        let (chunk, _) = place(number);
        if chunk == self.chunks.len() {
            self.chunks.push(new_chunk(chunk));
        }
        self.chunks[chunk].push(Some(record));
        number
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (chunk, at) = place(number);
        self.chunks.get(chunk)?.get(at)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, at) = place(number);
        self.chunks.get_mut(chunk)?.get_mut(at)?.as_mut()
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let (chunk, at) = place(number);
        let record = self.chunks.get_mut(chunk)?.get_mut(at)?.take()?;
        self.free.push(number);
        self.length -= 1;
        Some(record)
    }
}

/// Room for the records of a chunk, but the first grows as needed, so that small slabs stay small.
fn new_chunk<T>(number: usize) -> Vec<Option<T>> {
    let Some(doublings) = number.checked_sub(1) else {
        return Vec::new();
    };
    let mut chunk = Vec::with_capacity(CHUNK << doublings);
    let room = chunk.spare_capacity_mut();
    huge_pages::advise(room.as_mut_ptr().cast(), size_of_val(room));
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_numbers_and_places_are_used_again() {
        let mut slab = Slab::new();
        let numbers: Vec<u32> = (0..10_000).map(|record| slab.insert(record)).collect();
        assert_eq!(numbers, (0..10_000).collect::<Vec<u32>>());
        for number in (0..10_000).step_by(2) {
            assert_eq!(slab.remove(number), Some(number));
            assert_eq!(slab.remove(number), None);
        }
        assert_eq!(slab.len(), 5_000);
        assert!(slab.insert(7) < 10_000);
        assert!(
            (1..10_000)
                .step_by(2)
                .all(|number| slab.get(number) == Some(&number))
        );
        assert_eq!(slab.get(10_000), None);
        assert_eq!(slab.get(u32::MAX), None);
    }
}
