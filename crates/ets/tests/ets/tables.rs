//! Tables against a model: a sorted map from keys to rows.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::support::{ME, array, int, keys, replied, share, split, table, text};
use proptest::prelude::*;
use viga_ets::{
    Bound, Filter, Kind, Page, TableError, TableId, Tables,
    term::{compare, order_prefix, starts_with},
};

/// A key in a model, ordered as terms are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(Vec<u8>);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        compare(&self.0, &other.0)
    }
}

type Model = BTreeMap<Key, Vec<u8>>;

#[derive(Clone, Debug)]
enum Op {
    Insert(Vec<(Vec<u8>, i32)>),
    InsertNew(Vec<u8>, i32),
    InsertText(Vec<u8>, String),
    Delete(Vec<u8>),
    Take(Vec<u8>),
    Add(Vec<u8>, i32),
    Lookup(Vec<u8>),
    Next(Vec<u8>),
    DeleteAll,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        40 => prop::collection::vec((keys(), any::<i32>()), 1..4).prop_map(Op::Insert),
        10 => (keys(), any::<i32>()).prop_map(|(key, value)| Op::InsertNew(key, value)),
        10 => (keys(), "[a-z]{0,9}").prop_map(|(key, value)| Op::InsertText(key, value)),
        15 => keys().prop_map(Op::Delete),
        5 => keys().prop_map(Op::Take),
        10 => (keys(), any::<i32>()).prop_map(|(key, by)| Op::Add(key, by)),
        10 => keys().prop_map(Op::Lookup),
        10 => keys().prop_map(Op::Next),
        1 => Just(Op::DeleteAll),
    ]
}

fn row(key: &[u8], value: Vec<u8>) -> Vec<u8> {
    array(&[key.to_vec(), value])
}

/// Does the same to a table and its model and holds the answers together.
fn step(tables: &Tables, id: TableId, model: &mut Model, op: &Op) {
    match op {
        Op::Insert(pairs) => {
            let rows: Vec<Vec<u8>> = pairs
                .iter()
                .map(|(key, value)| row(key, int(*value)))
                .collect();
            tables.insert(id, ME, &rows.concat(), rows.len()).unwrap();
            for ((key, _), row) in pairs.iter().zip(rows) {
                model.insert(Key(key.clone()), row);
            }
        }
        Op::InsertNew(key, value) => {
            let row = row(key, int(*value));
            let free = !model.contains_key(&Key(key.clone()));
            assert_eq!(tables.insert_new(id, ME, &row, 1), Ok(free));
            model.entry(Key(key.clone())).or_insert(row);
        }
        Op::InsertText(key, value) => {
            let row = row(key, text(value));
            tables.insert(id, ME, &row, 1).unwrap();
            model.insert(Key(key.clone()), row);
        }
        Op::Delete(key) => {
            assert_eq!(
                tables.delete(id, ME, key),
                Ok(model.remove(&Key(key.clone())).is_some())
            );
        }
        Op::Take(key) => {
            let (found, bytes) = replied(|reply| tables.take(id, ME, key, reply));
            assert_eq!(
                (found.unwrap(), bytes),
                known(model.remove(&Key(key.clone())))
            );
        }
        Op::Add(key, by) => {
            let (sum, _) = replied(|reply| tables.counter_add(id, ME, key, 1, *by, reply));
            let value = model
                .get(&Key(key.clone()))
                .map(|row| row[2 + key.len()..].to_vec());
            match value {
                None => assert_eq!(sum, Err(TableError::NoSuchKey)),
                Some(old) if old[0] == 7 => {
                    assert_eq!(sum, Err(TableError::NotANumber { position: 1 }))
                }
                Some(old) => {
                    let mut new = Vec::new();
                    assert!(viga_ets::term::add_numbers(&old, &int(*by), &mut new));
                    assert_eq!(sum.unwrap().map(int), (new[0] == 4).then(|| new.clone()));
                    model.insert(Key(key.clone()), row(key, new));
                }
            }
        }
        Op::Lookup(key) => {
            let (found, bytes) = replied(|reply| tables.lookup(id, ME, key, reply));
            assert_eq!(
                (found.unwrap(), bytes),
                known(model.get(&Key(key.clone())).cloned())
            );
            assert_eq!(
                tables.member(id, ME, key),
                Ok(model.contains_key(&Key(key.clone())))
            );
        }
        Op::Next(key) => {
            if tables.info(id).unwrap().kind == Kind::OrderedSet {
                let key = Key(key.clone());
                let after = model
                    .range((std::ops::Bound::Excluded(&key), std::ops::Bound::Unbounded))
                    .next();
                let (found, bytes) =
                    replied(|reply| tables.neighbour_key(id, ME, &key.0, false, reply));
                assert_eq!(
                    (found.unwrap(), bytes),
                    known(after.map(|(key, _)| key.0.clone()))
                );
                let before = model.range(..&key).next_back();
                let (found, bytes) =
                    replied(|reply| tables.neighbour_key(id, ME, &key.0, true, reply));
                assert_eq!(
                    (found.unwrap(), bytes),
                    known(before.map(|(key, _)| key.0.clone()))
                );
            }
        }
        Op::DeleteAll => {
            assert_eq!(tables.delete_all(id, ME).unwrap().0, model.len());
            model.clear();
        }
    }
    assert_eq!(tables.info(id).unwrap().size, model.len());
}

