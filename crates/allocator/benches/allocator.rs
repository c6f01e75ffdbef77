//! This allocator beside the system's and mimalloc, in one run.
//!
//! What it measures: the time of allocate and free alone, with a word written into each block, as one thread sees it
//! (`cross_thread`: as the allocating thread sees it while another frees). What it does not show: fragmentation over
//! hours, memory taken, contention of more than two threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use viga_allocator::{AllocKind, Allocator, Config, Tunables, free_foreign};

/// One of the allocators under comparison.
trait Subject {
    fn allocate(&mut self, size: usize) -> NonNull<u8>;
    /// `block` came from `allocate(size)` of this subject and is freed once.
    fn free(&mut self, block: NonNull<u8>, size: usize);
    /// As `free`, on a thread that did not allocate the block.
    fn free_elsewhere(block: NonNull<u8>, size: usize);
}

struct Viga(Allocator);

impl Viga {
    fn new() -> Viga {
        Viga(Allocator::new(&Config::default()))
    }

    fn without_front_cache() -> Viga {
        let tunables = Tunables {
            front_cache_bytes: 0,
            ..Tunables::default()
        };
        let config = Config::default().with_all(tunables).expect("0 is allowed");
        Viga(Allocator::new(&config))
    }
}

impl Subject for Viga {
    fn allocate(&mut self, size: usize) -> NonNull<u8> {
        self.0.allocate(AllocKind::Message, size).expect("memory")
    }

    fn free(&mut self, block: NonNull<u8>, _: usize) {
        // SAFETY: promised by the trait.
        unsafe { self.0.free(block) }
    }

    fn free_elsewhere(block: NonNull<u8>, _: usize) {
        // SAFETY: promised by the trait.
        unsafe { free_foreign(block) }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size.max(1), 16).expect("a small size")
}

macro_rules! global_subject {
    ($name:ident, $allocator:expr) => {
        struct $name;

        impl Subject for $name {
            fn allocate(&mut self, size: usize) -> NonNull<u8> {
                // SAFETY: the layout is not empty.
                NonNull::new(unsafe { $allocator.alloc(layout(size)) }).expect("memory")
            }

            fn free(&mut self, block: NonNull<u8>, size: usize) {
                Self::free_elsewhere(block, size);
            }

            fn free_elsewhere(block: NonNull<u8>, size: usize) {
                // SAFETY: promised by the trait.
                unsafe { $allocator.dealloc(block.as_ptr(), layout(size)) }
            }
        }
    };
}

global_subject!(SystemAllocator, System);
global_subject!(MimallocAllocator, MiMalloc);

fn touch(block: NonNull<u8>) {
    // SAFETY: every block has room for a word.
    unsafe { black_box(block).cast::<usize>().write(1) }
}

/// Marsaglia's xorshift64: the same sizes for everybody.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn pair<S: Subject>(c: &mut Criterion, name: &str, mut subject: S) {
    let mut group = c.benchmark_group("pair");
    for size in [16, 64, 128, 256, 1000, 4096, 65_536] {
        group.bench_with_input(BenchmarkId::new(name, size), &size, |b, &size| {
            b.iter(|| {
                let block = subject.allocate(black_box(size));
                touch(block);
                subject.free(block, size);
            });
        });
    }
}

/// 4,000 blocks stay alive; each step replaces one at random.
fn random_sizes<S: Subject>(c: &mut Criterion, name: &str, mut subject: S) {
    for (label, largest) in [("random_to_1000", 1_000), ("random_to_16000", 16_000)] {
        let mut random = Random(88_172_645_463_325_252);
        let mut live: Vec<_> = (0..4_000)
            .map(|_| {
                let size = 16 + random.below(largest);
                (subject.allocate(size), size)
            })
            .collect();
        let sizes: Vec<_> = (0..4_096).map(|_| 16 + random.below(largest)).collect();
        let places: Vec<_> = (0..8_192).map(|_| random.below(live.len())).collect();
        let mut step = 0;
        c.benchmark_group(label).bench_function(name, |b| {
            b.iter(|| {
                step += 1;
                let place = &mut live[places[step % 8_192]];
                subject.free(place.0, place.1);
                let size = sizes[step % 4_096];
                *place = (subject.allocate(size), size);
                touch(place.0);
            });
        });
        live.drain(..)
            .for_each(|(block, size)| subject.free(block, size));
    }
}

