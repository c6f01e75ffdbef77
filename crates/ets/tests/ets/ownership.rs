//! Whose tables are, who may use them, and what becomes of them.

use std::sync::Arc;

use crate::support::{ME, OTHER, array, int, replied, table, table_with, text};
use viga_ets::{
    Access, CounterOp, FREED_AT_ONCE, Filter, Heir, Kind, Page, ProcessId, Projection,
    SystemMemory, TableError, TableOptions, Tables, Transfer,
};

fn options(name: Option<&[u8]>, owner: ProcessId) -> TableOptions<'_> {
    TableOptions {
        name,
        kind: Kind::Set,
        access: Access::Protected,
        key_position: 0,
        owner,
        heir: None,
    }
}

#[test]
fn access_is_held() {
    let refused = TableError::Access { owner: ME };
    let row = array(&[int(1)]);
    for (access, others_read, others_write) in [
        (Access::Public, true, true),
        (Access::Protected, true, false),
        (Access::Private, false, false),
    ] {
        let (tables, id) = table_with(Kind::Set, access, 0);
        let expected = |allowed| if allowed { Ok(()) } else { Err(refused) };
        assert_eq!(tables.insert(id, OTHER, &row, 1), expected(others_write));
        assert_eq!(tables.insert(id, ME, &row, 1), Ok(()));
        let (found, _) = replied(|reply| tables.lookup(id, OTHER, &int(1), reply));
        assert_eq!(found.map(|_| ()), expected(others_read));
        assert_eq!(tables.give_away(id, OTHER, OTHER), Err(refused));
        assert_eq!(tables.set_heir(id, OTHER, None), Err(refused));
        assert_eq!(
            tables.drop_table(id, OTHER).map(|_| ()),
            expected(others_write)
        );
    }
}

#[test]
fn names_are_unique_and_end_with_their_table() {
    let tables = Tables::new(Arc::new(SystemMemory));
    let (a, b) = (text("a"), text("b"));
    let first = tables.create(options(Some(&a), ME)).unwrap();
    assert_eq!(
        tables.create(options(Some(&a), ME)),
        Err(TableError::NameTaken)
    );
    let second = tables.create(options(Some(&b), ME)).unwrap();
    assert_eq!(
        tables.rename(second, ME, Some(&a)),
        Err(TableError::NameTaken)
    );
    assert_eq!(tables.rename(first, ME, None), Ok(()));
    assert_eq!(tables.whereis(&a), None);
    assert_eq!(tables.rename(second, ME, Some(&a)), Ok(()));
    assert_eq!(
        (tables.whereis(&a), tables.whereis(&b)),
        (Some(second), None)
    );
    tables.drop_table(second, ME).unwrap();
    assert_eq!(tables.whereis(&a), None);
    assert_eq!(tables.info(second), Err(TableError::NoSuchTable));
    assert_eq!((tables.count(), tables.all()), (1, vec![first]));
}

#[test]
fn tables_go_to_living_heirs_and_otherwise_away() {
    let tables = Tables::new(Arc::new(SystemMemory));
    let heir = |pid| {
        Some(Heir {
            pid,
            data: int(5).into(),
        })
    };
    let name = text("kept");
    let kept = tables
        .create(TableOptions {
            heir: heir(OTHER),
            ..options(Some(&name), ME)
        })
        .unwrap();
    let dead = ProcessId {
        index: 9,
        serial: 9,
    };
    let orphaned = tables
        .create(TableOptions {
            heir: heir(dead),
            ..options(None, ME)
        })
        .unwrap();
    let mine = tables.create(options(None, ME)).unwrap();
    let given = tables.create(options(None, ME)).unwrap();
    tables.give_away(given, ME, OTHER).unwrap();
    assert_eq!(
        tables.give_away(given, ME, OTHER),
        Err(TableError::Access { owner: OTHER })
    );

    let transfers = tables.process_exited(ME, |pid| pid == OTHER);
    let expected = Transfer {
        table: kept,
        name: Some(name.clone().into()),
        from: ME,
        to: OTHER,
        data: int(5).into(),
    };
    assert_eq!(transfers, [expected]);
    assert_eq!(tables.info(kept).unwrap().owner, OTHER);
    assert_eq!(tables.info(given).unwrap().owner, OTHER);
    assert_eq!(tables.info(mine), Err(TableError::NoSuchTable));
    assert_eq!(tables.info(orphaned), Err(TableError::NoSuchTable));
    assert_eq!(tables.process_exited(ME, |_| true), []);

    // The heir's own exit: it cannot inherit from itself.
    assert_eq!(tables.process_exited(OTHER, |_| true), []);
    assert_eq!((tables.count(), tables.whereis(&name)), (0, None));
}

