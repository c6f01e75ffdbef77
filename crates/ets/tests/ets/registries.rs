//! Registries against a model: a list of entries in order of registration.

use crate::support::{int, replied, split, text};
use proptest::prelude::*;
use viga_ets::term::skip;
use viga_ets::{Keys, ProcessId, Registration, Registries, RegistryId, TableError};

#[derive(Clone, Debug)]
enum Op {
    Register(i32, u32, i32),
    Unregister(i32, u32),
    Update(i32, u32, i32),
    Exit(u32),
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..12i32, 0..6u32, any::<i32>()).prop_map(|(key, pid, value)| Op::Register(key, pid, value)),
        2 => (0..12i32, 0..6u32).prop_map(|(key, pid)| Op::Unregister(key, pid)),
        1 => (0..12i32, 0..6u32, any::<i32>()).prop_map(|(key, pid, value)| Op::Update(key, pid, value)),
        1 => (0..6u32).prop_map(Op::Exit),
    ]
}

fn pid(index: u32) -> ProcessId {
    ProcessId { index, serial: 3 }
}

type Model = Vec<(i32, u32, i32)>;

/// Some keys and values are short enough to stand in the registry's records, some are not.
fn encoded_key(number: i32) -> Vec<u8> {
    match number % 3 {
        0 => text(&format!("a key too long for a record: {number}")),
        _ => int(number),
    }
}

fn encoded_value(number: i32) -> Vec<u8> {
    match number % 2 {
        0 => text(&format!("value {number}")),
        _ => int(number),
    }
}

fn entry(index: u32, number: i32) -> Vec<u8> {
    [
        &index.to_le_bytes()[..],
        &3u32.to_le_bytes(),
        &encoded_value(number),
    ]
    .concat()
}

fn step(registries: &Registries, id: RegistryId, keys: Keys, model: &mut Model, op: &Op) {
    match *op {
        Op::Register(key, index, value) => {
            let holder = model
                .iter()
                .find(|entry| entry.0 == key && keys == Keys::Unique)
                .map(|entry| entry.1);
            let expected =
                holder.map_or(Registration::Done, |index| Registration::Taken(pid(index)));
            assert_eq!(
                registries.register(id, &encoded_key(key), pid(index), &encoded_value(value)),
                Ok(expected)
            );
            if holder.is_none() {
                model.push((key, index, value));
            }
        }
        Op::Unregister(key, index) => {
            let before = model.len();
            model.retain(|entry| (entry.0, entry.1) != (key, index));
            assert_eq!(
                registries.unregister(id, &encoded_key(key), pid(index)),
                Ok(before - model.len())
            );
        }
        Op::Update(key, index, value) => {
            let first = model
                .iter_mut()
                .find(|entry| (entry.0, entry.1) == (key, index));
            let old = first.map(|entry| std::mem::replace(&mut entry.2, value));
            let (found, bytes) = replied(|reply| {
                registries.update_value(
                    id,
                    &encoded_key(key),
                    pid(index),
                    &encoded_value(value),
                    reply,
                )
            });
            assert_eq!(
                (found, bytes),
                (
                    Ok(old.is_some()),
                    old.map(encoded_value).unwrap_or_default()
                )
            );
        }
        Op::Exit(index) => {
            registries.process_exited(pid(index));
            model.retain(|entry| entry.1 != index);
        }
    }
}

fn compare_all(registries: &Registries, id: RegistryId, model: &Model, limit: usize) {
    assert_eq!(registries.count(id), Ok(model.len()));
    assert_eq!(registries.count_all(), model.len());
    for key in 0..12 {
        let of_key: Vec<_> = model.iter().filter(|entry| entry.0 == key).collect();
        assert_eq!(
            registries.whereis(id, &encoded_key(key)),
            Ok(of_key.first().map(|entry| pid(entry.1)))
        );
        let expected: Vec<u8> = of_key
            .iter()
            .flat_map(|(_, index, value)| entry(*index, *value))
            .collect();
        let mut found = Vec::new();
        let mut continuation: Option<Vec<u8>> = None;
        loop {
            let (listing, bytes) = replied(|reply| {
                registries
                    .lookup(id, &encoded_key(key), limit, continuation.as_deref(), reply)
                    .unwrap()
            });
            found.extend_from_slice(&bytes[..listing.continuation_at]);
            if !listing.more {
                break;
            }
            continuation = Some(bytes[listing.continuation_at..].to_vec());
        }
        assert_eq!(found, expected);
        for index in 0..6 {
            let values: Vec<Vec<u8>> = of_key
                .iter()
                .filter(|entry| entry.1 == index)
                .map(|entry| encoded_value(entry.2))
                .collect();
            let (count, bytes) =
                replied(|reply| registries.values(id, &encoded_key(key), pid(index), reply));
            assert_eq!((count, split(&bytes)), (Ok(values.len()), values));
        }
    }
    for index in 0..6 {
        let keys: Vec<Vec<u8>> = model
            .iter()
            .filter(|entry| entry.1 == index)
            .map(|entry| encoded_key(entry.0))
            .collect();
        let (count, bytes) = replied(|reply| registries.keys(id, pid(index), reply));
        assert_eq!((count, split(&bytes)), (Ok(keys.len()), keys));
    }
}

