//! Memory for the rows of one table.
//!
//! Small rows are cut one after the other from chunks, which grow with the table, and freed ones are kept in lists by size. So a row
//! costs no more than its bytes rounded up to 16, allocating one is a few instructions, and rows lie close together, in large
//! pages when they are many. The idea is that of Hanson, "Fast allocation and deallocation of memory based on object
//! lifetimes" (Software: Practice and Experience, 1990), with free lists. The price: a table that shrinks keeps its
//! chunks for later rows, until it is empty.

use std::{ptr::NonNull, sync::Arc};

use crate::{RowMemory, huge_pages, quarry::Quarry};

/// Sizes of blocks are multiples of this, and so are their addresses.
const UNIT: usize = 16;
/// Larger rows have memory of their own.
const LARGEST: usize = 512;
const SMALLEST_CHUNK: usize = 512;
const LARGEST_CHUNK: usize = 8 * 1024 * 1024;
/// An empty table keeps chunks up to this many bytes.
const KEPT_WHEN_EMPTY: usize = 64 * 1024;

/// See the module. Frees its chunks when dropped; what is larger must have been freed by then.
pub(crate) struct Arena {
    memory: Arc<dyn RowMemory>,
    /// Where chunks come from if the table is divided.
    quarry: Option<Arc<Quarry>>,
    chunks: Vec<(NonNull<u8>, usize)>,
    /// Bytes of all chunks.
    reserved: usize,
    /// The part of the last chunk that has not been cut yet.
    rest: NonNull<u8>,
    rest_bytes: usize,
    /// Freed blocks by size; each holds the address of the next.
    free: [Option<NonNull<u8>>; LARGEST / UNIT],
    /// Blocks that are in use.
    in_use: usize,
}

// SAFETY: the chunks belong to the arena alone, and the memory may be used by any thread.
unsafe impl Send for Arena {}
// SAFETY: a shared arena can do nothing.
unsafe impl Sync for Arena {}

fn list_of(bytes: usize) -> usize {
    bytes / UNIT - 1
}

impl Arena {
    pub(crate) fn new(memory: Arc<dyn RowMemory>) -> Arena {
        Arena::with_chunks_from(memory, None, 0)
    }

    fn with_chunks_from(
        memory: Arc<dyn RowMemory>,
        quarry: Option<Arc<Quarry>>,
        in_use: usize,
    ) -> Arena {
        Arena {
            memory,
            quarry,
            chunks: Vec::new(),
            reserved: 0,
            rest: NonNull::dangling(),
            rest_bytes: 0,
            free: [None; LARGEST / UNIT],
            in_use,
        }
    }

    /// An empty arena in the same memory.
    pub(crate) fn another(&self) -> Arena {
        Arena::new(Arc::clone(&self.memory))
    }

