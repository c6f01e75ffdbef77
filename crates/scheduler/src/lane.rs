//! Lanes: queues from one scheduler to another, without a lock and without bound.
//!
//! A lane has one sender and one receiver at a time. What they share is the slot that the next item goes into and nothing
//! else, so an item costs one cache line on its way from core to core: the sender fills the slot and marks it, the receiver sees the
//! mark, and neither reads where the other stands. (A mutex over a vector costs four lines: the lock with the vector's
//! head, its items, and a flag to look at.)
//!
//! ```text
//!   receiver's cursor                         sender's cursor
//!        v                                         v
//!   +---------+---------+--- ... ---+------+    +---------+---------+--- ... ---+------+
//!   | slot 0  | slot 1  |           | next | -> | slot 0  | slot 1  |           | next | -> null
//!   +---------+---------+--- ... ---+------+    +---------+---------+--- ... ---+------+
//!   slot: mark (EMPTY or FULL) and item
//! ```
//!
//! After the unbounded single-producer single-consumer queue of linked blocks (Vyukov, "Unbounded SPSC Queue"; M. Aldinucci and others,
//! "An Efficient Unbounded Lock-Free Queue for Multi-Core Systems", Euro-Par 2012). A block that has been read is freed by the receiver.
//!
//! Invariants: slots before the receiver's cursor are empty of items, those between the cursors are FULL, those behind the sender's are
//! EMPTY; a block's `next` is set once, by the sender, when all its slots are FULL.

use std::mem::MaybeUninit;
use std::ptr;

use crate::sync::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};

const EMPTY: u32 = 0;
const FULL: u32 = 1;

/// Items of one block. Few under loom, so that models pass from one block to the next.
#[cfg(not(loom))]
const BLOCK: usize = 63;
#[cfg(loom)]
const BLOCK: usize = 2;

struct Slot<T> {
    mark: AtomicU32,
    item: UnsafeCell<MaybeUninit<T>>,
}

struct Block<T> {
    slots: [Slot<T>; BLOCK],
    next: AtomicPtr<Block<T>>,
}

impl<T> Block<T> {
    fn allocate() -> *mut Block<T> {
        Box::into_raw(Box::new(Block {
            slots: std::array::from_fn(|_| Slot {
                mark: AtomicU32::new(EMPTY),
                item: UnsafeCell::new(MaybeUninit::uninit()),
            }),
            next: AtomicPtr::new(ptr::null_mut()),
        }))
    }
}

/// Where one side stands.
struct Cursor<T> {
    block: *mut Block<T>,
    place: usize,
}

/// Each side's cursor has cache lines of its own.
#[repr(align(128))]
struct Apart<T>(UnsafeCell<Cursor<T>>);

/// See the module.
///
/// ```
/// use viga_scheduler::Lane;
///
/// let lane = Lane::new();
/// std::thread::scope(|scope| {
///     // SAFETY: this thread alone sends.
///     scope.spawn(|| (0..100).for_each(|item| unsafe { lane.push(item) }));
///     let mut received = Vec::new();
///     while received.len() < 100 {
///         // SAFETY: this thread alone receives.
///         received.extend(unsafe { lane.pop() });
///     }
///     assert!(received.iter().copied().eq(0..100));
/// });
/// ```
pub struct Lane<T> {
    sender: Apart<T>,
    receiver: Apart<T>,
}

// SAFETY: items go from one thread to another; the cursors are each used by one thread at a time, which the callers of `push`, `pop` and
// `has_some` promise.
unsafe impl<T: Send> Send for Lane<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Lane<T> {}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Lane::new()
    }
}

impl<T> Lane<T> {
    /// An empty lane, of one block.
    #[must_use]
    pub fn new() -> Self {
        let block = Block::allocate();
        let cursor = || Apart(UnsafeCell::new(Cursor { block, place: 0 }));
        Lane {
            sender: cursor(),
            receiver: cursor(),
        }
    }

    /// Sends an item. Never waits; O(1), and one allocation for each 63 items.
    ///
    /// # Safety
    /// Only one thread at a time sends, and each sees what those before it did (a lock around it does that).
    #[inline]
    pub unsafe fn push(&self, item: T) {
        self.sender.0.with_mut(|cursor| {
            // SAFETY: the sender's cursor is this thread's, by the promise of the caller; its block is freed only after the receiver has
            // passed it, which it cannot before the sender has.
            unsafe {
                let cursor = &mut *cursor;
                if cursor.place == BLOCK {
                    let next = Block::allocate();
                    // Pairs with the load in `next_slot`: the receiver finds the block made.
                    (*cursor.block).next.store(next, Ordering::Release);
                    *cursor = Cursor {
                        block: next,
                        place: 0,
                    };
                }
                let slot = &(*cursor.block).slots[cursor.place];
                slot.item.with_mut(|place| (*place).write(item));
                // Pairs with the loads in `pop` and `has_some`: who sees the mark finds the item.
                slot.mark.store(FULL, Ordering::Release);
                cursor.place += 1;
            }
        });
    }

