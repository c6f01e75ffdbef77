//! Tables and registries that several threads use at once.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::support::{ME, array, int, replied, share, table, text};
use viga_ets::{
    Access, Heir, Keys, Kind, Page, ProcessId, Registration, Registries, SystemMemory, TableError,
    TableId, TableOptions, Tables,
};

const THREADS: usize = 4;
const ROUNDS: u32 = 300;

fn pid(index: u32) -> ProcessId {
    ProcessId { index, serial: 1 }
}

/// Runs `work` in several threads that begin at the same time.
fn together(threads: usize, work: impl Fn(usize) + Sync) {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        for thread in 0..threads {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(thread);
            });
        }
    });
}

/// All keys, by pages.
fn keys(tables: &Tables, id: TableId, limit: usize, mut between: impl FnMut()) -> Vec<i32> {
    let mut found = Vec::new();
    let mut continuation: Option<Vec<u8>> = None;
    loop {
        let page = Page {
            limit,
            reverse: false,
            continuation: continuation.as_deref(),
        };
        let (chunk, bytes) = replied(|reply| tables.chunk(id, ME, page, reply).unwrap());
        for row in crate::support::split(&bytes[..chunk.continuation_at]) {
            found.push(i32::from_le_bytes([row[3], row[4], row[5], row[6]]));
        }
        if !chunk.more {
            return found;
        }
        continuation = Some(bytes[chunk.continuation_at..].to_vec());
        between();
    }
}