    /// Divides the arena and the blocks in use: this many stay, so many go to each of the others, which the caller knows to tell
    /// apart. The chunks are kept until the last part is gone.
    pub(crate) fn divide(
        &mut self,
        stay: usize,
        go: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = Arena> {
        debug_assert!(self.quarry.is_none());
        let chunks = std::mem::take(&mut self.chunks);
        let rest = (self.rest, std::mem::take(&mut self.rest_bytes));
        let quarry = Arc::new(Quarry::over(Arc::clone(&self.memory), chunks, rest));
        self.quarry = Some(Arc::clone(&quarry));
        self.reserved = 0;
        self.in_use = stay;
        let memory = Arc::clone(&self.memory);
        go.map(move |in_use| {
            Arena::with_chunks_from(Arc::clone(&memory), Some(Arc::clone(&quarry)), in_use)
        })
    }

    /// A block of `size` bytes, more than 0, aligned to 16; none when there is no memory.
    #[inline]
    pub(crate) fn allocate(&mut self, size: usize) -> Option<NonNull<u8>> {
        let bytes = size.next_multiple_of(UNIT);
        if bytes > LARGEST {
            let block = self.memory.allocate(size)?;
            self.in_use += 1;
            return Some(block);
        }
        let list = list_of(bytes);
        if let Some(block) = self.free[list] {
            // SAFETY: blocks in a list are the arena's, and begin with the link that `keep` wrote.
            self.free[list] = unsafe { block.cast::<Option<NonNull<u8>>>().read() };
            self.in_use += 1;
            return Some(block);
        }
        if bytes > self.rest_bytes {
            self.add_chunk()?;
        }
        self.in_use += 1;
        let block = self.rest;
        // SAFETY: at least `bytes` are left of the chunk.
        self.rest = unsafe { block.add(bytes) };
        self.rest_bytes -= bytes;
        Some(block)
    }

    /// Makes room for at least one block of any size. Chunks double what there is, those from a quarry add a quarter: all parts of
    /// a table need their next at about the same time.
    #[cold]
    fn add_chunk(&mut self) -> Option<()> {
        let wanted = match self.quarry {
            None => self.reserved,
            Some(_) => (self.reserved / 4).next_power_of_two(),
        };
        let wanted = wanted.clamp(SMALLEST_CHUNK, LARGEST_CHUNK);
        let (chunk, bytes) = [wanted, SMALLEST_CHUNK]
            .into_iter()
            .find_map(|bytes| Some((self.allocate_chunk(bytes)?, bytes)))?;
        huge_pages::advise(chunk.as_ptr(), bytes);
        if self.rest_bytes > 0 {
            // SAFETY: the rest of a chunk is nobody's, and too small for the block that was asked for.
            unsafe { self.keep(self.rest, self.rest_bytes) };
        }
        self.chunks.push((chunk, bytes));
        self.reserved += bytes;
        (self.rest, self.rest_bytes) = (chunk, bytes);
        Some(())
    }

    fn allocate_chunk(&self, bytes: usize) -> Option<NonNull<u8>> {
        match &self.quarry {
            None => self.memory.allocate(bytes),
            Some(quarry) => quarry.cut(bytes),
        }
    }

    /// Puts a block in the list of its size.
    ///
    /// # Safety
    /// The block is in a chunk, has `bytes` bytes, a multiple of 16 up to `LARGEST`, and nobody uses it.
    #[inline]
    unsafe fn keep(&mut self, block: NonNull<u8>, bytes: usize) {
        let list = list_of(bytes);
        // SAFETY: by the caller's promise; a block has room for a link and is aligned for it.
        unsafe { block.cast::<Option<NonNull<u8>>>().write(self.free[list]) };
        self.free[list] = Some(block);
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// The block came from `allocate` of this arena with the same size and is not used any more.
    #[inline]
    pub(crate) unsafe fn free(&mut self, block: NonNull<u8>, size: usize) {
        let bytes = size.next_multiple_of(UNIT);
        if bytes > LARGEST {
            // SAFETY: by the caller's promise, and as `allocate` got it.
            unsafe { self.memory.free(block, size) };
        } else {
            // SAFETY: by the caller's promise.
            unsafe { self.keep(block, bytes) };
        }
        self.in_use -= 1;
        if self.in_use == 0 && self.reserved > KEPT_WHEN_EMPTY {
            self.free_chunks();
        }
    }

    /// Forgets all blocks, none of which is in use.
    fn free_chunks(&mut self) {
        self.free = [None; LARGEST / UNIT];
        (self.rest, self.rest_bytes) = (NonNull::dangling(), 0);
        self.reserved = 0;
        for (chunk, bytes) in self.chunks.drain(..) {
            // SAFETY: from `allocate_chunk`, which had it from here with this size; no block in it is in use.
            unsafe {
                match &self.quarry {
                    None => self.memory.free(chunk, bytes),
                    Some(quarry) => quarry.give_back(chunk, bytes),
                }
            }
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.free_chunks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemMemory;

    #[test]
    fn blocks_do_not_overlap_and_are_used_again() {
        let mut arena = Arena::new(Arc::new(SystemMemory));
        let size_of = |number: usize| 1 + number * 7 % 600;
        let mut blocks = Vec::new();
        for round in 0..3 {
            for number in 0..2_000 {
                let block = arena.allocate(size_of(number)).unwrap();
                assert!(block.addr().get().is_multiple_of(UNIT));
                // SAFETY: the block has this many bytes.
                unsafe { block.write_bytes(number as u8, size_of(number)) };
                blocks.push((number, block));
            }
            let kept = if round == 2 { 0 } else { 500 };
            for (number, block) in blocks.drain(kept..) {
                // SAFETY: as above, and freed once.
                unsafe {
                    let bytes = std::slice::from_raw_parts(block.as_ptr(), size_of(number));
                    assert!(bytes.iter().all(|byte| *byte == number as u8));
                    arena.free(block, size_of(number));
                }
            }
        }
        assert_eq!((arena.in_use, arena.reserved), (0, 0));
    }

    #[test]
    fn chunks_grow_with_what_is_in_use() {
        let mut arena = Arena::new(Arc::new(SystemMemory));
        for _ in 0..100_000 {
            arena.allocate(32).unwrap();
        }
        assert!(arena.reserved < 2 * 3_200_000, "{}", arena.reserved);
        assert!(arena.chunks.len() < 20);
    }
}