/// Message fragments: 64 to 512 bytes, freed in the order they were allocated, 1,000 under way.
fn fragments<S: Subject>(c: &mut Criterion, name: &str, mut subject: S) {
    const UNDER_WAY: usize = 1_000;
    let mut random = Random(2_463_534_242);
    let sizes: Vec<_> = (0..4_096).map(|_| 64 + random.below(449)).collect();
    let mut ring: Vec<_> = sizes[..UNDER_WAY]
        .iter()
        .map(|&size| (subject.allocate(size), size))
        .collect();
    let (mut step, mut oldest) = (0, 0);
    c.benchmark_group("fragments_fifo")
        .bench_function(name, |b| {
            b.iter(|| {
                let size = sizes[step % 4_096];
                step += 1;
                let place = &mut ring[oldest];
                oldest = if oldest + 1 == UNDER_WAY {
                    0
                } else {
                    oldest + 1
                };
                subject.free(place.0, place.1);
                *place = (subject.allocate(size), size);
                touch(place.0);
            });
        });
    ring.drain(..)
        .for_each(|(block, size)| subject.free(block, size));
}

/// Bursts: 256 fragments allocated, then all freed.
fn bursts<S: Subject>(c: &mut Criterion, name: &str, mut subject: S) {
    const BURST: usize = 256;
    let mut random = Random(2_463_534_242);
    let sizes: Vec<_> = (0..BURST).map(|_| 64 + random.below(449)).collect();
    let mut held = Vec::with_capacity(BURST);
    let mut group = c.benchmark_group("fragments_burst");
    group.throughput(Throughput::Elements(BURST as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            for &size in &sizes {
                let block = subject.allocate(size);
                touch(block);
                held.push((block, size));
            }
            held.drain(..)
                .for_each(|(block, size)| subject.free(block, size));
        });
    });
}

/// Filling and emptying: 20,000 rows of 64 to 128 bytes, more than any cache in front holds.
fn fill<S: Subject>(c: &mut Criterion, name: &str, mut subject: S) {
    const ROWS: usize = 20_000;
    let mut random = Random(2_463_534_242);
    let sizes: Vec<_> = (0..ROWS).map(|_| 64 + random.below(65)).collect();
    let mut held = Vec::with_capacity(ROWS);
    let mut group = c.benchmark_group("fill_and_empty");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            for &size in &sizes {
                let block = subject.allocate(size);
                touch(block);
                held.push((block, size));
            }
            held.drain(..)
                .for_each(|(block, size)| subject.free(block, size));
        });
    });
}

/// Blocks on their way to the freeing thread.
struct Batch(Vec<NonNull<u8>>);
// SAFETY: whoever has the batch is the only user of its blocks.
unsafe impl Send for Batch {}

/// One thread allocates 128-byte blocks in batches of 256, another frees them; at most 8 batches are under way.
fn cross_thread<S: Subject>(c: &mut Criterion, name: &str, mut subject: S) {
    const SIZE: usize = 128;
    const BATCH: usize = 256;
    let mut group = c.benchmark_group("cross_thread");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |b| {
        b.iter_custom(|iterations| {
            let (full, incoming) = mpsc::sync_channel::<Batch>(8);
            let (empty, returned) = mpsc::channel::<Batch>();
            let freeing = thread::spawn(move || {
                for mut batch in incoming {
                    batch
                        .0
                        .drain(..)
                        .for_each(|block| S::free_elsewhere(block, SIZE));
                    // The allocating thread is done when it no longer listens.
                    let _ = empty.send(batch);
                }
            });
            let start = Instant::now();
            let mut left = iterations as usize;
            while left > 0 {
                let mut batch = returned
                    .try_recv()
                    .unwrap_or_else(|_| Batch(Vec::with_capacity(BATCH)));
                for _ in 0..left.min(BATCH) {
                    let block = subject.allocate(SIZE);
                    touch(block);
                    batch.0.push(block);
                }
                left -= left.min(BATCH);
                full.send(batch).expect("the freeing thread listens");
            }
            drop(full);
            freeing.join().expect("the freeing thread ends");
            start.elapsed()
        });
    });
}

fn compare(c: &mut Criterion) {
    macro_rules! each {
        ($bench:ident) => {
            $bench(c, "viga", Viga::new());
            $bench(c, "viga_without_front_cache", Viga::without_front_cache());
            $bench(c, "system", SystemAllocator);
            $bench(c, "mimalloc", MimallocAllocator);
        };
    }
    each!(pair);
    each!(random_sizes);
    each!(fragments);
    each!(bursts);
    each!(fill);
    each!(cross_thread);
}

criterion_group!(benches, compare);
criterion_main!(benches);
