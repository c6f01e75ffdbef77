//! What threads that share a table or a registry do to each other: the same work done by one thread and by two at once.
//!
//! Each thread does all iterations, so with two threads twice the work is done: the throughput of two threads divided
//! by that of one is what sharing leaves. Without a core for each thread the figures mean nothing.
//!
//! Run with `cargo bench -p viga-ets --bench threads`.

#![allow(missing_docs)]

use std::{
    hint::black_box,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use viga_ets::{
    Access, Keys, Kind, ProcessId, Registries, RegistryId, Reply, SystemMemory, TableId,
    TableOptions, Tables,
};

const ROWS: usize = 1_000_000;
const NAMES: usize = 200_000;
/// Rows that a thread puts into an empty table.
const FRESH: usize = 500_000;
const ME: ProcessId = ProcessId {
    index: 1,
    serial: 0,
};

fn row(key: i32, value: i32) -> [u8; 19] {
    let mut row = *b"\x0d\x03\x04....\x07\x05hello\x04....";
    row[3..7].copy_from_slice(&key.to_le_bytes());
    row[15..].copy_from_slice(&value.to_le_bytes());
    row
}

fn key(key: i32) -> [u8; 5] {
    let mut bytes = [4; 5];
    bytes[1..].copy_from_slice(&key.to_le_bytes());
    bytes
}

/// A permutation of 32-bit integers: keys look random and are distinct.
fn scrambled(index: usize) -> i32 {
    (index as u32)
        .wrapping_mul(0x9e37_79b1)
        .rotate_left(15)
        .wrapping_mul(0x85eb_ca6b) as i32
}

fn new_table(kind: Kind) -> (Tables, TableId) {
    let tables = Tables::new(Arc::new(SystemMemory));
    let options = TableOptions {
        name: None,
        kind,
        access: Access::Public,
        key_position: 0,
        owner: ME,
        heir: None,
    };
    let table = tables.create(options).unwrap();
    (tables, table)
}

fn filled(kind: Kind) -> (Tables, TableId) {
    let (tables, table) = new_table(kind);
    for index in 0..ROWS {
        tables
            .insert(table, ME, &row(scrambled(index), 0), 1)
            .unwrap();
    }
    (tables, table)
}

/// Walks through a million indexes in an order that has nothing to do with that of insertion, each thread its own way.
struct Cursor(usize);

impl Cursor {
    fn next(&mut self) -> usize {
        self.0 = (self.0 + 618_033) % ROWS;
        self.0
    }

    fn key(&mut self) -> i32 {
        scrambled(self.next())
    }
}

/// How long it takes until every thread has done `work` for `iterations` times.
fn together(threads: usize, iterations: u64, work: impl Fn(&mut Cursor) + Sync) -> Duration {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads)
            .map(|thread| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    let mut cursor = Cursor(thread * 377_777);
                    start.wait();
                    let begun = Instant::now();
                    for _ in 0..iterations {
                        work(&mut cursor);
                    }
                    begun.elapsed()
                })
            })
            .collect();
        spawned
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .max()
            .unwrap_or_default()
    })
}

fn compare(c: &mut Criterion, name: &str, work: impl Fn(&mut Cursor) + Sync) {
    let mut group = c.benchmark_group(name);
    for threads in [1, 2] {
        group.throughput(Throughput::Elements(threads as u64));
        group.bench_function(BenchmarkId::new("threads", threads), |b| {
            b.iter_custom(|iterations| together(threads, iterations, &work));
        });
    }
    group.finish();
}

