//! Sizes, limits, growth of carriers and the caches, as the statistics show them.

use viga_allocator::{AllocError, AllocKind, Allocator, Config, Statistics, Tunables};

const KIB: usize = 1024;

fn figures(allocator: &Allocator) -> Statistics {
    allocator.statistics().snapshot()
}

#[test]
fn a_size_of_zero_gives_a_block_and_sizes_out_of_range_an_error() {
    let mut allocator = Allocator::new(&Config::default());
    let block = allocator.allocate(AllocKind::System, 0).unwrap();
    for size in [1 << 41, usize::MAX] {
        let error = allocator.allocate(AllocKind::System, size).unwrap_err();
        assert!(matches!(error, AllocError::TooLarge { size: given, .. } if given == size));
        assert_eq!(error.code(), "VIGA_ALLOC_TOO_LARGE");
        // SAFETY: the block stays as it is when reallocation fails.
        assert_eq!(unsafe { allocator.reallocate(block, size) }, Err(error));
    }
    assert_eq!(figures(&allocator).of(AllocKind::System).blocks, 1);
    // SAFETY: freed once.
    unsafe { allocator.free(block) };
}

#[test]
fn the_threshold_decides_who_gets_a_carrier_of_its_own() {
    let mut allocator = Allocator::new(&Config::default());
    let small = allocator.allocate(AllocKind::Binary, 500 * KIB).unwrap();
    let large = allocator.allocate(AllocKind::Binary, 512 * KIB).unwrap();
    let binary = *figures(&allocator).of(AllocKind::Binary);
    assert_eq!(
        (binary.multi_block_carriers, binary.single_block_carriers),
        (1, 1)
    );
    // SAFETY: each block is used through its latest place and freed once.
    unsafe {
        let grown = allocator.reallocate(small, 600 * KIB).unwrap();
        let shrunk = allocator.reallocate(large, 100 * KIB).unwrap();
        let binary = *figures(&allocator).of(AllocKind::Binary);
        assert_eq!(
            (binary.multi_block_carriers, binary.single_block_carriers),
            (1, 1)
        );
        assert_eq!((binary.blocks, binary.reallocations), (2, 2));
        allocator.free(grown);
        allocator.free(shrunk);
    }
}

#[test]
fn a_single_block_keeps_its_contents_and_its_place_while_it_shrinks_a_little() {
    let mut allocator = Allocator::new(&Config::default());
    let block = allocator.allocate(AllocKind::Eheap, 1000 * KIB).unwrap();
    // SAFETY: accesses stay within the sizes asked for; freed once.
    unsafe {
        block.write_bytes(9, 1000 * KIB);
        let same = allocator.reallocate(block, 900 * KIB).unwrap();
        assert_eq!(same, block);
        let before = figures(&allocator)
            .of(AllocKind::Eheap)
            .single_block_carrier_bytes;
        let half = allocator.reallocate(same, 520 * KIB).unwrap();
        assert!(
            figures(&allocator)
                .of(AllocKind::Eheap)
                .single_block_carrier_bytes
                < before
        );
        let large = allocator.reallocate(half, 40_000 * KIB).unwrap();
        let kept = std::slice::from_raw_parts(large.as_ptr(), 520 * KIB);
        assert!(kept.iter().all(|&byte| byte == 9));
        allocator.free(large);
    }
}

#[test]
fn a_block_grows_in_place_into_a_free_neighbour() {
    let mut allocator = Allocator::new(&Config::default());
    let block = allocator.allocate(AllocKind::Eheap, 5_000).unwrap();
    // SAFETY: used through its latest place, freed once.
    unsafe {
        assert_eq!(allocator.reallocate(block, 50_000).unwrap(), block);
        assert_eq!(allocator.reallocate(block, 2_000).unwrap(), block);
        assert!(Allocator::usable_size(block) < 2_100);
        let behind = allocator.allocate(AllocKind::Eheap, 5_000).unwrap();
        let moved = allocator.reallocate(block, 4_000).unwrap();
        assert_ne!(moved, block);
        allocator.free(moved);
        allocator.free(behind);
    }
}