    /// Takes the oldest item. O(1).
    ///
    /// # Safety
    /// Only one thread at a time receives, and each sees what those before it did.
    #[inline]
    pub unsafe fn pop(&self) -> Option<T> {
        self.receiver.0.with_mut(|cursor| {
            // SAFETY: the receiver's cursor is this thread's, by the promise of the caller.
            unsafe {
                let cursor = &mut *cursor;
                let slot = &*Self::next_slot(cursor)?;
                // Synchronizes with the store in `push`.
                if slot.mark.load(Ordering::Acquire) != FULL {
                    return None;
                }
                cursor.place += 1;
                Some(slot.item.with_mut(|place| (*place).assume_init_read()))
            }
        })
    }

    /// An item is there to be taken. O(1); for looking again and again it reads one cache line, which changes when there is one.
    ///
    /// # Safety
    /// As for [`pop`](Self::pop).
    #[inline]
    pub unsafe fn has_some(&self) -> bool {
        self.receiver.0.with_mut(|cursor| {
            // SAFETY: as in `pop`.
            unsafe {
                Self::next_slot(&mut *cursor)
                    // Synchronizes with the store in `push`.
                    .is_some_and(|slot| (*slot).mark.load(Ordering::Acquire) == FULL)
            }
        })
    }

    /// The slot that the next item is or will be in; passes on to the next block, and frees the one that has been read.
    ///
    /// # Safety
    /// The cursor is the receiver's, on the receiver's thread.
    unsafe fn next_slot(cursor: &mut Cursor<T>) -> Option<*const Slot<T>> {
        // SAFETY: the receiver's block lives until it passes on; the sender left it when it set `next`.
        unsafe {
            if cursor.place == BLOCK {
                // Synchronizes with the store in `push`.
                let next = (*cursor.block).next.load(Ordering::Acquire);
                if next.is_null() {
                    return None;
                }
                drop(Box::from_raw(cursor.block));
                *cursor = Cursor {
                    block: next,
                    place: 0,
                };
            }
            Some(&raw const (*cursor.block).slots[cursor.place])
        }
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the lane any more.
        unsafe {
            while self.pop().is_some() {}
            // What is left is the sender's block: the receiver stands in it, or behind the last slot of the one before it, which `pop`
            // has freed then.
            self.receiver
                .0
                .with_mut(|cursor| drop(Box::from_raw((*cursor).block)));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::sync::Arc;

    proptest! {
        #[test]
        fn behaves_like_a_queue(steps in proptest::collection::vec(any::<Option<u32>>(), 0..1_000)) {
            let lane = Lane::new();
            let mut model = VecDeque::new();
            for step in steps {
                // SAFETY: one thread.
                unsafe {
                    prop_assert_eq!(lane.has_some(), !model.is_empty());
                    match step {
                        Some(item) => {
                            lane.push(item);
                            model.push_back(item);
                        }
                        None => prop_assert_eq!(lane.pop(), model.pop_front()),
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_not_taken_is_dropped_with_the_lane() {
        for items in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let counted = Arc::new(());
            let lane = Lane::new();
            for _ in 0..items {
                // SAFETY: one thread.
                unsafe { lane.push(Arc::clone(&counted)) };
            }
            // SAFETY: one thread.
            drop(unsafe { lane.pop() });
            drop(lane);
            assert_eq!(Arc::strong_count(&counted), 1, "{items} items");
        }
    }

    #[test]
    fn a_million_items_keep_their_order_between_threads() {
        const ITEMS: u64 = 1_000_000;
        let lane = Lane::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for item in 0..ITEMS {
                    // SAFETY: this thread alone sends.
                    unsafe { lane.push(item) };
                }
            });
            for expected in 0..ITEMS {
                let item = loop {
                    // SAFETY: this thread alone receives.
                    if let Some(item) = unsafe { lane.pop() } {
                        break item;
                    }
                    std::hint::spin_loop();
                };
                assert_eq!(item, expected);
            }
        });
    }
}