#[test]
fn large_tables_are_freed_bit_by_bit() {
    for kind in [Kind::Set, Kind::OrderedSet] {
        let (tables, id) = table(kind);
        for key in 0..2_500 {
            tables.insert(id, ME, &array(&[int(key)]), 1).unwrap();
        }
        assert_eq!(tables.delete_all(id, ME), Ok((2_500, 2_500)));
        assert_eq!(tables.info(id).unwrap().size, 0);
        assert!(tables.reclaim(1_000));
        assert!(tables.reclaim(1_000));
        assert!(!tables.reclaim(1_000));
        for key in 0..FREED_AT_ONCE as i32 {
            tables.insert(id, ME, &array(&[int(key)]), 1).unwrap();
        }
        assert_eq!(tables.drop_table(id, ME), Ok(0));
        assert!(!tables.reclaim(1));
    }
}

#[test]
fn insertions_of_many_rows_happen_as_a_whole() {
    let (tables, id) = table_with(Kind::Set, Access::Public, 1);
    let (good, short) = (array(&[int(1), int(2)]), array(&[int(1)]));
    let both = [good.clone(), short].concat();
    assert_eq!(
        tables.insert(id, ME, &both, 2),
        Err(TableError::BadRow {
            length: Some(1),
            key_position: 1
        })
    );
    assert_eq!(
        tables.insert(id, ME, &int(1), 1),
        Err(TableError::BadRow {
            length: None,
            key_position: 1
        })
    );
    assert_eq!(
        tables.insert(id, ME, &good, 2),
        Err(TableError::BadTerm { offset: good.len() })
    );
    assert_eq!(tables.info(id).unwrap().size, 0);
    let other = array(&[int(1), int(3)]);
    assert_eq!(
        tables.insert_new(id, ME, &[good.clone(), other.clone()].concat(), 2),
        Ok(true)
    );
    let third = array(&[int(1), int(4)]);
    assert_eq!(
        tables.insert_new(id, ME, &[third, other].concat(), 2),
        Ok(false)
    );
    assert_eq!(tables.info(id).unwrap().size, 2);
}

#[test]
fn counters_stop_at_their_bounds_and_change_together() {
    let (tables, id) = table(Kind::OrderedSet);
    let key = text("hits");
    let (ten, zero, one, minus) = (int(10), int(0), int(1), int(-4));
    let up = CounterOp {
        position: 1,
        increment: &one,
        bounds: Some((&ten, &zero)),
    };
    let down = CounterOp {
        position: 2,
        increment: &minus,
        bounds: Some((&zero, &ten)),
    };
    let default = array(&[int(0), int(9), int(5)]);
    let (done, values) = replied(|reply| {
        tables.update_counter(id, ME, &key, &[up, up, down, down], Some(&default), reply)
    });
    assert_eq!(done, Ok(()));
    assert_eq!(values, [int(10), int(0), int(1), int(10)].concat());
    let (found, row) = replied(|reply| tables.lookup(id, ME, &key, reply));
    assert_eq!(
        (found, row),
        (Ok(true), array(&[key.clone(), int(0), int(10)]))
    );

    let on_key = CounterOp { position: 0, ..up };
    let beyond = CounterOp { position: 3, ..up };
    for (op, position) in [(on_key, 0), (beyond, 3)] {
        let (done, _) =
            replied(|reply| tables.update_counter(id, ME, &key, &[up, op], None, reply));
        assert_eq!(
            done,
            Err(TableError::BadPosition {
                position,
                length: 3
            })
        );
    }
    let (value, _) = replied(|reply| tables.lookup_element(id, ME, &key, 1, reply));
    assert_eq!(
        value,
        Ok(true),
        "nothing was changed by the first step alone"
    );

    let (sum, written) = replied(|reply| tables.counter_add(id, ME, &key, 1, i32::MAX, reply));
    assert_eq!((sum, written), (Ok(Some(i32::MAX)), vec![]));
    let (sum, written) = replied(|reply| tables.counter_add(id, ME, &key, 1, 1, reply));
    assert_eq!(
        (sum, written),
        (Ok(None), crate::support::float(2_147_483_648.0))
    );
}

#[test]
fn elements_are_replaced_together() {
    let (tables, id) = table(Kind::Set);
    tables
        .insert(id, ME, &array(&[int(1), int(2), int(3)]), 1)
        .unwrap();
    let (long, short) = (text("longer than before"), vec![0]);
    assert_eq!(
        tables.update_element(id, ME, &int(1), &[(1, &long), (2, &short)]),
        Ok(true)
    );
    assert_eq!(
        tables.update_element(id, ME, &int(2), &[(1, &long)]),
        Ok(false)
    );
    let refused = tables.update_element(id, ME, &int(1), &[(1, &short), (0, &short)]);
    assert_eq!(
        refused,
        Err(TableError::BadPosition {
            position: 0,
            length: 3
        })
    );
    let (_, row) = replied(|reply| tables.lookup(id, ME, &int(1), reply));
    assert_eq!(row, array(&[int(1), long, short]));
}

