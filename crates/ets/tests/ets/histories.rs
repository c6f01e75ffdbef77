//! Single rows under several threads: whatever the threads saw, there is an order of their operations, one after
//! the other and each between its call and its return, in which they would have seen the same (Herlihy and Wing,
//! "Linearizability: a correctness condition for concurrent objects", TOPLAS 1990). Found by trying, as in Wing and Gong, "Testing
//! and verifying concurrent objects", JPDC 1993.

use std::{
    collections::HashSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::support::{ME, array, int, replied, share, table};
use proptest::prelude::*;
use viga_ets::{Kind, TableError, TableId, Tables};

const KEY: i32 = -1;
const THREADS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Insert(i32),
    InsertNew(i32),
    InsertLong(i32),
    Add(i32),
    Lookup,
    Take,
    Delete,
}

/// What an operation gave.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Done,
    Flag(bool),
    Value(Option<i32>),
}

/// An operation with the times of its call and its return.
#[derive(Clone, Debug)]
struct Event {
    op: Op,
    seen: Seen,
    called: usize,
    returned: usize,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..50).prop_map(Op::Insert),
        2 => (0..50).prop_map(Op::InsertNew),
        1 => (0..50).prop_map(Op::InsertLong),
        4 => (1..50).prop_map(Op::Add),
        4 => Just(Op::Lookup),
        2 => Just(Op::Take),
        1 => Just(Op::Delete),
    ]
}

/// Rows of two lengths, so that some insertions write in place and some do not.
fn row(value: i32, long: bool) -> Vec<u8> {
    let mut elements = vec![int(KEY), int(value)];
    if long {
        elements.extend((0..40).map(|_| int(value)));
    }
    array(&elements)
}

fn value_in(row: &[u8]) -> i32 {
    let value = &row[8..12];
    // Every element of a long row is the value it was inserted with, unless counted since.
    assert!(row.len() == 12 || row[13..17] == row[18..22], "torn row");
    i32::from_le_bytes([value[0], value[1], value[2], value[3]])
}

fn perform(tables: &Tables, id: TableId, op: &Op) -> Seen {
    let key = int(KEY);
    match op {
        Op::Insert(value) => {
            tables.insert(id, ME, &row(*value, false), 1).unwrap();
            Seen::Done
        }
        Op::InsertLong(value) => {
            tables.insert(id, ME, &row(*value, true), 1).unwrap();
            Seen::Done
        }
        Op::InsertNew(value) => {
            Seen::Flag(tables.insert_new(id, ME, &row(*value, false), 1).unwrap())
        }
        Op::Add(by) => match replied(|reply| tables.counter_add(id, ME, &key, 1, *by, reply)).0 {
            Ok(sum) => Seen::Value(sum),
            Err(TableError::NoSuchKey) => Seen::Value(None),
            Err(error) => panic!("{error:?}"),
        },
        Op::Lookup => {
            let (found, row) = replied(|reply| tables.lookup(id, ME, &key, reply));
            Seen::Value(found.unwrap().then(|| value_in(&row)))
        }
        Op::Take => {
            let (found, row) = replied(|reply| tables.take(id, ME, &key, reply));
            Seen::Value(found.unwrap().then(|| value_in(&row)))
        }
        Op::Delete => Seen::Flag(tables.delete(id, ME, &key).unwrap()),
    }
}

/// The row's value after an operation, and what the operation gives.
fn model(value: Option<i32>, op: &Op) -> (Option<i32>, Seen) {
    match op {
        Op::Insert(new) | Op::InsertLong(new) => (Some(*new), Seen::Done),
        Op::InsertNew(new) => (value.or(Some(*new)), Seen::Flag(value.is_none())),
        Op::Add(by) => {
            let sum = value.map(|value| value + by);
            (sum, Seen::Value(sum))
        }
        Op::Lookup => (value, Seen::Value(value)),
        Op::Take => (None, Seen::Value(value)),
        Op::Delete => (None, Seen::Flag(value.is_some())),
    }
}

fn record(tables: &Tables, id: TableId, programs: &[Vec<Op>]) -> Vec<Event> {
    let (clock, start) = (AtomicUsize::new(0), Barrier::new(programs.len()));
    let run = |program: &[Op]| {
        start.wait();
        let events = program.iter().map(|op| {
            let called = clock.fetch_add(1, Ordering::SeqCst);
            let seen = perform(tables, id, op);
            let returned = clock.fetch_add(1, Ordering::SeqCst);
            Event {
                op: op.clone(),
                seen,
                called,
                returned,
            }
        });
        events.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = programs
            .iter()
            .map(|program| scope.spawn(|| run(program)))
            .collect();
        let events = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        events.collect()
    })
}

/// True when the events not in `done` can follow with the row's value as it is.
fn has_order(
    events: &[Event],
    done: u64,
    value: Option<i32>,
    failed: &mut HashSet<(u64, Option<i32>)>,
) -> bool {
    let open = |at: &usize| done >> at & 1 == 0;
    let Some(first_return) = (0..events.len())
        .filter(open)
        .map(|at| events[at].returned)
        .min()
    else {
        return true;
    };
    if failed.contains(&(done, value)) {
        return false;
    }
    for at in (0..events.len()).filter(open) {
        let event = &events[at];
        let (next, seen) = model(value, &event.op);
        if event.called < first_return
            && seen == event.seen
            && has_order(events, done | 1 << at, next, failed)
        {
            return true;
        }
    }
    failed.insert((done, value));
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn single_rows_are_linearizable(
        programs in prop::collection::vec(prop::collection::vec(ops(), 1..14), THREADS),
        ordered in any::<bool>(),
        divided in any::<bool>(),
        rows in prop_oneof![Just(0), Just(4_090), Just(4_200)],
    ) {
        let (tables, id) = table(if ordered { Kind::OrderedSet } else { Kind::Set });
        // Otherwise a large set is divided by the first writer who is not alone, in the midst of the history.
        if divided {
            share(&tables, id);
        }
        for key in 0..rows {
            tables.insert(id, ME, &array(&[int(key)]), 1).unwrap();
        }
        // Reads, so that the row's lock is for readers when the threads begin.
        for _ in 0..200 {
            assert_eq!(tables.member(id, ME, &int(KEY)), Ok(false));
        }
        let events = record(&tables, id, &programs);
        prop_assert!(has_order(&events, 0, None, &mut HashSet::new()), "{events:#?}");
    }
}

#[test]
fn histories_that_no_order_explains_are_found() {
    let event = |op, seen, called, returned| Event {
        op,
        seen,
        called,
        returned,
    };
    let mut events = vec![
        event(Op::Insert(1), Seen::Done, 0, 1),
        event(Op::Insert(2), Seen::Done, 2, 5),
        event(Op::Lookup, Seen::Value(Some(2)), 3, 4),
        event(Op::Lookup, Seen::Value(Some(1)), 6, 7),
    ];
    assert!(!has_order(&events, 0, None, &mut HashSet::new()));
    events[3].seen = Seen::Value(Some(2));
    assert!(has_order(&events, 0, None, &mut HashSet::new()));
}
