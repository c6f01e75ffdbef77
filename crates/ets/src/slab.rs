//! Records that keep their number.

const CHUNK: usize = 256;

/// A slab in chunks of 256 records: growing moves no record, so no insertion pauses for a copy of everything. Free
/// places are kept on a stack.
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    length: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Slab<T> {
        Slab {
            chunks: Vec::new(),
            free: Vec::new(),
            length: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn insert(&mut self, record: T) -> u32 {
        self.length += 1;
        if let Some(number) = self.free.pop() {
            self.chunks[number as usize / CHUNK][number as usize % CHUNK] = Some(record);
            return number;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows as needed, so that small slabs stay small.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let chunk = self.chunks.len() - 1;
        self.chunks[chunk].push(Some(record));
        (chunk * CHUNK + self.chunks[chunk].len() - 1) as u32
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.chunks
            .get(number as usize / CHUNK)?
            .get(number as usize % CHUNK)?
            .as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.chunks
            .get_mut(number as usize / CHUNK)?
            .get_mut(number as usize % CHUNK)?
            .as_mut()
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let record = self
            .chunks
            .get_mut(number as usize / CHUNK)?
            .get_mut(number as usize % CHUNK)?
            .take()?;
        self.free.push(number);
        self.length -= 1;
        Some(record)
    }
}