#[test]
fn carriers_grow_from_smallest_to_largest_and_are_given_back() {
    let tunables = Tunables {
        smallest_carrier: 256 * KIB,
        largest_carrier: 1024 * KIB,
        growth_stages: 3,
        ..Tunables::default()
    };
    let config = Config::default().with_all(tunables).unwrap();
    let mut allocator = Allocator::new(&config);
    let (mut sizes, mut blocks, mut bytes) = (Vec::new(), Vec::new(), 0);
    while sizes.len() < 5 {
        blocks.push(allocator.allocate(AllocKind::Ets, 10 * KIB).unwrap());
        let now = figures(&allocator)
            .of(AllocKind::Ets)
            .multi_block_carrier_bytes;
        if now != bytes {
            sizes.push((now - bytes) / KIB);
            bytes = now;
        }
    }
    assert_eq!(sizes, [256, 512, 768, 1024, 1024]);
    for block in blocks {
        // SAFETY: freed once.
        unsafe { allocator.free(block) };
    }
    let after = figures(&allocator);
    assert_eq!(after.of(AllocKind::Ets).multi_block_carriers, 0);
    assert_eq!(after.of(AllocKind::Ets).peak_carrier_bytes, bytes);
    assert_eq!(
        (after.cached_segments, after.cached_segment_bytes),
        (5, bytes)
    );
    allocator.flush();
    assert_eq!(figures(&allocator).cached_segments, 0);
}

#[test]
fn the_front_cache_is_bounded_and_flushed_on_demand() {
    let tunables = Tunables {
        front_cache_bytes: 800,
        ..Tunables::default()
    };
    let config = Config::default()
        .with(AllocKind::Message, tunables)
        .unwrap();
    let mut allocator = Allocator::new(&config);
    let blocks: Vec<_> = (0..50)
        .map(|_| allocator.allocate(AllocKind::Message, 72).unwrap())
        .collect();
    let before = *figures(&allocator).of(AllocKind::Message);
    assert_eq!(
        (
            before.blocks,
            before.block_bytes,
            before.front_cached_blocks
        ),
        (50, 4_000, 0)
    );
    for block in blocks {
        // SAFETY: freed once.
        unsafe { allocator.free(block) };
    }
    let cached = *figures(&allocator).of(AllocKind::Message);
    assert_eq!(
        (cached.blocks, cached.block_bytes, cached.peak_block_bytes),
        (0, 0, 4_000)
    );
    assert_eq!(
        (cached.front_cached_blocks, cached.front_cached_bytes),
        (10, 800)
    );
    assert_eq!(cached.multi_block_carriers, 1);
    allocator.flush();
    let flushed = *figures(&allocator).of(AllocKind::Message);
    assert_eq!(
        (flushed.front_cached_blocks, flushed.multi_block_carriers),
        (0, 0)
    );
}

#[test]
fn every_tunable_out_of_range_is_refused_by_name() {
    let fine = Tunables::default();
    let wrong = [
        (
            Tunables {
                single_block_threshold: 1,
                ..fine
            },
            "single_block_threshold",
        ),
        (
            Tunables {
                smallest_carrier: 1,
                ..fine
            },
            "smallest_carrier",
        ),
        (
            Tunables {
                largest_carrier: fine.smallest_carrier - 1,
                ..fine
            },
            "largest_carrier",
        ),
        (
            Tunables {
                growth_stages: 0,
                ..fine
            },
            "growth_stages",
        ),
        (
            Tunables {
                single_block_shrink_percent: 101,
                ..fine
            },
            "single_block_shrink_percent",
        ),
        (
            Tunables {
                front_cache_bytes: usize::MAX,
                ..fine
            },
            "front_cache_bytes",
        ),
    ];
    for (tunables, name) in wrong {
        let error = Config::default()
            .with(AllocKind::Driver, tunables)
            .unwrap_err();
        assert_eq!((error.tunable, error.kind), (name, Some(AllocKind::Driver)));
        assert!(error.to_string().contains("of driver_alloc is"), "{error}");
    }
    let error = Config::default().with_cached_segments(31).unwrap_err();
    assert_eq!(
        (error.given.as_str(), error.allowed.as_str()),
        ("31", "0 to 30")
    );
    Config::default().with_cached_segments(30).unwrap();
}
