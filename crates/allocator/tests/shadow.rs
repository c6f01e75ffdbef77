//! Random operations against a shadow that knows what every block must hold. With the feature `hard-checks` the
//! allocator also walks its own structure after each of them.

use std::ptr::NonNull;

use proptest::prelude::*;
use viga_allocator::{AllocKind, Allocator, Config, Tunables};

/// A small generator, so that a failing seed can be run again anywhere (Marsaglia's xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

struct Held {
    block: NonNull<u8>,
    size: usize,
    pattern: u8,
}

impl Held {
    fn fill(&self) {
        // SAFETY: the block has at least `size` bytes.
        unsafe { self.block.write_bytes(self.pattern, self.size) }
    }

    fn check(&self, size: usize) {
        // SAFETY: `size` bytes were written by `fill`.
        let bytes = unsafe { std::slice::from_raw_parts(self.block.as_ptr(), size) };
        assert!(
            bytes.iter().all(|&byte| byte == self.pattern),
            "somebody wrote into this block"
        );
    }
}

struct Shadow {
    allocator: Allocator,
    held: Vec<Held>,
    next_pattern: u8,
}

#[derive(Clone, Debug)]
enum Operation {
    Allocate { kind: usize, size: usize },
    Free { index: usize },
    FreeElsewhere { index: usize },
    Reallocate { index: usize, size: usize },
    Collect { limit: usize },
    Flush,
}

impl Shadow {
    fn new(config: &Config) -> Shadow {
        Shadow {
            allocator: Allocator::new(config),
            held: Vec::new(),
            next_pattern: 0,
        }
    }

    fn pattern(&mut self) -> u8 {
        self.next_pattern = self.next_pattern.wrapping_add(1);
        self.next_pattern
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Allocate { kind, size } => self.allocate(AllocKind::ALL[kind], size),
            Operation::Reallocate { index, size } => self.reallocate(index, size),
            Operation::Free { index } => {
                if let Some(held) = self.take(index) {
                    // SAFETY: taken out of the shadow, so freed once.
                    unsafe { self.allocator.free(held.block) };
                }
            }
            Operation::FreeElsewhere { index } => {
                if let Some(held) = self.take(index) {
                    // SAFETY: as above.
                    unsafe { viga_allocator::free_foreign(held.block) };
                }
            }
            Operation::Collect { limit } => {
                assert!(self.allocator.collect_delayed(limit) <= limit);
            }
            Operation::Flush => self.allocator.flush(),
        }
    }

    fn allocate(&mut self, kind: AllocKind, size: usize) {
        let block = self.allocator.allocate(kind, size).unwrap();
        assert!(block.as_ptr().addr().is_multiple_of(16));
        // SAFETY: just allocated.
        assert!(unsafe { Allocator::usable_size(block) } >= size);
        let held = Held {
            block,
            size,
            pattern: self.pattern(),
        };
        held.fill();
        self.held.push(held);
    }

    fn reallocate(&mut self, index: usize, size: usize) {
        if self.held.is_empty() {
            return;
        }
        let index = index % self.held.len();
        let pattern = self.pattern();
        let held = &mut self.held[index];
        // SAFETY: held, and only the new place is used from here on.
        held.block = unsafe { self.allocator.reallocate(held.block, size) }.unwrap();
        held.check(size.min(held.size));
        held.size = size;
        held.pattern = pattern;
        held.fill();
    }

    fn take(&mut self, index: usize) -> Option<Held> {
        if self.held.is_empty() {
            return None;
        }
        let held = self.held.swap_remove(index % self.held.len());
        held.check(held.size);
        Some(held)
    }

    fn finish(mut self) {
        for held in std::mem::take(&mut self.held) {
            held.check(held.size);
            // SAFETY: freed once.
            unsafe { self.allocator.free(held.block) };
        }
        self.allocator.collect_delayed(usize::MAX);
        self.allocator.flush();
        let statistics = self.allocator.statistics().snapshot();
        for kind in statistics.kinds {
            assert_eq!((kind.blocks, kind.block_bytes), (0, 0), "{kind:?}");
            assert_eq!(
                (kind.front_cached_blocks, kind.front_cached_bytes),
                (0, 0),
                "{kind:?}"
            );
            assert_eq!(
                (kind.multi_block_carriers, kind.single_block_carriers),
                (0, 0),
                "{kind:?}"
            );
            assert_eq!(kind.allocations, kind.frees, "{kind:?}");
        }
        assert_eq!(
            (statistics.cached_segments, statistics.cached_segment_bytes),
            (0, 0)
        );
    }
}

/// Few carriers, low thresholds and small caches, so that short runs reach every path.
fn cramped() -> Config {
    let tunables = Tunables {
        single_block_threshold: 20_000,
        smallest_carrier: 16 * 1024,
        largest_carrier: 600 * 1024,
        growth_stages: 2,
        front_cache_bytes: 300,
        ..Tunables::default()
    };
    Config::default()
        .with_all(tunables)
        .unwrap()
        .with_cached_segments(3)
        .unwrap()
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0usize..700, 3 => 700usize..9_000, 1 => 9_000usize..60_000]
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (0usize..2, sizes()).prop_map(|(kind, size)| Operation::Allocate { kind, size }),
        5 => any::<usize>().prop_map(|index| Operation::Free { index }),
        2 => any::<usize>().prop_map(|index| Operation::FreeElsewhere { index }),
        4 => (any::<usize>(), sizes()).prop_map(|(index, size)| Operation::Reallocate { index, size }),
        1 => (0usize..20).prop_map(|limit| Operation::Collect { limit }),
        1 => Just(Operation::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 60 })
    })]
    #[test]
    fn blocks_hold_what_was_written(
        operations in prop::collection::vec(operations(), 1..if cfg!(miri) { 60 } else { 400 })
    ) {
        let mut shadow = Shadow::new(&cramped());
        for operation in &operations {
            shadow.run(operation);
        }
        shadow.finish();
    }
}

fn long_run(config: &Config, seed: u64, operations: usize, most_held: usize, largest: usize) {
    let mut random = Random(seed);
    let mut shadow = Shadow::new(config);
    for _ in 0..operations {
        let size = match random.below(20) {
            0 => random.below(largest),
            1..4 => random.below(8_000),
            _ => random.below(600),
        };
        let index = random.below(usize::MAX);
        let full = shadow.held.len() >= most_held;
        let operation = match random.below(100) {
            0..48 if !full => Operation::Allocate {
                kind: random.below(AllocKind::ALL.len()),
                size,
            },
            0..75 => Operation::Free { index },
            75..85 => Operation::FreeElsewhere { index },
            85..99 => Operation::Reallocate { index, size },
            _ if random.below(20) == 0 => Operation::Flush,
            _ => Operation::Collect {
                limit: random.below(100),
            },
        };
        shadow.run(&operation);
    }
    shadow.finish();
}

#[test]
fn a_long_run_on_a_cramped_configuration() {
    let operations = if cfg!(miri) {
        300
    } else if cfg!(feature = "hard-checks") {
        20_000
    } else {
        60_000
    };
    long_run(&cramped(), 0x9E37_79B9_7F4A_7C15, operations, 300, 60_000);
}

#[test]
fn a_long_run_on_the_default_configuration() {
    let operations = if cfg!(miri) {
        100
    } else if cfg!(feature = "hard-checks") {
        10_000
    } else {
        60_000
    };
    long_run(
        &Config::default(),
        0xD1B5_4A32_D192_ED03,
        operations,
        1_000,
        700_000,
    );
}