#[test]
fn threads_fill_count_and_empty_one_table() {
    const EACH: i32 = 3_000;
    for kind in [Kind::Set, Kind::OrderedSet] {
        let (tables, id) = table(kind);
        let shared = array(&[text("sum"), int(0)]);
        tables.insert(id, ME, &shared, 1).unwrap();
        together(THREADS, |thread| {
            for number in 0..EACH {
                let key = number * THREADS as i32 + thread as i32;
                tables
                    .insert(id, ME, &array(&[int(key), int(key)]), 1)
                    .unwrap();
                let counted =
                    replied(|reply| tables.counter_add(id, ME, &text("sum"), 1, 1, reply));
                assert!(counted.0.unwrap().is_some());
                let (found, row) = replied(|reply| tables.lookup(id, ME, &int(key), reply));
                assert_eq!((found, row), (Ok(true), array(&[int(key), int(key)])));
            }
        });
        let rows = THREADS * EACH as usize;
        assert_eq!(tables.info(id).unwrap().size, rows + 1);
        let (_, row) = replied(|reply| tables.take(id, ME, &text("sum"), reply));
        assert_eq!(row, array(&[text("sum"), int(rows as i32)]));
        let mut found = keys(&tables, id, 100, || {});
        found.sort_unstable();
        assert_eq!(found, (0..rows as i32).collect::<Vec<_>>());

        // Each row is deleted by one of two threads that want it.
        let deleted = AtomicUsize::new(0);
        together(THREADS, |thread| {
            for key in (0..rows as i32).skip(thread / 2).step_by(2) {
                if tables.delete(id, ME, &int(key)).unwrap() {
                    deleted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        assert_eq!(deleted.into_inner(), rows);
        assert_eq!(tables.info(id).unwrap().size, 0);
    }
}

#[test]
fn a_walk_sees_rows_that_stay_once_while_the_table_is_divided() {
    let (tables, id) = table(Kind::Set);
    let insert = |key: i32| tables.insert(id, ME, &array(&[int(key)]), 1).unwrap();
    (0..1_000).for_each(insert);
    share(&tables, id);
    const MOST: i32 = 8_000;
    let mut next = 1_000;
    let found = keys(&tables, id, 7, || {
        if next < MOST {
            (next..next + 100).for_each(insert);
            next += 100;
        }
    });
    assert_eq!(next, MOST);
    let mut stayed: Vec<i32> = found.into_iter().filter(|key| *key < 1_000).collect();
    stayed.sort_unstable();
    assert_eq!(stayed, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn a_table_that_gets_a_second_thread_keeps_its_rows_and_its_memory_in_step() {
    const ROWS: i32 = 20_000;
    const LEFT: usize = (ROWS as usize).div_ceil(3);
    // Some rows are too long for the chunks of a table.
    let row = |key: i32, long: bool| {
        let length = if long { 160 } else { key as usize % 140 };
        array(&[vec![int(key)], vec![int(key); length]].concat())
    };
    let (tables, id) = table(Kind::Set);
    let empty = tables.info(id).unwrap().memory;
    let insert = |key: i32, long: bool| tables.insert(id, ME, &row(key, long), 1).unwrap();
    (0..ROWS).for_each(|key| insert(key, false));
    let before = tables.info(id).unwrap().memory;
    share(&tables, id);
    insert(0, false);
    // What parts take beside the rows: next to nothing.
    let divided = tables.info(id).unwrap();
    assert_eq!(divided.size, ROWS as usize);
    assert!(divided.memory >= before && divided.memory < before + 64 * 1024);
    for key in 0..ROWS {
        let (found, bytes) = replied(|reply| tables.lookup_element(id, ME, &int(key), 0, reply));
        assert_eq!((found, bytes), (Ok(true), int(key)));
        insert(key, key % 2 == 0);
    }
    assert!(tables.info(id).unwrap().memory > before);
    (0..ROWS).filter(|key| key % 3 > 0).for_each(|key| {
        assert_eq!(tables.delete(id, ME, &int(key)), Ok(true));
    });
    assert_eq!(keys(&tables, id, 100, || {}).len(), LEFT);
    let (deleted, waiting) = tables.delete_all(id, ME).unwrap();
    assert_eq!((deleted, waiting), (LEFT, deleted));
    let info = tables.info(id).unwrap();
    assert_eq!(info.size, 0);
    assert!(info.memory < empty + 64 * 1024, "{}", info.memory);
    (0..ROWS).for_each(|key| insert(key, false));
    assert!(!tables.reclaim(usize::MAX));
    assert_eq!(keys(&tables, id, 100, || {}).len(), ROWS as usize);
    assert_eq!(tables.drop_table(id, ME), Ok(ROWS as usize));
    assert!(!tables.reclaim(usize::MAX));
}

#[test]
fn insertions_of_several_rows_are_seen_whole() {
    for filling in [0, 5_000] {
        let (tables, id) = table(Kind::Set);
        for key in 0..filling {
            tables.insert(id, ME, &array(&[int(key)]), 1).unwrap();
        }
        let rows = |value: i32| {
            let rows = [-1, -2, -3, -4].map(|key| array(&[int(key), int(value)]));
            rows.concat()
        };
        let won = AtomicUsize::new(0);
        together(THREADS, |thread| {
            for round in 0..ROUNDS as i32 {
                if tables.insert_new(id, ME, &rows(thread as i32), 4).unwrap() {
                    won.fetch_add(1, Ordering::Relaxed);
                    for key in [-1, -2, -3, -4] {
                        let (found, row) = replied(|reply| tables.take(id, ME, &int(key), reply));
                        // Nobody else put any of the four in while one of them was there.
                        assert_eq!(found, Ok(true), "{key}");
                        let mine = array(&[int(key), int(thread as i32)]);
                        assert!(key == -4 || row == mine, "{round}");
                    }
                }
            }
        });
        assert!(won.into_inner() > 0);
        assert_eq!(tables.info(id).unwrap().size, filling as usize);
    }
}

#[test]
fn tables_may_go_while_they_are_used() {
    for rows in [10, 5_000] {
        for _ in 0..20 {
            let (tables, id) = table(Kind::Set);
            for key in 0..rows {
                tables.insert(id, ME, &array(&[int(key)]), 1).unwrap();
            }
            together(THREADS, |thread| {
                for key in 0..500 {
                    let done = match thread {
                        0 if key == 250 => tables.drop_table(id, ME).map(|_| true),
                        0 => tables.member(id, ME, &int(key)),
                        1 => tables.insert(id, ME, &array(&[int(key)]), 1).map(|()| true),
                        2 => tables.delete(id, ME, &int(key)),
                        _ => tables.info(id).map(|_| true),
                    };
                    assert!(matches!(done, Ok(_) | Err(TableError::NoSuchTable)));
                }
            });
            assert_eq!(tables.info(id), Err(TableError::NoSuchTable));
            assert_eq!(tables.count(), 0);
            // The place is used again, whole.
            let next = tables.create(options(pid(9), None)).unwrap();
            assert_eq!(tables.info(next).unwrap().size, 0);
        }
    }
}

fn options(owner: ProcessId, heir: Option<Heir>) -> TableOptions<'static> {
    TableOptions {
        name: None,
        kind: Kind::Set,
        access: Access::Public,
        key_position: 0,
        owner,
        heir,
    }
}

#[test]
fn a_table_given_away_while_its_owner_ends_goes_one_way() {
    let tables = Tables::new(Arc::new(SystemMemory));
    for round in 0..ROUNDS {
        let (old, new, heir) = (pid(3 * round), pid(3 * round + 1), pid(3 * round + 2));
        let to_heir = (round % 2 == 0).then(|| Heir {
            pid: heir,
            data: int(1).into(),
        });
        let id = tables.create(options(old, to_heir.clone())).unwrap();
        let (given, transfers) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        together(2, |thread| {
            if thread == 0 {
                let result = tables.give_away(id, old, new);
                given.store(result.is_ok(), Ordering::Relaxed);
            } else {
                *transfers.lock().unwrap() = tables.process_exited(old, |_| true);
            }
        });
        let owner = tables.info(id).ok().map(|info| info.owner);
        let transfers = transfers.into_inner().unwrap();
        if given.into_inner() {
            assert_eq!((owner, transfers.len()), (Some(new), 0));
        } else {
            let inherited = to_heir.map(|heir| heir.pid);
            assert_eq!(
                (owner, transfers.len()),
                (inherited, inherited.iter().count())
            );
        }
        // Whoever has it now takes it along.
        for owner in [new, heir] {
            assert_eq!(tables.process_exited(owner, |_| false), []);
        }
        assert_eq!(tables.count(), 0);
    }
}

#[test]
fn owners_end_while_their_tables_are_deleted_and_named() {
    let tables = Tables::new(Arc::new(SystemMemory));
    for round in 0..ROUNDS {
        let owner = pid(round);
        let name = text("shared name");
        let id = tables.create(options(owner, None)).unwrap();
        together(3, |thread| match thread {
            0 => assert_eq!(tables.process_exited(owner, |_| true), []),
            1 => assert!(matches!(
                tables.drop_table(id, ME),
                Ok(0) | Err(TableError::NoSuchTable)
            )),
            _ => assert!(matches!(
                tables.rename(id, ME, Some(&name)),
                Ok(()) | Err(TableError::NoSuchTable)
            )),
        });
        assert_eq!((tables.count(), tables.whereis(&name)), (0, None));
    }
}

#[test]
fn of_those_who_want_a_name_one_gets_it_and_loses_it_with_its_end() {
    let registries = Registries::new();
    let id = registries.create(&text("names"), Keys::Unique).unwrap();
    for round in 0..ROUNDS {
        let name = int(round as i32);
        let winners = Mutex::new(Vec::new());
        together(THREADS, |thread| {
            let me = pid(round * THREADS as u32 + thread as u32);
            match registries.register(id, &name, me, &int(7)).unwrap() {
                Registration::Done => winners.lock().unwrap().push(me),
                Registration::Taken(by) => {
                    assert_eq!(registries.whereis(id, &name), Ok(Some(by)));
                }
            }
        });
        let winners = winners.into_inner().unwrap();
        assert_eq!(winners.len(), 1);
        assert_eq!(registries.whereis(id, &name), Ok(Some(winners[0])));
        assert_eq!((registries.count(id), registries.count_all()), (Ok(1), 1));
        registries.process_exited(winners[0]);
        assert_eq!(registries.whereis(id, &name), Ok(None));
        assert_eq!(registries.count_all(), 0);
    }
}

#[test]
fn processes_end_while_they_are_registered_and_registries_dropped() {
    let registries = Registries::new();
    for round in 0..ROUNDS {
        let kept = registries.create(&text("kept"), Keys::Duplicate).unwrap();
        let dropped = registries.create(&text("dropped"), Keys::Unique).unwrap();
        together(THREADS, |thread| {
            let me = pid(round * THREADS as u32 + thread as u32);
            for key in 0..20 {
                registries
                    .register(kept, &int(key % 3), me, &int(key))
                    .unwrap();
                let registered = registries.register(dropped, &int(key), me, &int(key));
                assert!(matches!(
                    registered,
                    Ok(_) | Err(TableError::NoSuchRegistry)
                ));
                if key % 5 == 4 {
                    registries.unregister(kept, &int(key % 3), me).unwrap();
                }
                if thread == 0 && key == 10 {
                    registries.drop_registry(dropped).unwrap();
                }
            }
            registries.process_exited(me);
            let (left, _) = replied(|reply| registries.keys(kept, me, reply));
            assert_eq!(left, Ok(0));
        });
        assert_eq!((registries.count(kept), registries.count_all()), (Ok(0), 0));
        registries.drop_registry(kept).unwrap();
    }
}

#[test]
fn rows_outlive_the_thread_that_put_them_in() {
    let (tables, id) = table(Kind::Set);
    for part in 0..8 {
        thread::scope(|scope| {
            let tables = &tables;
            scope.spawn(move || {
                for key in part * 1_000..(part + 1) * 1_000 {
                    tables
                        .insert(id, ME, &array(&[int(key), int(part)]), 1)
                        .unwrap();
                }
            });
        });
    }
    for key in 0..8_000 {
        let (found, row) = replied(|reply| tables.take(id, ME, &int(key), reply));
        assert_eq!(
            (found, row),
            (Ok(true), array(&[int(key), int(key / 1_000)]))
        );
    }
    assert_eq!(tables.info(id).unwrap().size, 0);
}
