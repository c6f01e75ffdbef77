//! The end of processes: what is settled before whom is told, and chains of ends.

use std::cell::RefCell;
use std::rc::Rc;

use viga_runtime::domain::RegisterError;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;
use viga_runtime::{Pid, Spawn, System};
use viga_scheduler::{Parker, Priority};

use crate::isolate::{Isolate, ROOT, Received};

#[test]
fn names_go_before_links_are_told_and_links_before_monitors() {
    let mut isolate = Isolate::new();
    let (source, _) = isolate.collector();
    isolate
        .cross(|_, domain| domain.register("source", source))
        .unwrap();
    let (watcher, received) = isolate.trapping_collector();
    isolate.cross(|queues, domain| {
        domain.monitor(queues, watcher.index, source, 7, AliasMode::None);
    });
    isolate.cross(|queues, domain| domain.link(queues, watcher.index, source));
    isolate.signal_exit(source, 4);
    assert_eq!(isolate.system.whereis("source"), None);
    isolate.run();
    let exit = Received::Exit {
        from: source,
        reason: Ok(4),
    };
    let down = Received::Down {
        reference: 7,
        from: source,
        reason: Ok(4),
    };
    assert_eq!(*received.borrow(), [exit, down]);
}

#[test]
fn the_stores_are_told_before_anybody_else_and_only_of_owners() {
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let system = System::new(10, Parker::thread(), {
        let told = std::sync::Arc::clone(&told);
        move |pid| told.lock().unwrap().push(pid)
    });
    let spawn = Spawn {
        parent: ROOT,
        priority: Priority::Normal,
    };
    let owner = system.spawn(spawn).unwrap();
    let other = system.spawn(spawn).unwrap();
    system.lock().state().mark_owner(owner);
    for pid in [other, owner] {
        system.signal_exit(ROOT, pid, constant::KILL);
    }
    assert_eq!(*told.lock().unwrap(), [owner]);
}

#[test]
fn names_are_unique_and_end_with_their_process() {
    let mut isolate = Isolate::new();
    let (one, _) = isolate.collector();
    let (other, _) = isolate.collector();
    isolate.cross(|_, domain| {
        assert_eq!(domain.register("a", one), Ok(()));
        assert_eq!(domain.register("b", one), Ok(()));
        assert_eq!(domain.register("a", other), Err(RegisterError::Taken));
        assert!(domain.unregister("b"));
        assert!(!domain.unregister("b"));
        assert_eq!(domain.register("b", other), Ok(()));
    });
    assert_eq!(isolate.facts(one).unwrap().names, ["a"]);
    isolate.signal_exit(one, 1);
    assert_eq!(isolate.system.whereis("a"), None);
    assert_eq!(isolate.system.whereis("b"), Some(other));
    let dead = isolate.cross(|_, domain| domain.register("a", one));
    assert_eq!(dead, Err(RegisterError::NoProcess));
}

#[test]
fn a_chain_of_100_000_links_ends_without_a_deep_stack() {
    const LENGTH: usize = 100_000;
    let mut isolate = Isolate::new();
    let pids: Vec<Pid> = (0..LENGTH)
        .map(|_| isolate.spawn(|_| slice_end::WAIT))
        .collect();
    for pair in pids.windows(2) {
        isolate.cross(|queues, domain| domain.link(queues, pair[0].index, pair[1]));
    }
    let (watcher, received) = isolate.collector();
    let last = pids[LENGTH - 1];
    isolate.cross(|queues, domain| {
        domain.monitor(queues, watcher.index, last, 1, AliasMode::None);
    });
    isolate.run();
    isolate.signal_exit(pids[LENGTH / 2], 6);
    assert_eq!(isolate.buried.len(), LENGTH);
    isolate.run();
    let down = Received::Down {
        reference: 1,
        from: last,
        reason: Ok(6),
    };
    assert_eq!(*received.borrow(), [down]);
    let facts = isolate.system.facts();
    assert_eq!((facts.process_count, facts.link_count), (2, 0));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn messages_before_the_end_arrive_before_it() {
    let mut isolate = Isolate::new();
    let (watcher, received) = isolate.trapping_collector();
    let source = isolate.spawn(move |turn| {
        turn.link(watcher);
        turn.isolate.send(watcher, 1);
        turn.isolate.send(watcher, 2);
        turn.exit(3)
    });
    isolate.run();
    let exit = Received::Exit {
        from: source,
        reason: Ok(3),
    };
    let values = [Received::Value(1), Received::Value(2), exit];
    assert_eq!(*received.borrow(), values);
}

#[test]
fn a_process_that_signals_have_ended_runs_no_more() {
    let mut isolate = Isolate::new();
    let runs = Rc::new(RefCell::new(0));
    let victim = isolate.spawn({
        let runs = Rc::clone(&runs);
        move |_| {
            *runs.borrow_mut() += 1;
            slice_end::YIELD
        }
    });
    isolate.run_batch();
    isolate.signal_exit(victim, 2);
    isolate.run();
    assert_eq!(*runs.borrow(), 1);
    assert_eq!(isolate.buried, [victim]);
}

#[test]
fn the_root_process_is_deaf_and_does_not_end() {
    let mut isolate = Isolate::new();
    isolate.signal_constant(ROOT, constant::KILL);
    isolate.signal_exit(ROOT, 5);
    isolate.cross(|queues, domain| domain.exit(queues, ROOT, constant::NORMAL));
    assert!(isolate.is_alive(ROOT));
    assert_eq!(isolate.take_outside(), None);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn an_index_comes_back_with_another_serial() {
    let mut isolate = Isolate::with_limit(2);
    let (first, _) = isolate.collector();
    isolate.run();
    isolate.signal_exit(first, 1);
    let mut pid = first;
    for _ in 0..1200 {
        pid = isolate.spawn(|turn| turn.exit_constant(constant::NORMAL));
        isolate.run();
        if pid.index == first.index {
            break;
        }
    }
    assert_eq!(pid.index, first.index);
    assert_ne!(pid.serial, first.serial);
    isolate.send(first, 1);
    assert!(!isolate.is_alive(first));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}
