//! Address order first fit, carrier best fit: the lowest carrier that has room, in it the smallest block that fits.
//!
//! Source: OTP's `erl_ao_firstfit_alloc.c`: "Every node also keeps the size of the largest block in its sub-tree. By
//! that we can start from root and keep left (for low addresses) while dismissing entire sub-trees with too small
//! blocks." Two kinds of red-black trees with the same nodes: one of carriers in each instance, in address order, and
//! one of free blocks in each carrier, in order of size.
//!
//! Why it is the default: filling low carriers first leaves the high ones to run empty, so that they can be given
//! back; best fit keeps what is cut small.
//!
//! Blocks of equal size are ordered by address (OTP hangs them in a list, in no order): the tree needs no second
//! shape of node, and the lower block is the better choice anyway.

use crate::block::{Block, HEADER_SIZE};
use crate::carrier::{Carrier, POLICY_WORDS};
use crate::policy::Policy;
use crate::tree::{Node, Order, Tree, left, right};

/// What this policy keeps in a carrier's header.
///
/// ```text
/// Carrier::policy
/// +------------------------------+
/// | node in the tree of carriers |  3 words
/// +------------------------------+
/// | largest                      |  size of this carrier's largest free block, 0 if none
/// +------------------------------+
/// | largest_below                |  the same over all carriers of this node's sub-tree
/// +------------------------------+
/// | blocks                       |  root of the tree of free blocks
/// +------------------------------+
/// ```
#[repr(C)]
struct CarrierNode {
    node: Node,
    largest: usize,
    largest_below: usize,
    blocks: Tree<BySizeThenAddress>,
}

const _: () = assert!(size_of::<CarrierNode>() <= POLICY_WORDS * size_of::<usize>());
const _: () = assert!(align_of::<CarrierNode>() <= align_of::<usize>());

/// # Safety
/// The carrier lives.
unsafe fn node_of(carrier: *mut Carrier) -> *mut CarrierNode {
    // SAFETY: promised by the caller; the field is large and aligned enough.
    unsafe { (&raw mut (*carrier).policy).cast() }
}

fn block_of(node: *mut Node) -> Block {
    // SAFETY: the node of a block lies right behind its header.
    unsafe { Block::at(node.cast::<u8>().sub(HEADER_SIZE)) }
}

fn node_in(block: Block) -> *mut Node {
    block.payload().as_ptr().cast()
}

struct ByAddress;

impl Order for ByAddress {
    const AUGMENTED: bool = true;

    unsafe fn before(a: *mut Node, b: *mut Node) -> bool {
        a.addr() < b.addr()
    }

    unsafe fn refresh(node: *mut Node) -> bool {
        // SAFETY: every node of this tree is the start of a `CarrierNode`.
        unsafe {
            let mut largest = (*node.cast::<CarrierNode>()).largest;
            for child in [left(node), right(node)] {
                if !child.is_null() {
                    largest = largest.max((*child.cast::<CarrierNode>()).largest_below);
                }
            }
            let known = &mut (*node.cast::<CarrierNode>()).largest_below;
            std::mem::replace(known, largest) != largest
        }
    }
}

struct BySizeThenAddress;

impl Order for BySizeThenAddress {
    const AUGMENTED: bool = false;

    unsafe fn before(a: *mut Node, b: *mut Node) -> bool {
        // SAFETY: nodes of this tree lie in free blocks.
        unsafe { (block_of(a).size(), a.addr()) < (block_of(b).size(), b.addr()) }
    }

    unsafe fn refresh(_: *mut Node) -> bool {
        false
    }
}

/// See the top of the file.
pub(crate) struct CarrierFirstFitBestFit {
    carriers: Tree<ByAddress>,
}

// SAFETY: the nodes belong to the instance that owns this policy and move between threads together with it.
unsafe impl Send for CarrierFirstFitBestFit {}

