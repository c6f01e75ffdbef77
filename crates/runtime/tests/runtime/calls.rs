//! Calls: each comes to exactly one end.

use std::cell::RefCell;
use std::rc::Rc;

use viga_runtime::Pid;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;

use crate::isolate::{Ended, Isolate, Received};

type Ends = Rc<RefCell<Vec<(u64, Ended)>>>;

/// A process that makes one call in its first slice and keeps how it ended.
fn caller(isolate: &mut Isolate, target: Pid, timeout: Option<u32>) -> (Pid, Ends) {
    let ends = Ends::default();
    let pid = isolate.spawn({
        let ends = Rc::clone(&ends);
        move |turn| {
            if turn.wake == 0 {
                turn.call(target, 100, timeout);
            }
            ends.borrow_mut().extend(turn.outcome);
            slice_end::OUTCOME
        }
    });
    (pid, ends)
}

#[test]
fn a_reply_reaches_its_caller_and_a_second_one_nobody() {
    let mut isolate = Isolate::new();
    let (server, requests) = isolate.collector();
    let (caller, ends) = caller(&mut isolate, server, None);
    isolate.run();
    assert_eq!(*requests.borrow(), [Received::Value(100)]);
    isolate.spawn(move |turn| {
        turn.reply(caller, 1, 55);
        turn.reply(caller, 1, 56);
        slice_end::WAIT
    });
    isolate.run();
    assert_eq!(*ends.borrow(), [(1, Ended::Reply(55))]);
    assert_eq!(isolate.system.facts().monitor_count, 0);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn the_callees_end_is_the_calls_end() {
    let mut isolate = Isolate::new();
    let (server, _) = isolate.collector();
    let (_, ends) = caller(&mut isolate, server, Some(3_600_000));
    isolate.run();
    assert_eq!(isolate.system.facts().timer_count, 1);
    isolate.signal_exit(server, 8);
    isolate.run();
    assert_eq!(*ends.borrow(), [(1, Ended::Down(Ok(8)))]);
    let (_, ends) = caller(&mut isolate, server, Some(3_600_000));
    isolate.run();
    assert_eq!(*ends.borrow(), [(2, Ended::Down(Err(constant::NOPROC)))]);
    let facts = isolate.system.facts();
    assert_eq!((facts.timer_count, facts.monitor_count), (0, 0));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_late_reply_reaches_nobody() {
    let mut isolate = Isolate::new();
    let (server, _) = isolate.collector();
    let (caller, ends) = caller(&mut isolate, server, Some(1));
    isolate.run_with_timers();
    assert_eq!(*ends.borrow(), [(1, Ended::Timeout)]);
    isolate.spawn(move |turn| {
        turn.reply(caller, 1, 55);
        slice_end::WAIT
    });
    isolate.run();
    assert_eq!(ends.borrow().len(), 1);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn an_abandoned_call_has_no_end() {
    let mut isolate = Isolate::new();
    let (server, _) = isolate.collector();
    let (caller, ends) = caller(&mut isolate, server, Some(3_600_000));
    isolate.run();
    assert!(isolate.cross(|_, domain| domain.abandon(caller, 1)));
    assert!(!isolate.cross(|_, domain| domain.abandon(caller, 1)));
    isolate.signal_exit(server, 8);
    isolate.run();
    assert!(ends.borrow().is_empty());
    assert_eq!(isolate.system.facts().timer_count, 0);
}

#[test]
fn a_caller_that_ends_leaves_nothing_of_its_calls() {
    let mut isolate = Isolate::new();
    let (server, requests) = isolate.collector();
    let (caller, _) = caller(&mut isolate, server, Some(3_600_000));
    isolate.run();
    isolate.signal_exit(caller, 8);
    let facts = isolate.system.facts();
    assert_eq!((facts.timer_count, facts.monitor_count), (0, 0));
    assert_eq!(requests.borrow().len(), 1);
    isolate.spawn(move |turn| {
        turn.reply(caller, 1, 55);
        turn.exit(1)
    });
    isolate.run();
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn messages_do_not_wake_a_process_that_awaits_an_outcome() {
    let mut isolate = Isolate::new();
    let (server, _) = isolate.collector();
    let (caller, ends) = caller(&mut isolate, server, None);
    isolate.run();
    let slices = isolate.system.facts().slices;
    isolate.send(caller, 1);
    isolate.run();
    assert_eq!(isolate.system.facts().slices, slices);
    assert!(ends.borrow().is_empty());
    assert_eq!(isolate.facts(caller).unwrap().message_queue_length, 1);
}