/// A comparison of element `position` with a constant.
fn compared(relation: u8, position: u8, constant: &[u8]) -> Vec<u8> {
    [&[relation, 0, 1, 0, position, 0, 0, 0, 1][..], constant].concat()
}

#[test]
fn selections_filter_project_and_delete() {
    let object = |age: i32| [&[0x0f, 1, 0, 0, 0][..], &text("age"), &int(age)].concat();
    for kind in [Kind::Set, Kind::OrderedSet] {
        let (tables, id) = table(kind);
        for key in 0..100 {
            tables
                .insert(id, ME, &array(&[int(key), object(key % 10)]), 1)
                .unwrap();
        }
        let select = |encoded: &[u8], projection: &[u8]| {
            let (filter, _) = Filter::parse(encoded, 0).unwrap();
            let (projection, _) = Projection::parse(projection, 0).unwrap();
            let page = Page {
                limit: 1_000,
                reverse: false,
                continuation: None,
            };
            let (chunk, bytes) = replied(|reply| {
                tables
                    .select(id, ME, &filter, &projection, page, reply)
                    .unwrap()
            });
            assert!(!chunk.more);
            let mut results = crate::support::split(&bytes);
            results.sort_by(|a, b| viga_ets::term::compare(a, b));
            (results, chunk.visited)
        };
        let key = [1, 1, 0, 0, 0, 0, 0];
        // 10 <= key < 12, in two comparisons: a range in an ordered_set.
        let between = [
            &[1, 2][..],
            &compared(0x15, 0, &int(10)),
            &compared(0x12, 0, &int(12)),
        ]
        .concat();
        let (results, visited) = select(&between, &key);
        assert_eq!(results, [int(10), int(11)]);
        assert_eq!(visited, if kind == Kind::Set { 100 } else { 2 });
        // key == 7: a lookup.
        let (results, visited) = select(&compared(0x10, 0, &int(7)), &key);
        assert_eq!((results, visited), (vec![int(7)], 1));
        // row[1].age == 3 and not key < 50, or row[5] is undefined and row[1] is a string
        let age = [
            &[0x10, 0, 2, 0, 1, 0, 0, 0, 1][..],
            &text("age"),
            &[1],
            &int(3),
        ]
        .concat();
        let not_small = [&[3][..], &compared(0x12, 0, &int(50))].concat();
        let absent = compared(0x10, 5, &[0]);
        let string = [0x20, 0, 1, 0, 1, 0, 0, 0, 2];
        let filter = [
            &[2, 2, 1, 2][..],
            &age,
            &not_small,
            &[1, 2],
            &absent,
            &string,
        ]
        .concat();
        let values = [
            &[2, 2, 1, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 1][..],
            &text("age"),
        ]
        .concat();
        let (results, _) = select(&filter, &values);
        let expected: Vec<_> = [53, 63, 73, 83, 93]
            .map(|key| array(&[int(key), int(3)]))
            .into();
        assert_eq!(results, expected);

        let (filter, _) = Filter::parse(&filter, 0).unwrap();
        let (count, _) =
            replied(|reply| tables.select_count(id, ME, &filter, None, reply).unwrap());
        assert_eq!((count.results, count.more), (5, false));
        let (count, _) =
            replied(|reply| tables.select_delete(id, ME, &filter, None, reply).unwrap());
        assert_eq!((count.results, tables.info(id).unwrap().size), (5, 95));
    }
}

#[test]
fn threads_share_a_table() {
    let (tables, id) = table(Kind::Set);
    tables
        .insert(id, ME, &array(&[int(-1), int(0)]), 1)
        .unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let tables = &tables;
            scope.spawn(move || {
                for at in 0..2_000 {
                    let key = int(thread * 10_000 + at);
                    tables
                        .insert(id, ME, &array(&[key.clone(), int(at)]), 1)
                        .unwrap();
                    replied(|reply| tables.counter_add(id, ME, &int(-1), 1, 1, reply).unwrap());
                    assert!(replied(|reply| tables.lookup(id, ME, &key, reply).unwrap()).0);
                    if at % 2 == 0 {
                        assert_eq!(tables.delete(id, ME, &key), Ok(true));
                    }
                }
            });
        }
    });
    assert_eq!(tables.info(id).unwrap().size, 4_001);
    let (_, row) = replied(|reply| tables.lookup(id, ME, &int(-1), reply));
    assert_eq!(row, array(&[int(-1), int(8_000)]));
}
