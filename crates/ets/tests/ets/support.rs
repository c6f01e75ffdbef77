//! Terms for tests: a value, its encoding, and strategies that make them.

use std::sync::Arc;

use proptest::prelude::*;
use viga_ets::{Access, Kind, ProcessId, Reply, SystemMemory, TableId, TableOptions, Tables};

pub const ME: ProcessId = ProcessId {
    index: 1,
    serial: 7,
};
pub const OTHER: ProcessId = ProcessId {
    index: 2,
    serial: 0,
};

/// Encodes an integer.
pub fn int(value: i32) -> Vec<u8> {
    [&[4][..], &value.to_le_bytes()].concat()
}

/// Encodes a short string of one-byte units.
pub fn text(value: &str) -> Vec<u8> {
    [&[7, value.len() as u8][..], value.as_bytes()].concat()
}

/// Encodes a float that is no 32-bit integer.
pub fn float(value: f64) -> Vec<u8> {
    [&[5][..], &value.to_bits().to_le_bytes()].concat()
}

/// Encodes a bigint that fits 128 bits.
pub fn big(value: i128) -> Vec<u8> {
    let mut magnitude = value.unsigned_abs().to_le_bytes().to_vec();
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    let length = (magnitude.len() as u32).to_le_bytes();
    [&[6, u8::from(value < 0)][..], &length, &magnitude].concat()
}

/// Encodes a short array.
pub fn array(elements: &[Vec<u8>]) -> Vec<u8> {
    [&[0x0d, elements.len() as u8][..], &elements.concat()].concat()
}

/// Keys of several classes, few enough to meet again.
pub fn keys() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        4 => (-20..20i32).prop_map(int),
        1 => (-20..20i32).prop_map(|value| float(f64::from(value) + 0.5)),
        1 => (-20..20i128).prop_map(big),
        2 => "[ab]{0,3}".prop_map(|value| text(&value)),
        1 => "[ab]{7,10}".prop_map(|value| text(&value)),
        1 => (0..4u8).prop_map(|tag| vec![tag]),
    ];
    leaf.prop_recursive(2, 4, 3, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|all| array(&all))
    })
}

/// Well-formed terms of all classes, not necessarily canonical.
pub fn terms() -> impl Strategy<Value = Vec<u8>> {
    let wide = prop::collection::vec(0x100..=0xffffu16, 1..4).prop_map(|units| {
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        [&[9][..], &(units.len() as u32).to_le_bytes(), &bytes].concat()
    });
    let leaf = prop_oneof![
        keys(),
        wide,
        "[a-zäß]{0,4}".prop_map(|name| [
            &[10][..],
            &(name.len() as u16).to_le_bytes(),
            name.as_bytes()
        ]
        .concat()),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|data| [
            &[11][..],
            &(data.len() as u32).to_le_bytes(),
            &data
        ]
        .concat()),
        any::<[u8; 8]>().prop_map(|pid| [&[0x14][..], &pid].concat()),
        any::<[u8; 16]>().prop_map(|reference| [&[0x15][..], &reference].concat()),
        (-5..5i32)
            .prop_map(|time| [&[0x12][..], &f64::from(time).to_bits().to_le_bytes()].concat()),
        any::<f64>()
            .prop_filter("not an integer", |value| f64::from(*value as i32) != *value
                && !value.is_nan())
            .prop_map(float),
        any::<i128>().prop_map(big),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| array(&all)),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| [
                &[0x11][..],
                &(all.len() as u32).to_le_bytes(),
                &all.concat()
            ]
            .concat()),
            prop::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(|all| {
                let entries: Vec<u8> = all
                    .iter()
                    .flat_map(|(key, value)| [&key[..], value].concat())
                    .collect();
                [&[0x10][..], &(all.len() as u32).to_le_bytes(), &entries].concat()
            }),
            prop::collection::vec(("[ab]{0,2}", inner.clone()), 0..3).prop_map(|all| {
                let entries: Vec<u8> = all
                    .iter()
                    .flat_map(|(key, value)| [&text(key)[..], value].concat())
                    .collect();
                [&[0x0f][..], &(all.len() as u32).to_le_bytes(), &entries].concat()
            }),
            ("[ab]{0,2}", inner).prop_map(|(message, cause)| {
                [
                    &[0x13][..],
                    &text("Error"),
                    &text(&message),
                    &[0],
                    &cause,
                    &[0x0f, 0, 0, 0, 0],
                ]
                .concat()
            }),
        ]
    })
}

/// A table of mine, public, keyed by its first element.
pub fn table(kind: Kind) -> (Tables, TableId) {
    table_with(kind, Access::Public, 0)
}

pub fn table_with(kind: Kind, access: Access, key_position: usize) -> (Tables, TableId) {
    let tables = Tables::new(Arc::new(SystemMemory));
    let options = TableOptions {
        name: None,
        kind,
        access,
        key_position,
        owner: ME,
        heir: None,
    };
    let id = tables.create(options).unwrap();
    (tables, id)
}

/// Has another thread use a table, so that it may be divided when it is large.
pub fn share(tables: &Tables, id: TableId) {
    let used = std::thread::scope(|scope| {
        let other = scope.spawn(|| tables.member(id, ME, &int(0)));
        other.join().unwrap()
    });
    used.unwrap();
}

/// Runs an operation with a small buffer and returns its result with the bytes it wrote.
pub fn replied<T>(operation: impl FnOnce(&mut Reply<'_>) -> T) -> (T, Vec<u8>) {
    let mut buffer = [0; 64];
    let mut reply = Reply::new(&mut buffer);
    let result = operation(&mut reply);
    let bytes = reply.bytes().to_vec();
    (result, bytes)
}

/// Splits terms that follow each other.
pub fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (first, rest) = bytes.split_at(viga_ets::term::skip(bytes, 0));
        all.push(first.to_vec());
        bytes = rest;
    }
    all
}
