//! A growable array of records named by `u32`, with a free list through the free records. Records never move to another
//! index; growing allocates one more chunk and copies nothing, so no operation has a pause that grows with the size.

/// Names no record.
pub const NIL: u32 = u32::MAX;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

enum Cell<T> {
    Free { next: u32 },
    Full(T),
}

/// See the module.
pub struct Slab<T> {
    chunks: Vec<Box<[Cell<T>]>>,
    free: u32,
    fresh: u32,
    len: u32,
}

impl<T> Slab<T> {
    pub const fn new() -> Self {
        Slab {
            chunks: Vec::new(),
            free: NIL,
            fresh: 0,
            len: 0,
        }
    }

    /// Records in use.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Bytes of all chunks.
    pub fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Cell<T>>()
    }

    #[inline]
    pub fn insert(&mut self, record: T) -> u32 {
        self.len += 1;
        if self.free != NIL {
            let index = self.free;
            let cell = self.cell(index);
            if let Cell::Free { next } = *cell {
                *cell = Cell::Full(record);
                self.free = next;
            }
            return index;
        }
        let index = self.fresh;
        if index as usize == self.chunks.len() * CHUNK {
            self.chunks
                .push((0..CHUNK).map(|_| Cell::Free { next: NIL }).collect());
        }
        self.fresh += 1;
        *self.cell(index) = Cell::Full(record);
        index
    }

    /// Takes the record out. Panics when there is none: an index is only ever kept by the lists it is on.
    #[inline]
    pub fn remove(&mut self, index: u32) -> T {
        let next = self.free;
        let cell = std::mem::replace(self.cell(index), Cell::Free { next });
        match cell {
            Cell::Full(record) => {
                self.free = index;
                self.len -= 1;
                record
            }
            Cell::Free { .. } => panic!("slab record {index} is free"),
        }
    }

    #[inline]
    pub fn get(&self, index: u32) -> Option<&T> {
        let chunk = self.chunks.get((index >> CHUNK_BITS) as usize)?;
        match &chunk[index as usize & (CHUNK - 1)] {
            Cell::Full(record) => Some(record),
            Cell::Free { .. } => None,
        }
    }

    /// Indexes of the records in use.
    pub fn indexes(&self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.iter().enumerate().flat_map(|(chunk, cells)| {
            let first = (chunk as u32) << CHUNK_BITS;
            let full = cells.iter().enumerate();
            full.filter_map(move |(place, cell)| {
                matches!(cell, Cell::Full(_)).then_some(first | place as u32)
            })
        })
    }

    #[inline]
    fn cell(&mut self, index: u32) -> &mut Cell<T> {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        match &self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)] {
            Cell::Full(record) => record,
            Cell::Free { .. } => panic!("slab record {index} is free"),
        }
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        match self.cell(index) {
            Cell::Full(record) => record,
            Cell::Free { .. } => panic!("slab record {index} is free"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((any::<bool>(), any::<u16>()), 0..3000)) {
            let mut slab = Slab::new();
            let mut model: HashMap<u32, u16> = HashMap::new();
            for (insert, value) in steps {
                if insert || model.is_empty() {
                    let index = slab.insert(value);
                    prop_assert!(model.insert(index, value).is_none());
                } else {
                    let index = *model.keys().nth(value as usize % model.len()).unwrap();
                    prop_assert_eq!(slab.remove(index), model.remove(&index).unwrap());
                    prop_assert!(slab.get(index).is_none());
                }
                prop_assert_eq!(slab.len() as usize, model.len());
            }
            for (index, value) in model {
                prop_assert_eq!(slab[index], value);
            }
        }
    }
}