fn known(bytes: Option<Vec<u8>>) -> (bool, Vec<u8>) {
    (bytes.is_some(), bytes.unwrap_or_default())
}

/// All rows, by chunks.
fn walk(tables: &Tables, id: TableId, limit: usize, reverse: bool) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    let mut continuation: Option<Vec<u8>> = None;
    loop {
        let page = Page {
            limit,
            reverse,
            continuation: continuation.as_deref(),
        };
        let (chunk, bytes) = replied(|reply| tables.chunk(id, ME, page, reply).unwrap());
        rows.extend(split(&bytes[..chunk.continuation_at]));
        if !chunk.more {
            return rows;
        }
        continuation = Some(bytes[chunk.continuation_at..].to_vec());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tables_do_as_their_model(ops in prop::collection::vec(ops(), 1..200), limit in 1..9usize) {
        for kind in [Kind::Set, Kind::OrderedSet] {
            let (tables, id) = table(kind);
            let mut model = Model::new();
            for op in &ops {
                step(&tables, id, &mut model, op);
            }
            let expected: Vec<Vec<u8>> = model.values().cloned().collect();
            let mut rows = walk(&tables, id, limit, false);
            if kind == Kind::Set {
                rows.sort_by(|a, b| compare(a, b));
            }
            prop_assert_eq!(&rows, &expected);
            if kind == Kind::OrderedSet {
                let mut backwards = walk(&tables, id, limit, true);
                backwards.reverse();
                prop_assert_eq!(backwards, expected);
            }
        }
    }

    #[test]
    fn ranges_and_prefixes_give_what_a_filter_would(
        all in prop::collection::btree_set(keys(), 0..60), from in keys(), to in keys(), exclusive in any::<(bool, bool)>(),
        prefix in keys(), limit in 1..5usize,
    ) {
        let (tables, id) = table(Kind::OrderedSet);
        let (sets, set) = table(Kind::Set);
        for key in &all {
            tables.insert(id, ME, &row(key, int(0)), 1).unwrap();
            sets.insert(set, ME, &row(key, int(0)), 1).unwrap();
        }
        let mut sorted: Vec<Vec<u8>> = all.into_iter().collect();
        sorted.sort_by(|a, b| compare(a, b));
        let within = |key: &&Vec<u8>| {
            let (low, high) = (compare(key, &from), compare(key, &to));
            (low.is_gt() || low.is_eq() && !exclusive.0) && (high.is_lt() || high.is_eq() && !exclusive.1)
        };
        let expected: Vec<Vec<u8>> = sorted.iter().filter(within).map(|key| row(key, int(0))).collect();
        let bounds = (Bound { key: &from, exclusive: exclusive.0 }, Bound { key: &to, exclusive: exclusive.1 });
        for reverse in [false, true] {
            let page = Page { limit: 1_000, reverse, continuation: None };
            let (_, bytes) = replied(|reply| tables.range(id, ME, Some(bounds.0), Some(bounds.1), page, reply).unwrap());
            let mut rows = split(&bytes);
            if reverse { rows.reverse() }
            prop_assert_eq!(&rows, &expected);
        }

        let begins = |key: &&Vec<u8>| {
            let arrays = key[0] == 0x0d && prefix[0] == 0x0d;
            starts_with(key, &prefix) || arrays && key[1] >= prefix[1] && key[2..].starts_with(&prefix[2..])
        };
        let expected: Vec<Vec<u8>> = sorted.iter().filter(begins).map(|key| row(key, int(0))).collect();
        for (tables, id) in [(&tables, id), (&sets, set)] {
            let mut rows = Vec::new();
            let mut continuation: Option<Vec<u8>> = None;
            loop {
                let page = Page { limit, reverse: false, continuation: continuation.as_deref() };
                let (chunk, bytes) = replied(|reply| tables.prefix(id, ME, &prefix, page, reply));
                if !matches!(prefix[0], 7 | 0x0d) {
                    prop_assert_eq!(chunk, Err(TableError::BadTerm { offset: 0 }));
                    break;
                }
                let chunk = chunk.unwrap();
                rows.extend(split(&bytes[..chunk.continuation_at]));
                if !chunk.more { break }
                continuation = Some(bytes[chunk.continuation_at..].to_vec());
            }
            if matches!(prefix[0], 7 | 0x0d) {
                rows.sort_by(|a, b| compare(a, b));
                prop_assert_eq!(&rows, &expected);
            }
        }
    }

    #[test]
    fn malformed_input_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..40), count in 0..4usize) {
        for kind in [Kind::Set, Kind::OrderedSet] {
            let (tables, id) = table(kind);
            let inserted = tables.insert(id, ME, &bytes, count);
            let size = tables.info(id).unwrap().size;
            let most = if inserted.is_ok() { count } else { 0 };
            prop_assert!(size <= most);
            let page = Page { limit: 10, reverse: false, continuation: Some(&bytes) };
            let (_, _) = replied(|reply| tables.lookup(id, ME, &bytes, reply));
            let (_, _) = replied(|reply| tables.chunk(id, ME, page, reply));
            let (_, _) = replied(|reply| tables.prefix(id, ME, &bytes, page, reply));
            if let Ok((filter, _)) = Filter::parse(&bytes, 0) {
                filter.holds(&row(&int(1), int(2)));
            }
        }
    }
}

