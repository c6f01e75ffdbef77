//! Blocks that cross threads: freed elsewhere, freed where no allocator is, outliving their allocator.

use std::ptr::NonNull;
use std::sync::mpsc;
use std::thread;

use viga_allocator::{AllocKind, Allocator, Config, free_foreign};

/// A block on its way to another thread, with what must be in it.
struct Parcel {
    block: NonNull<u8>,
    size: usize,
    pattern: u8,
}

// SAFETY: whoever has the parcel is the only user of the block.
unsafe impl Send for Parcel {}

impl Parcel {
    fn pack(allocator: &mut Allocator, kind: AllocKind, number: usize) -> Parcel {
        let size = number * 37 % 2_000
            + if number.is_multiple_of(500) {
                600_000
            } else {
                0
            };
        let block = allocator.allocate(kind, size).unwrap();
        let pattern = number as u8;
        // SAFETY: the block has `size` bytes.
        unsafe { block.write_bytes(pattern, size) };
        Parcel {
            block,
            size,
            pattern,
        }
    }

    fn unpack(self) -> NonNull<u8> {
        // SAFETY: `size` bytes were written by `pack`.
        let bytes = unsafe { std::slice::from_raw_parts(self.block.as_ptr(), self.size) };
        assert!(
            bytes.iter().all(|&byte| byte == self.pattern),
            "somebody wrote into this block"
        );
        self.block
    }
}

const PARCELS: usize = if cfg!(miri) {
    60
} else if cfg!(feature = "hard-checks") {
    600
} else {
    4_000
};

#[test]
fn two_allocators_free_each_others_blocks() {
    let (to_left, from_right) = mpsc::channel::<Parcel>();
    let (to_right, from_left) = mpsc::channel::<Parcel>();
    let work = |out: mpsc::Sender<Parcel>, incoming: mpsc::Receiver<Parcel>| {
        move || {
            let mut allocator = Allocator::new(&Config::default());
            for number in 0..PARCELS {
                let parcel = Parcel::pack(&mut allocator, AllocKind::Message, number);
                out.send(parcel).unwrap();
                if let Ok(parcel) = incoming.try_recv() {
                    // SAFETY: received, so nobody else uses it.
                    unsafe { allocator.free(parcel.unpack()) };
                }
            }
            drop(out);
            for parcel in incoming {
                // SAFETY: as above.
                unsafe { allocator.free(parcel.unpack()) };
            }
            allocator
        }
    };
    let left = thread::spawn(work(to_right, from_right));
    let right = thread::spawn(work(to_left, from_left));
    // Both have ended before either collects: until then the other may still hand blocks back.
    let allocators = [left, right].map(|thread| thread.join().unwrap());
    for mut allocator in allocators {
        allocator.collect_delayed(usize::MAX);
        allocator.flush();
        let statistics = *allocator.statistics().snapshot().of(AllocKind::Message);
        assert_eq!(statistics.blocks, 0);
        assert_eq!(statistics.allocations, PARCELS);
        assert_eq!(statistics.delayed_frees, PARCELS);
        assert_eq!(
            statistics.multi_block_carriers + statistics.single_block_carriers,
            0
        );
    }
}

#[test]
fn blocks_outlive_their_allocator_and_the_last_one_frees_its_carriers() {
    let mut allocator = Allocator::new(&Config::default());
    let statistics = allocator.statistics();
    let parcels: Vec<_> = (0..PARCELS)
        .map(|number| Parcel::pack(&mut allocator, AllocKind::Ets, number))
        .collect();
    let mut halves = parcels.into_iter();
    let first: Vec<_> = halves.by_ref().take(PARCELS / 2).collect();
    let second: Vec<_> = halves.collect();
    let users = [first, second].map(|parcels| {
        thread::spawn(move || {
            for parcel in parcels {
                // SAFETY: handed over to this thread.
                unsafe { free_foreign(parcel.unpack()) };
            }
        })
    });
    drop(allocator);
    for user in users {
        user.join().unwrap();
    }
    let after = statistics.snapshot();
    let ets = after.of(AllocKind::Ets);
    assert_eq!(
        (ets.blocks, ets.allocations, ets.frees),
        (0, PARCELS, PARCELS)
    );
    assert_eq!(
        (ets.multi_block_carriers, ets.single_block_carriers),
        (0, 0)
    );
    assert_eq!(after.cached_segment_bytes, 0);
}

#[test]
fn an_orphaned_block_stays_valid_and_keeps_only_its_carriers() {
    let mut allocator = Allocator::new(&Config::default());
    let statistics = allocator.statistics();
    let parcel = Parcel::pack(&mut allocator, AllocKind::Binary, 41);
    let other = Parcel::pack(&mut allocator, AllocKind::Ets, 41);
    // SAFETY: freed once.
    unsafe { allocator.free(other.unpack()) };
    drop(allocator);
    let orphaned = statistics.snapshot();
    assert_eq!(orphaned.of(AllocKind::Binary).multi_block_carriers, 1);
    assert_eq!(orphaned.of(AllocKind::Ets).multi_block_carriers, 0);
    // SAFETY: freed once.
    unsafe { free_foreign(parcel.unpack()) };
    assert_eq!(
        statistics
            .snapshot()
            .of(AllocKind::Binary)
            .multi_block_carriers,
        0
    );
}

#[test]
fn reallocating_a_foreign_block_moves_it_into_the_own_allocator() {
    let mut here = Allocator::new(&Config::default());
    let mut there = Allocator::new(&Config::default());
    let parcel = Parcel::pack(&mut there, AllocKind::Binary, 40);
    let (size, pattern) = (parcel.size, parcel.pattern);
    // SAFETY: the parcel's block is used through what `reallocate` returns only.
    let block = unsafe { here.reallocate(parcel.unpack(), 3_000) }.unwrap();
    let moved = Parcel {
        block,
        size,
        pattern,
    };
    assert_eq!(there.collect_delayed(usize::MAX), 1);
    drop(there);
    let binary = *here.statistics().snapshot().of(AllocKind::Binary);
    assert_eq!((binary.blocks, binary.allocations), (1, 1));
    // SAFETY: freed once, by its owner.
    unsafe { here.free(moved.unpack()) };
}

#[test]
fn an_allocation_collects_a_few_delayed_frees_on_the_side() {
    let mut allocator = Allocator::new(&Config::default());
    let blocks: Vec<_> = (0..20)
        .map(|_| allocator.allocate(AllocKind::Message, 64).unwrap())
        .collect();
    for block in blocks {
        // SAFETY: freed once.
        unsafe { free_foreign(block) };
    }
    let statistics = allocator.statistics();
    assert_eq!(statistics.snapshot().of(AllocKind::Message).blocks, 20);
    let block = allocator.allocate(AllocKind::Message, 64).unwrap();
    let after_one = *statistics.snapshot().of(AllocKind::Message);
    assert!((1..20).contains(&after_one.delayed_frees), "{after_one:?}");
    assert_eq!(allocator.collect_delayed(5), 5);
    assert_eq!(
        allocator.collect_delayed(100),
        20 - after_one.delayed_frees - 5
    );
    assert_eq!(allocator.collect_delayed(100), 0);
    // SAFETY: freed once.
    unsafe { allocator.free(block) };
}