fn sets(c: &mut Criterion) {
    let (tables, table) = filled(Kind::Set);
    let lookup = |key_of: i32| {
        let mut buffer = [0; 64];
        let mut reply = Reply::new(&mut buffer);
        assert!(tables.lookup(table, ME, &key(key_of), &mut reply).unwrap());
        black_box(reply.len());
    };
    let count = |key_of: i32| {
        let mut buffer = [0; 64];
        let mut reply = Reply::new(&mut buffer);
        tables
            .counter_add(table, ME, &key(key_of), 2, 1, &mut reply)
            .unwrap();
    };
    let insert = |key_of: i32| tables.insert(table, ME, &row(key_of, 1), 1).unwrap();
    compare(c, "set lookup, random of 1,000,000", |cursor| {
        lookup(cursor.key())
    });
    compare(c, "set lookup, one row", |_| lookup(scrambled(5)));
    compare(c, "set counter_add, random of 1,000,000", |cursor| {
        count(cursor.key())
    });
    compare(c, "set counter_add, one row", |_| count(scrambled(5)));
    compare(c, "set insert over a row, random of 1,000,000", |cursor| {
        insert(cursor.key())
    });
    compare(c, "set nine lookups and a counter_add, random", |cursor| {
        for _ in 0..9 {
            lookup(cursor.key());
        }
        count(cursor.key());
    });
    compare(c, "set lookup and counter_add in turn, random", |cursor| {
        lookup(cursor.key());
        count(cursor.key());
    });
}

/// Figures are for all rows of a thread.
fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("500,000 new rows a thread, set");
    group.sample_size(10);
    for threads in [1, 2] {
        group.throughput(Throughput::Elements((FRESH * threads) as u64));
        group.bench_function(BenchmarkId::new("threads", threads), |b| {
            b.iter_custom(|iterations| (0..iterations).map(|_| grow(threads)).sum());
        });
    }
}

fn grow(threads: usize) -> Duration {
    let (tables, table) = new_table(Kind::Set);
    let begun = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let tables = &tables;
            scope.spawn(move || {
                for index in thread * FRESH..(thread + 1) * FRESH {
                    tables
                        .insert(table, ME, &row(scrambled(index), 0), 1)
                        .unwrap();
                }
            });
        }
    });
    begun.elapsed()
}

fn small_set(c: &mut Criterion) {
    let (tables, table) = new_table(Kind::Set);
    for index in 0..100 {
        tables
            .insert(table, ME, &row(scrambled(index), 0), 1)
            .unwrap();
    }
    compare(c, "set counter_add, random of 100", |cursor| {
        let mut buffer = [0; 64];
        let mut reply = Reply::new(&mut buffer);
        let key = key(scrambled(cursor.next() % 100));
        tables
            .counter_add(table, ME, &key, 2, 1, &mut reply)
            .unwrap();
    });
}

fn ordered_sets(c: &mut Criterion) {
    let (tables, table) = filled(Kind::OrderedSet);
    compare(c, "ordered_set lookup, random of 1,000,000", |cursor| {
        let mut buffer = [0; 64];
        let mut reply = Reply::new(&mut buffer);
        assert!(
            tables
                .lookup(table, ME, &key(cursor.key()), &mut reply)
                .unwrap()
        );
        black_box(reply.len());
    });
    compare(
        c,
        "ordered_set counter_add, random of 1,000,000",
        |cursor| {
            let mut buffer = [0; 64];
            let mut reply = Reply::new(&mut buffer);
            tables
                .counter_add(table, ME, &key(cursor.key()), 2, 1, &mut reply)
                .unwrap();
        },
    );
}

fn name(number: usize) -> [u8; 15] {
    let mut name = *b"\x07\x0dprocess......";
    for (at, digit) in name[9..].iter_mut().rev().enumerate() {
        *digit = b'0' + (number / 10_usize.pow(at as u32) % 10) as u8;
    }
    name
}

fn names() -> (Registries, RegistryId) {
    let registries = Registries::new();
    let registry = registries.create(b"\x07\x01r", Keys::Unique).unwrap();
    for number in 0..NAMES {
        let pid = ProcessId {
            index: number as u32,
            serial: 0,
        };
        registries
            .register(registry, &name(number), pid, &[0])
            .unwrap();
    }
    (registries, registry)
}

fn registries(c: &mut Criterion) {
    let (registries, registry) = names();
    compare(c, "registry whereis, random of 200,000", |cursor| {
        let found = registries.whereis(registry, &name(cursor.next() % NAMES));
        assert!(found.unwrap().is_some());
    });
    compare(c, "registry whereis, one name", |_| {
        assert!(registries.whereis(registry, &name(5)).unwrap().is_some());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = sets, small_set, ordered_sets, registries, growth
}
criterion_main!(benches);