/// Walks a table by small chunks while it changes size in between: what stays is seen once.
fn walk_while_it_changes((tables, id): (Tables, TableId)) {
    let insert = |key: i32| tables.insert(id, ME, &row(&int(key), int(0)), 1).unwrap();
    (0..2_000).for_each(insert);
    let mut seen = Vec::new();
    let mut continuation: Option<Vec<u8>> = None;
    let mut turn = 0;
    loop {
        let page = Page {
            limit: 7,
            reverse: false,
            continuation: continuation.as_deref(),
        };
        let (chunk, bytes) = replied(|reply| tables.chunk(id, ME, page, reply).unwrap());
        seen.extend(split(&bytes[..chunk.continuation_at]));
        if !chunk.more {
            break;
        }
        continuation = Some(bytes[chunk.continuation_at..].to_vec());
        // Grows tenfold, then shrinks to a quarter, the last key seen included.
        turn += 1;
        match turn {
            1..=100 => (0..200).for_each(|at| insert(10_000 + turn * 200 + at)),
            101 => (10_000..40_000).chain(0..1_500).for_each(|key| {
                tables.delete(id, ME, &int(key)).unwrap();
            }),
            _ => {}
        }
    }
    for key in 1_500..2_000 {
        let expected = row(&int(key), int(0));
        assert_eq!(
            seen.iter().filter(|row| **row == expected).count(),
            1,
            "{key}"
        );
    }
    let all = seen.len();
    seen.sort_by(|a, b| compare(a, b));
    seen.dedup();
    assert_eq!(seen.len(), all, "no row is seen twice");
}

#[test]
fn rows_that_stay_are_seen_once_in_a_set() {
    walk_while_it_changes(table(Kind::Set));
}

#[test]
fn rows_that_stay_are_seen_once_in_a_set_of_several_threads() {
    let (tables, id) = table(Kind::Set);
    share(&tables, id);
    walk_while_it_changes((tables, id));
}

#[test]
fn rows_that_stay_are_seen_once_in_an_ordered_set() {
    walk_while_it_changes(table(Kind::OrderedSet));
}

#[test]
fn large_ordered_sets_keep_their_order_through_removals() {
    let (tables, id) = table(Kind::OrderedSet);
    let mut model = std::collections::BTreeSet::new();
    let mut state = 1u32;
    for step in 0..60_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let key = (state >> 16) as i32 % 20_000;
        // Mostly insertions first, mostly removals later.
        if (state >> 3) % 60_000 > step {
            tables.insert(id, ME, &row(&int(key), int(0)), 1).unwrap();
            model.insert(key);
        } else {
            assert_eq!(tables.delete(id, ME, &int(key)), Ok(model.remove(&key)));
        }
    }
    let rows = walk(&tables, id, 1_000, false);
    assert_eq!(
        rows,
        model
            .iter()
            .map(|key| row(&int(*key), int(0)))
            .collect::<Vec<_>>()
    );
    for key in model {
        assert_eq!(tables.delete(id, ME, &int(key)), Ok(true));
    }
    assert_eq!(tables.info(id).unwrap().size, 0);
}

#[test]
fn small_integers_have_prefixes_of_their_own() {
    assert!(
        (-1_000..1_000)
            .map(|key| order_prefix(&int(key)))
            .is_sorted_by(|a, b| a < b)
    );
}