impl CarrierFirstFitBestFit {
    pub(crate) fn new() -> CarrierFirstFitBestFit {
        CarrierFirstFitBestFit {
            carriers: Tree::new(),
        }
    }

    /// # Safety
    /// The carrier is in the tree.
    unsafe fn set_largest(&mut self, carrier: *mut CarrierNode, largest: usize) {
        // SAFETY: promised by the caller.
        unsafe {
            (*carrier).largest = largest;
            self.carriers.refresh_upwards(carrier.cast());
        }
    }

    /// The carrier with the lowest address that has a block of `size` bytes.
    fn first_carrier(&self, size: usize) -> Option<*mut CarrierNode> {
        let largest_below = |node: *mut Node| {
            if node.is_null() {
                return 0;
            }
            // SAFETY: every node of this tree is the start of a `CarrierNode`.
            unsafe { (*node.cast::<CarrierNode>()).largest_below }
        };
        let mut node = self.carriers.root();
        if largest_below(node) < size {
            return None;
        }
        loop {
            // SAFETY: `node` is in the tree: its sub-tree has a block that fits, so it is not null.
            unsafe {
                if largest_below(left(node)) >= size {
                    node = left(node);
                } else if (*node.cast::<CarrierNode>()).largest >= size {
                    return Some(node.cast());
                } else {
                    node = right(node);
                }
            }
        }
    }
}

impl Policy for CarrierFirstFitBestFit {
    unsafe fn add_carrier(&mut self, carrier: *mut Carrier) {
        // SAFETY: promised by the caller.
        unsafe {
            let node = node_of(carrier);
            (*node).largest = 0;
            (&raw mut (*node).blocks).write(Tree::new());
            self.carriers.insert(node.cast());
        }
    }

    unsafe fn remove_carrier(&mut self, carrier: *mut Carrier) {
        // SAFETY: promised by the caller.
        unsafe { self.carriers.remove(node_of(carrier).cast()) }
    }

    unsafe fn link(&mut self, block: Block) {
        // SAFETY: promised by the caller.
        unsafe {
            let carrier = node_of(block.carrier());
            (*carrier).blocks.insert(node_in(block));
            let size = block.size();
            if size > (*carrier).largest {
                self.set_largest(carrier, size);
            }
        }
    }

    unsafe fn unlink(&mut self, block: Block) {
        // SAFETY: promised by the caller.
        unsafe {
            let carrier = node_of(block.carrier());
            (*carrier).blocks.remove(node_in(block));
            if block.size() == (*carrier).largest {
                let last = (*carrier).blocks.last();
                let largest = if last.is_null() {
                    0
                } else {
                    block_of(last).size()
                };
                if largest != (*carrier).largest {
                    self.set_largest(carrier, largest);
                }
            }
        }
    }

    fn find(&self, size: usize) -> Option<Block> {
        let carrier = self.first_carrier(size)?;
        // SAFETY: the carrier is in the tree and so lives.
        let mut node = unsafe { (*carrier).blocks.root() };
        let mut best = None;
        while !node.is_null() {
            // SAFETY: `node` is in the tree of free blocks.
            unsafe {
                if block_of(node).size() < size {
                    node = right(node);
                } else {
                    best = Some(block_of(node));
                    node = left(node);
                }
            }
        }
        best
    }

