//! What one operation costs on a table of a million rows `[integer, 5-character string, integer]`, one thread, system
//! allocator. Keys are visited in random order, so figures include the cache misses of real use; they do not show
//! contention between threads, nor the way from JavaScript to here.

#![allow(missing_docs)]

use std::{cell::Cell, hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use viga_ets::{
    Access, Keys, Kind, Page, ProcessId, Registries, Reply, SystemMemory, TableId, TableOptions,
    Tables,
};

const ROWS: usize = 1_000_000;
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

/// Walks through a million keys in an order that has nothing to do with that of insertion.
fn next_key(cursor: &Cell<usize>) -> i32 {
    let index = (cursor.get() + 618_033) % ROWS;
    cursor.set(index);
    scrambled(index)
}

fn sets(c: &mut Criterion) {
    let (tables, table) = filled(Kind::Set);
    let info = tables.info(table).unwrap();
    println!("set: {} bytes a row as accounted", info.memory / info.size);
    let cursor = Cell::new(0);
    let mut buffer = [0; 256];
    c.bench_function("set lookup, random of 1,000,000", |b| {
        b.iter(|| {
            let mut reply = Reply::new(&mut buffer);
            assert!(
                tables
                    .lookup(table, ME, &key(next_key(&cursor)), &mut reply)
                    .unwrap()
            );
            black_box(reply.len())
        });
    });
    c.bench_function("set counter_add, random of 1,000,000", |b| {
        b.iter(|| {
            let mut reply = Reply::new(&mut buffer);
            tables
                .counter_add(table, ME, &key(next_key(&cursor)), 2, 1, &mut reply)
                .unwrap()
        });
    });
    c.bench_function("set counter_add, one row", |b| {
        b.iter(|| {
            let mut reply = Reply::new(&mut buffer);
            tables
                .counter_add(table, ME, &key(scrambled(5)), 2, 1, &mut reply)
                .unwrap()
        });
    });
    c.bench_function("set insert over a row, random of 1,000,000", |b| {
        b.iter(|| {
            tables
                .insert(table, ME, &row(next_key(&cursor), 1), 1)
                .unwrap()
        });
    });
    c.bench_function("set delete and insert, random of 1,000,000", |b| {
        b.iter(|| {
            let next = next_key(&cursor);
            assert!(tables.delete(table, ME, &key(next)).unwrap());
            tables.insert(table, ME, &row(next, 1), 1).unwrap();
        });
    });
}

fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("1,000,000 rows into an empty");
    group
        .sample_size(10)
        .throughput(criterion::Throughput::Elements(ROWS as u64));
    group.bench_function("set, random keys", |b| {
        b.iter_batched(
            || new_table(Kind::Set),
            |fresh| fill(fresh, scrambled),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("ordered_set, ascending keys", |b| {
        b.iter_batched(
            || new_table(Kind::OrderedSet),
            |fresh| fill(fresh, |index| index as i32),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("ordered_set, random keys", |b| {
        b.iter_batched(
            || new_table(Kind::OrderedSet),
            |fresh| fill(fresh, scrambled),
            BatchSize::PerIteration,
        );
    });
}

fn fill((tables, table): (Tables, TableId), key_of: impl Fn(usize) -> i32) -> (Tables, TableId) {
    for index in 0..ROWS {
        tables.insert(table, ME, &row(key_of(index), 0), 1).unwrap();
    }
    (tables, table)
}

fn ordered_sets(c: &mut Criterion) {
    let (tables, table) = filled(Kind::OrderedSet);
    let info = tables.info(table).unwrap();
    println!(
        "ordered_set: {} bytes a row as accounted",
        info.memory / info.size
    );
    let cursor = Cell::new(0);
    let mut buffer = [0; 4096];
    c.bench_function("ordered_set lookup, random of 1,000,000", |b| {
        b.iter(|| {
            let mut reply = Reply::new(&mut buffer);
            assert!(
                tables
                    .lookup(table, ME, &key(next_key(&cursor)), &mut reply)
                    .unwrap()
            );
            black_box(reply.len())
        });
    });
    c.bench_function("ordered_set, 100 rows from a random key", |b| {
        b.iter(|| {
            let from = key(next_key(&cursor));
            let page = Page {
                limit: 100,
                reverse: false,
                continuation: Some(&from),
            };
            let mut reply = Reply::new(&mut buffer);
            black_box(tables.chunk(table, ME, page, &mut reply).unwrap().results)
        });
    });
}

fn registries(c: &mut Criterion) {
    let registries = Registries::new();
    let registry = registries.create(b"\x07\x01r", Keys::Unique).unwrap();
    let name = |number: usize| format!("\x07\x0bprocess{number:04}").into_bytes();
    let names: Vec<Vec<u8>> = (0..10_000).map(name).collect();
    let pid = |number: usize| ProcessId {
        index: number as u32,
        serial: 0,
    };
    for (number, name) in names.iter().enumerate() {
        registries
            .register(registry, name, pid(number), &[0])
            .unwrap();
    }
    let cursor = Cell::new(0);
    c.bench_function("registry whereis, 10,000 keys", |b| {
        b.iter(|| {
            cursor.set((cursor.get() + 6_181) % names.len());
            registries.whereis(registry, &names[cursor.get()]).unwrap()
        });
    });
    c.bench_function("registry register and exit", |b| {
        b.iter(|| {
            registries
                .register(registry, b"\x07\x01x", pid(10_001), &[0])
                .unwrap();
            registries.process_exited(pid(10_001));
        });
    });
    c.bench_function("exit of a process without entries", |b| {
        b.iter(|| registries.process_exited(black_box(pid(10_002))));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = sets, ordered_sets, registries, growth
}
criterion_main!(benches);
