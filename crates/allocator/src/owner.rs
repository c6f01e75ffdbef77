//! Who blocks are given back to, and how an owner goes away while some of its blocks are still in use elsewhere.
//!
//! An [`Owner`] outlives every block of its heap. Life of an owner:
//!
//! 1. Alive: one thread has the heap for itself; others push blocks on the delayed-free stack.
//! 2. The owning thread ends: under the orphan lock it closes the stack, frees what lay on it, and
//!    - if no block is left in use, the heap and the owner are freed at once: nobody can come any more;
//!    - otherwise the heap is left behind in `orphan`. A block cannot get lost between the two: a producer either
//!      got it on the stack before the close, or it finds the stack closed and waits for the lock.
//! 3. Orphaned: whoever frees a block locks the heap and frees the block itself. Who freed the last one frees the
//!    heap and gives up the orphan's own reference.
//!
//! So an orphan costs its carriers for as long as a block of it is in use, and not longer.

use std::ptr::NonNull;

use crate::delayed_free::{Chain, DelayedFrees, FreedBlock};
use crate::sync::{Arc, Mutex, PoisonError};

/// What an owner needs to know about its heap.
pub(crate) trait Reclaim: Send {
    /// Frees a block that another thread gave back.
    ///
    /// # Safety
    /// The block belongs to this heap and is in use no more.
    unsafe fn reclaim(&mut self, block: NonNull<FreedBlock>);

    /// Whether users hold blocks of this heap.
    fn has_blocks_in_use(&self) -> bool;
}

/// See the top of the file.
pub(crate) struct Owner<H> {
    delayed: DelayedFrees,
    orphan: Mutex<Option<H>>,
}

// SAFETY: blocks wait in `delayed` without belonging to any thread, and the heap may be sent (`Reclaim: Send`).
unsafe impl<H: Reclaim> Send for Owner<H> {}
// SAFETY: `delayed` is made for sharing, the mutex guards the heap.
unsafe impl<H: Reclaim> Sync for Owner<H> {}

impl<H: Reclaim> Owner<H> {
    /// A new owner, as a counted pointer that [`Owner::leave`] consumes.
    pub(crate) fn create() -> *const Owner<H> {
        Arc::into_raw(Arc::new(Owner {
            delayed: DelayedFrees::new(),
            orphan: Mutex::new(None),
        }))
    }

    /// Whether blocks may be waiting: one relaxed load.
    #[inline]
    pub(crate) fn may_have_delayed(&self) -> bool {
        self.delayed.may_have_some()
    }

    /// The blocks that others gave back. For the owning thread.
    pub(crate) fn take_delayed(&self) -> Chain {
        self.delayed.take()
    }

    /// Gives a block back, from any thread.
    ///
    /// # Safety
    /// The block belongs to the heap of `owner`, is not used any more and was not freed before. That it was in use
    /// until now is what keeps `owner` alive.
    pub(crate) unsafe fn give_back(owner: *const Owner<H>, block: NonNull<FreedBlock>) {
        // SAFETY: promised by the caller; `owner` is not touched after a push that succeeded.
        if unsafe { (*owner).delayed.push(block) }.is_ok() {
            return;
        }
        // The lock must outlive the unlocking even if another thread frees the last block meanwhile: hence a
        // reference of our own, taken while our block still keeps the owner alive.
        // SAFETY: made by `create`; the block is still in use.
        let shared = unsafe {
            Arc::increment_strong_count(owner);
            Arc::from_raw(owner)
        };
        let mut orphan = shared.orphan.lock().unwrap_or_else(PoisonError::into_inner);
        let heap = orphan
            .as_mut()
            .expect("a closed owner with blocks in use has left its heap behind");
        // SAFETY: promised by the caller.
        unsafe { heap.reclaim(block) };
        if heap.has_blocks_in_use() {
            return;
        }
        let finished = orphan.take();
        drop(orphan);
        drop(finished);
        // SAFETY: the reference that `leave` left behind, given up exactly once: by who freed the last block.
        unsafe { Arc::decrement_strong_count(owner) };
    }

    /// The owning thread ends. `heap` is freed as soon as no block of it is in use.
    ///
    /// # Safety
    /// `owner` came from [`Owner::create`] and is not used by this thread afterwards.
    pub(crate) unsafe fn leave(owner: *const Owner<H>, mut heap: H) {
        // SAFETY: promised by the caller.
        let shared = unsafe { Arc::from_raw(owner) };
        let mut orphan = shared.orphan.lock().unwrap_or_else(PoisonError::into_inner);
        for block in shared.delayed.close() {
            // SAFETY: what lies on the stack was given back.
            unsafe { heap.reclaim(block) };
        }
        if heap.has_blocks_in_use() {
            *orphan = Some(heap);
            drop(orphan);
            // Left behind for the thread that frees the last block.
            let _ = Arc::into_raw(shared);
        }
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::*;

    /// A heap that only counts. Loom itself reports an owner that is never freed.
    struct CountedHeap {
        in_use: usize,
        reclaimed: Arc<AtomicUsize>,
        dropped: Arc<AtomicUsize>,
    }

    impl Reclaim for CountedHeap {
        unsafe fn reclaim(&mut self, block: NonNull<FreedBlock>) {
            // SAFETY: every block is a leaked box and given back once.
            unsafe { drop(Box::from_raw(block.as_ptr())) };
            self.in_use -= 1;
            self.reclaimed.fetch_add(1, Ordering::Relaxed);
        }

        fn has_blocks_in_use(&self) -> bool {
            self.in_use != 0
        }
    }

    impl Drop for CountedHeap {
        fn drop(&mut self) {
            assert_eq!(self.in_use, 0);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[derive(Clone, Copy)]
    struct Sent<T>(T);
    // SAFETY: what is sent is made for it: an owner is shared, a block is handed over.
    unsafe impl<T> Send for Sent<T> {}

    fn owner_leaves_while_others_free(users: usize, collects_first: bool) {
        loom::model(move || {
            let reclaimed = Arc::new(AtomicUsize::new(0));
            let dropped = Arc::new(AtomicUsize::new(0));
            let mut heap = CountedHeap {
                in_use: users,
                reclaimed: Arc::clone(&reclaimed),
                dropped: Arc::clone(&dropped),
            };
            let owner = Owner::create();
            let users: Vec<_> = (0..users)
                .map(|_| {
                    let block = NonNull::from(Box::leak(Box::new(FreedBlock::new())));
                    let sent = Sent((owner, block));
                    thread::spawn(move || {
                        let Sent((owner, block)) = { sent };
                        // SAFETY: the block counts as in use until here.
                        unsafe { Owner::give_back(owner, block) }
                    })
                })
                .collect();
            // SAFETY: this thread owns the heap and leaves once.
            unsafe {
                if collects_first && (*owner).may_have_delayed() {
                    for block in (*owner).take_delayed() {
                        heap.reclaim(block);
                    }
                }
                Owner::leave(owner, heap);
            }
            let count = users.len();
            for user in users {
                user.join().unwrap();
            }
            assert_eq!(reclaimed.load(Ordering::Relaxed), count);
            assert_eq!(dropped.load(Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn the_last_of_two_users_frees_what_the_owner_left_behind() {
        owner_leaves_while_others_free(2, false);
    }

    #[test]
    fn an_owner_may_collect_before_it_leaves() {
        owner_leaves_while_others_free(2, true);
    }
}
