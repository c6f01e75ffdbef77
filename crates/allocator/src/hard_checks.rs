//! The feature `hard-checks`: walks all of an instance after each operation and panics where an invariant is broken
//! (OTP: `ERTS_ALLOC_UTIL_HARD_DEBUG`, `HARD_CHECK_TREE`).

use std::collections::HashSet;

use crate::block::{ALIGNMENT, Block, MIN_BLOCK_SIZE};
use crate::carrier::Carrier;
use crate::instance::Instance;

/// What a walk over carriers found.
#[derive(Default)]
struct Found {
    free: HashSet<usize>,
    allocated: HashSet<usize>,
    allocated_bytes: usize,
    carrier_bytes: usize,
}

impl Instance {
    /// O(everything).
    pub(crate) fn check(&self) {
        let counters = self.counters();
        let mut found = Found::default();
        for carrier in self.multi.iter() {
            self.check_multi(carrier, &mut found);
        }
        assert_eq!(counters.multi_block_carriers.get(), self.multi.len());
        assert_eq!(
            counters.multi_block_carrier_bytes.get(),
            found.carrier_bytes
        );

        let mut linked = HashSet::new();
        self.policy
            .check(&mut |block| assert!(linked.insert(block.address()), "linked once"));
        assert_eq!(linked, found.free, "exactly the free blocks are linked");

        let (mut cached, mut cached_bytes) = (HashSet::new(), 0);
        self.front.for_each(|block, size| {
            assert!(
                cached.insert(block.address()),
                "a block is in the front cache once"
            );
            assert!(
                found.allocated.contains(&block.address()),
                "a cached block counts as allocated"
            );
            // SAFETY: a block of a carrier that was just walked.
            let actual = unsafe { block.size() };
            assert_eq!(actual, size, "a cached block is in its class");
            cached_bytes += size;
        });

        found.carrier_bytes = 0;
        for carrier in self.single.iter() {
            self.check_single(carrier, &mut found);
        }
        assert_eq!(counters.single_block_carriers.get(), self.single.len());
        assert_eq!(
            counters.single_block_carrier_bytes.get(),
            found.carrier_bytes
        );
        assert_eq!(counters.cut_blocks.get(), found.allocated.len());
        assert_eq!(counters.cut_bytes.get(), found.allocated_bytes);
        assert_eq!(counters.blocks(), found.allocated.len() - cached.len());
        assert_eq!(
            counters.block_bytes.get(),
            found.allocated_bytes - cached_bytes
        );
    }

    fn check_multi(&self, carrier: *mut Carrier, found: &mut Found) {
        // SAFETY: the carrier is listed; blocks are followed by their headers, each of which is checked first.
        unsafe {
            assert_eq!((*carrier).kind, self.kind);
            found.carrier_bytes += (*carrier).segment_size;
            let first = Carrier::first_block(carrier);
            let end = first.address() + Carrier::room((*carrier).segment_size);
            let (mut block, mut previous): (Block, Option<Block>) = (first, None);
            loop {
                let size = block.size();
                let previous_free = previous.is_some_and(|previous| previous.is_free());
                assert!(size >= MIN_BLOCK_SIZE && size.is_multiple_of(ALIGNMENT));
                assert!(!block.is_single());
                assert_eq!(block.carrier(), carrier, "a block finds its carrier");
                assert_eq!(
                    block.is_previous_free(),
                    previous_free,
                    "a block knows what is before it"
                );
                assert_eq!(
                    block.is_last(),
                    block.address() + size == end,
                    "the last block is marked"
                );
                if block.is_free() {
                    assert!(!previous_free, "free neighbours are merged");
                    assert_eq!(block.footer(), size, "footer and header agree");
                    found.free.insert(block.address());
                } else {
                    found.allocated.insert(block.address());
                    found.allocated_bytes += size;
                }
                if block.is_last() {
                    break;
                }
                previous = Some(block);
                block = block.next();
            }
            assert!(
                !(first.is_free() && first.is_last()),
                "an empty carrier does not stay"
            );
        }
    }

    fn check_single(&self, carrier: *mut Carrier, found: &mut Found) {
        // SAFETY: the carrier is listed.
        unsafe {
            let block = Carrier::first_block(carrier);
            assert_eq!((*carrier).kind, self.kind);
            assert!(block.is_single() && block.is_last() && !block.is_free());
            assert_eq!(block.carrier(), carrier, "a block finds its carrier");
            assert_eq!(block.size(), Carrier::room((*carrier).segment_size));
            found.carrier_bytes += (*carrier).segment_size;
            found.allocated.insert(block.address());
            found.allocated_bytes += block.size();
        }
    }
}
