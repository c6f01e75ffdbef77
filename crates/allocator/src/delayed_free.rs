//! Blocks that other threads give back to their owner: lock-free, many producers, one consumer, no memory of its own.
//!
//! OTP's `erl_alloc_util.c` has a queue for this (`ErtsAllctrDDQueue_t`, `ddq_enqueue`), of the family of Vyukov's
//! intrusive queue. Freed blocks have no order to keep, so this is the simpler stack that is emptied in one go: the
//! consumer never waits for a producer that stands between two steps (in Vyukov's queue it does), nothing is popped
//! singly so there is no ABA, and a closed stack can be told in the very compare-exchange that adds a block, which is
//! what lets an owner go away safely (see [`crate::owner`]).

use std::ptr::{self, NonNull};

use crate::sync::{AtomicPtr, Ordering, SharedCell};

/// What is written into a block while it waits.
///
/// ```text
/// head --> +--------+------+-------+     +--------+------+-------+
///          | header | next | ..... | --> | header | null | ..... |
///          +--------+------+-------+     +--------+------+-------+
///                   ^ a FreedBlock is the start of the payload
/// ```
#[repr(transparent)]
pub(crate) struct FreedBlock {
    next: SharedCell<*mut FreedBlock>,
}

impl FreedBlock {
    pub(crate) fn new() -> FreedBlock {
        FreedBlock {
            next: SharedCell::new(ptr::null_mut()),
        }
    }
}

/// Blocks taken off a [`DelayedFrees`], owned by who took them.
#[derive(Debug)]
pub(crate) struct Chain(*mut FreedBlock);

impl Chain {
    pub(crate) const fn empty() -> Chain {
        Chain(ptr::null_mut())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }
}

impl Iterator for Chain {
    type Item = NonNull<FreedBlock>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = NonNull::new(self.0)?;
        // SAFETY: the chain owns its blocks. The acquiring swap in `take` or `close` made the producer's write visible.
        self.0 = unsafe { first.as_ref().next.read() };
        Some(first)
    }
}

/// The owner is gone; the block was not added.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// The stack of blocks that wait for their owner.
#[derive(Debug)]
pub(crate) struct DelayedFrees {
    head: AtomicPtr<FreedBlock>,
}

/// No block lies here; a closed stack stays closed.
const CLOSED: *mut FreedBlock = ptr::without_provenance_mut(1);

impl DelayedFrees {
    pub(crate) fn new() -> DelayedFrees {
        DelayedFrees {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Whether blocks may be waiting. Relaxed: a stale answer only delays them to the next look.
    #[inline]
    pub(crate) fn may_have_some(&self) -> bool {
        !self.head.load(Ordering::Relaxed).is_null()
    }

    /// Adds a block. Lock-free; from any thread. Once it is added, `self` must not be touched again by this thread:
    /// its owner may free it.
    ///
    /// # Safety
    /// The block is a living `FreedBlock` that nobody else uses; on success it belongs to the stack.
    pub(crate) unsafe fn push(&self, block: NonNull<FreedBlock>) -> Result<(), Closed> {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head == CLOSED {
                return Err(Closed);
            }
            // SAFETY: the block is still ours.
            unsafe { block.as_ref().next.write(head) };
            // Release: publishes `next` and the last user's accesses to the block; synchronizes with the acquiring
            // swap in `take` and `close`.
            match self.head.compare_exchange_weak(
                head,
                block.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => head = now,
            }
        }
    }

    /// Takes all blocks. For the owner only; not after `close`.
    pub(crate) fn take(&self) -> Chain {
        // Acquire: synchronizes with the releasing compare-exchange in `push`. Every `push` continues the release
        // sequence of those before it, so one swap is enough for the whole chain.
        Chain(self.head.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// Takes all blocks and refuses new ones for ever. For the owner only, once.
    pub(crate) fn close(&self) -> Chain {
        // Acquire: as in `take`. A producer that reads CLOSED goes on to a mutex, which orders what it does there.
        Chain(self.head.swap(CLOSED, Ordering::Acquire))
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn block() -> NonNull<FreedBlock> {
        NonNull::from(Box::leak(Box::new(FreedBlock::new())))
    }

    fn free(chain: Chain) -> usize {
        // SAFETY: every block is a leaked box, and comes out of the stack once.
        chain
            .map(|block| unsafe { drop(Box::from_raw(block.as_ptr())) })
            .count()
    }

    #[test]
    fn nothing_is_lost_between_two_producers_and_the_owner() {
        loom::model(|| {
            let delayed = Arc::new(DelayedFrees::new());
            let producers = [1, 2].map(|count| {
                let delayed = Arc::clone(&delayed);
                thread::spawn(move || {
                    for _ in 0..count {
                        // SAFETY: a fresh block.
                        unsafe { delayed.push(block()) }.unwrap();
                    }
                })
            });
            let mut collected = free(delayed.take());
            for producer in producers {
                producer.join().unwrap();
            }
            assert_eq!(delayed.may_have_some(), collected < 3);
            collected += free(delayed.take());
            assert_eq!(collected, 3);
        });
    }

    #[test]
    fn a_block_is_either_taken_by_the_close_or_refused() {
        loom::model(|| {
            let delayed = Arc::new(DelayedFrees::new());
            let producers = [(); 2].map(|()| {
                let delayed = Arc::clone(&delayed);
                thread::spawn(move || {
                    let block = block();
                    // SAFETY: a fresh block; still ours when refused.
                    unsafe {
                        match delayed.push(block) {
                            Ok(()) => 0,
                            Err(Closed) => {
                                drop(Box::from_raw(block.as_ptr()));
                                1
                            }
                        }
                    }
                })
            });
            let taken = free(delayed.close());
            let refused: usize = producers
                .map(|producer| producer.join().unwrap())
                .iter()
                .sum();
            assert_eq!(taken + refused, 2);
        });
    }
}