/// Entries by pages; after the first page, `between` may change the registry.
fn list(
    registries: &Registries,
    id: RegistryId,
    limit: usize,
    mut between: impl FnMut(),
) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut continuation: Option<Vec<u8>> = None;
    loop {
        let (listing, bytes) = replied(|reply| {
            registries
                .entries(id, limit, continuation.as_deref(), reply)
                .unwrap()
        });
        let mut at = 0;
        while at < listing.continuation_at {
            // Key, 8 bytes of the pid, value.
            let end = skip(&bytes, skip(&bytes, at) + 8);
            found.push(bytes[at..end].to_vec());
            at = end;
        }
        if !listing.more {
            return found;
        }
        continuation = Some(bytes[listing.continuation_at..].to_vec());
        between();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn registries_do_as_their_model(ops in prop::collection::vec(ops(), 1..120), limit in 1..6usize) {
        for keys in [Keys::Unique, Keys::Duplicate] {
            let registries = Registries::new();
            let id = registries.create(&text("model"), keys).unwrap();
            let mut model = Model::new();
            for op in &ops {
                step(&registries, id, keys, &mut model, op);
            }
            compare_all(&registries, id, &model, limit);
            let mut expected: Vec<Vec<u8>> =
                model.iter().map(|(key, index, value)| [encoded_key(*key), entry(*index, *value)].concat()).collect();
            let mut found = list(&registries, id, limit, || {});
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn listings_see_what_stays_once_while_others_come_and_go() {
    let registries = Registries::new();
    let id = registries.create(&text("topics"), Keys::Duplicate).unwrap();
    for index in 0..300 {
        registries
            .register(id, &int(index as i32 % 40), pid(index), &encoded_value(0))
            .unwrap();
    }
    let mut turn = 0;
    let found = list(&registries, id, 7, || {
        // Every second process of those seen or not seen goes, and new ones come.
        registries.process_exited(pid(2 * turn));
        registries
            .register(
                id,
                &int(turn as i32 + 1_000),
                pid(turn + 1_000),
                &encoded_value(0),
            )
            .unwrap();
        turn += 1;
    });
    for index in (1..300).step_by(2) {
        let expected = [int(index as i32 % 40), entry(index, 0)].concat();
        assert_eq!(
            found.iter().filter(|entry| **entry == expected).count(),
            1,
            "{index}"
        );
    }
}

#[test]
fn registries_have_names_and_end() {
    let registries = Registries::new();
    let id = registries.create(&text("a"), Keys::Unique).unwrap();
    assert_eq!(
        registries.create(&text("a"), Keys::Duplicate),
        Err(TableError::NameTaken)
    );
    assert_eq!(registries.find(&text("a")), Some((id, Keys::Unique)));
    registries.register(id, &int(1), pid(1), &int(1)).unwrap();
    registries.drop_registry(id).unwrap();
    assert_eq!(registries.find(&text("a")), None);
    assert_eq!(
        registries.whereis(id, &int(1)),
        Err(TableError::NoSuchRegistry)
    );
    assert_eq!(registries.count_all(), 0);
    let again = registries.create(&text("a"), Keys::Unique).unwrap();
    registries.process_exited(pid(1));
    assert_eq!(registries.count(again), Ok(0));
}

#[test]
fn malformed_keys_and_values_are_refused() {
    let registries = Registries::new();
    let id = registries.create(&text("a"), Keys::Unique).unwrap();
    assert_eq!(
        registries.register(id, &[0x99], pid(1), &[0]),
        Err(TableError::BadTerm { offset: 0 })
    );
    assert_eq!(
        registries.register(id, &int(1), pid(1), &[7, 1]),
        Err(TableError::BadTerm { offset: 0 })
    );
    assert_eq!(
        registries.whereis(id, &[4, 0]),
        Err(TableError::BadTerm { offset: 0 })
    );
    let (listing, _) = replied(|reply| registries.entries(id, 1, Some(&[1, 2]), reply));
    assert_eq!(listing, Err(TableError::BadTerm { offset: 0 }));
    assert_eq!(registries.count_all(), 0);
}