    #[cfg(any(all(test, not(loom)), feature = "hard-checks"))]
    fn check(&self, visit: &mut dyn FnMut(Block)) {
        // SAFETY: nodes of the trees live.
        unsafe {
            self.carriers.check(&mut |node| {
                let carrier = node.cast::<CarrierNode>();
                let mut largest = 0;
                (*carrier).blocks.check(&mut |node| {
                    assert!(block_of(node).is_free(), "a linked block is free");
                    assert_eq!(
                        node_of(block_of(node).carrier()),
                        carrier,
                        "a block is in its carrier's tree"
                    );
                    largest = block_of(node).size();
                    visit(block_of(node));
                });
                assert_eq!(
                    largest,
                    (*carrier).largest,
                    "a carrier knows its largest block"
                );
            });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::AllocKind;
    use crate::segment::{SegmentCache, SegmentUse};

    /// Slots of a carrier, 8 KiB apart: blocks in them are never neighbours.
    const SLOTS: usize = 24;

    struct Ground {
        policy: CarrierFirstFitBestFit,
        carriers: Vec<*mut Carrier>,
        /// Linked blocks as (carrier, size, block), each part by address: the order in which they should be found.
        model: BTreeSet<(usize, usize, usize)>,
    }

    impl Ground {
        fn new(carriers: usize) -> Ground {
            let mut policy = CarrierFirstFitBestFit::new();
            let mut segments = SegmentCache::new(0);
            let carriers: Vec<_> = (0..carriers)
                .map(|_| {
                    let segment = segments.take(1, SegmentUse::MultiBlock).unwrap();
                    let carrier = Carrier::create(segment, std::ptr::null(), AllocKind::System);
                    // SAFETY: a new carrier.
                    unsafe { policy.add_carrier(carrier) };
                    carrier
                })
                .collect();
            Ground {
                policy,
                carriers,
                model: BTreeSet::new(),
            }
        }

        /// Links the block in this slot, or unlinks it if it is linked.
        fn toggle(&mut self, carrier: usize, slot: usize, size: usize) {
            let carrier = self.carriers[carrier % self.carriers.len()];
            // SAFETY: slots are 8 KiB apart and blocks are smaller.
            unsafe {
                let first = Carrier::first_block(carrier).payload().as_ptr();
                let block = Block::at(first.add(slot * 8192).sub(HEADER_SIZE));
                let linked = self
                    .model
                    .iter()
                    .find(|entry| entry.2 == block.address())
                    .copied();
                if let Some(entry) = linked {
                    self.policy.unlink(block);
                    self.model.remove(&entry);
                } else {
                    block.write_free(carrier, size, false);
                    self.policy.link(block);
                    self.model.insert((carrier.addr(), size, block.address()));
                }
            }
        }

        fn check(&self, wanted: usize) {
            let mut linked = BTreeSet::new();
            self.policy.check(&mut |block| {
                // SAFETY: a linked block.
                let entry = unsafe { (block.carrier().addr(), block.size(), block.address()) };
                assert!(linked.insert(entry));
            });
            assert_eq!(linked, self.model);
            let expected = self
                .model
                .iter()
                .find(|entry| entry.1 >= wanted)
                .map(|entry| entry.2);
            assert_eq!(self.policy.find(wanted).map(Block::address), expected);
        }
    }

    impl Drop for Ground {
        fn drop(&mut self) {
            for &carrier in &self.carriers {
                // SAFETY: the policy is not used any more.
                unsafe { Carrier::into_segment(carrier) }.release();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 })
        })]
        #[test]
        fn finds_the_best_block_of_the_lowest_carrier_that_has_one(
            carriers in 1usize..9,
            steps in prop::collection::vec((0usize..9, 0..SLOTS, 3usize..40, 3usize..45), 1..150),
        ) {
            let mut ground = Ground::new(carriers);
            for (carrier, slot, size, wanted) in steps {
                ground.toggle(carrier, slot, size * 16);
                ground.check(wanted * 16);
            }
        }
    }

    #[test]
    fn a_removed_carrier_is_not_found() {
        let mut ground = Ground::new(3);
        for carrier in 0..3 {
            ground.toggle(carrier, 0, 480);
        }
        let lowest = (0..3)
            .min_by_key(|&index| ground.carriers[index].addr())
            .unwrap();
        ground.toggle(lowest, 0, 480);
        // SAFETY: none of its blocks is linked.
        unsafe { ground.policy.remove_carrier(ground.carriers[lowest]) };
        ground.check(480);
        // SAFETY: just removed.
        unsafe { ground.policy.add_carrier(ground.carriers[lowest]) };
        ground.toggle(lowest, 0, 480);
        ground.check(480);
    }
}
