//! Batches: what happens to slices that follow, or precede, one that makes something happen.

use std::cell::RefCell;
use std::rc::Rc;

use viga_runtime::Pid;
use viga_runtime::executor::{Wake, slice_end};
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;

use crate::isolate::{Ended, Isolate, Received};

/// Widens the batches, so that the next one holds every process that is ready.
fn warm(isolate: &mut Isolate) {
    let mut left = 40;
    isolate.spawn(move |turn| {
        left -= 1;
        if left > 0 {
            slice_end::YIELD
        } else {
            turn.exit_constant(constant::NORMAL)
        }
    });
    isolate.run();
}

#[test]
fn a_batch_cut_short_goes_on_where_it_ended() {
    let mut isolate = Isolate::new();
    warm(&mut isolate);
    isolate.slices_per_batch = 1;
    let log = Rc::new(RefCell::new(Vec::new()));
    for number in 0..5 {
        let log = Rc::clone(&log);
        let mut turns = 0;
        isolate.spawn(move |turn| {
            log.borrow_mut().push(number);
            turns += 1;
            assert_eq!(turn.wake, if turns == 1 { 0 } else { Wake::Message as i32 });
            if turns == 3 {
                slice_end::HOLD
            } else {
                slice_end::YIELD
            }
        });
    }
    isolate.run();
    assert_eq!(*log.borrow(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
}

#[test]
fn what_was_handed_out_and_not_run_is_kept() {
    let mut isolate = Isolate::new();
    let (server, _) = isolate.collector();
    let log = Rc::new(RefCell::new(Vec::new()));
    let caller = isolate.spawn({
        let log = Rc::clone(&log);
        move |turn| {
            match (turn.wake, turn.outcome) {
                (0, _) => {
                    turn.call(server, 1, None);
                    turn.call(server, 2, None);
                }
                (_, Some((reference, ended))) => {
                    log.borrow_mut().push(format!("{reference} {ended:?}"));
                }
                (wake, None) => log.borrow_mut().push(format!("wake {wake}")),
            }
            slice_end::OUTCOME
        }
    });
    let timeouts = isolate.spawn({
        let log = Rc::clone(&log);
        move |turn| {
            if turn.timed_out {
                log.borrow_mut().push("timeout".to_owned());
            }
            while let Some(message) = turn.take() {
                log.borrow_mut().push(format!("{message:?}"));
            }
            slice_end::WAIT
        }
    });
    warm(&mut isolate);
    isolate.slices_per_batch = 0;
    isolate.cross(|queues, domain| domain.resume(queues, caller));
    isolate.spawn(move |turn| {
        turn.reply(caller, 1, 11);
        turn.reply(caller, 2, 12);
        turn.isolate.send(timeouts, 1);
        turn.isolate.send(timeouts, 2);
        turn.exit(1)
    });
    isolate.slices_per_batch = 1;
    isolate.run_batch();
    isolate.run_batch();
    for cut in [0, 0, 0] {
        isolate.slices_per_batch = cut;
        isolate.run_batch();
        isolate.send(timeouts, 3);
    }
    isolate.slices_per_batch = usize::MAX;
    isolate.run();
    let mut log = log.borrow_mut();
    log.sort();
    let expected = [
        "1 Reply(11)",
        "2 Reply(12)",
        "Value(1)",
        "Value(2)",
        "Value(3)",
        "Value(3)",
        "Value(3)",
        "wake 4",
    ];
    assert_eq!(*log, expected);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_process_that_ends_before_its_turn_gives_its_window_and_outcome_back() {
    let mut isolate = Isolate::new();
    let (server, _) = isolate.collector();
    let victim = isolate.spawn(move |turn| {
        assert_eq!(turn.wake, 0, "it ends before its second slice");
        turn.call(server, 1, None);
        slice_end::WAIT
    });
    warm(&mut isolate);
    let killer = isolate.spawn(move |turn| {
        if turn.take().is_some() {
            turn.isolate.signal_constant(victim, constant::KILL);
        }
        slice_end::WAIT
    });
    isolate.run();
    isolate.send(killer, 0);
    for value in 0..3 {
        isolate.send(victim, value);
    }
    let request = isolate.ledger.store(7);
    isolate.cross(|queues, domain| {
        let nobody = Pid {
            index: 9,
            serial: 99,
        };
        domain.call(queues, victim.index, nobody, 500, request, None);
    });
    isolate.run();
    assert!(!isolate.is_alive(victim));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

/// A dead process, and two that run in one batch.
fn dead(isolate: &mut Isolate) -> Pid {
    let (dead, _) = isolate.collector();
    isolate.signal_exit(dead, 1);
    isolate.run();
    dead
}

#[test]
fn what_waits_for_the_end_of_a_slice_hits_its_process_and_not_the_next() {
    let mut isolate = Isolate::new();
    let dead = dead(&mut isolate);
    warm(&mut isolate);
    let linked = isolate.spawn(move |turn| {
        turn.link(dead);
        slice_end::WAIT
    });
    let next = isolate.spawn(|_| slice_end::WAIT);
    isolate.run();
    assert!(!isolate.is_alive(linked));
    assert!(isolate.is_alive(next));
}

#[test]
fn an_end_in_the_outbox_leaves_what_waits_for_an_earlier_slice() {
    let mut isolate = Isolate::new();
    let dead = dead(&mut isolate);
    warm(&mut isolate);
    let watcher = isolate.spawn(move |turn| {
        if turn.wake == 0 {
            turn.monitor(dead, AliasMode::None);
            return slice_end::WAIT;
        }
        assert!(matches!(turn.take(), Some(Received::Down { .. })));
        turn.exit(4)
    });
    isolate.spawn(|turn| turn.exit(5));
    isolate.run();
    assert!(!isolate.is_alive(watcher), "it has seen its DOWN");
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_signal_to_a_slice_in_progress_waits_also_before_its_first_crossing() {
    let mut isolate = Isolate::new();
    let dead = dead(&mut isolate);
    let ran_on = Rc::new(RefCell::new(false));
    warm(&mut isolate);
    let one = isolate.spawn(move |turn| {
        if turn.wake != 0 {
            turn.link(dead);
        }
        slice_end::WAIT
    });
    let other = isolate.spawn({
        let ran_on = Rc::clone(&ran_on);
        move |turn| {
            if turn.wake == 0 {
                turn.link(one);
                return slice_end::WAIT;
            }
            assert_eq!(turn.take(), Some(Received::Value(1)));
            assert!(turn.isolate.is_alive(turn.pid), "its slice is not over");
            assert_eq!(turn.take(), Some(Received::Value(2)));
            *ran_on.borrow_mut() = true;
            slice_end::WAIT
        }
    });
    isolate.run();
    isolate.send(one, 0);
    isolate.send(other, 1);
    isolate.send(other, 2);
    isolate.run();
    assert!(*ran_on.borrow());
    assert!(!isolate.is_alive(one));
    assert!(!isolate.is_alive(other));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_process_that_stops_being_quiet_in_a_batch_tells_of_its_end_at_once() {
    let mut isolate = Isolate::new();
    warm(&mut isolate);
    let target = isolate.spawn(|turn| {
        if turn.wake == 0 {
            return slice_end::WAIT;
        }
        turn.exit(9)
    });
    let received = Rc::new(RefCell::new(Vec::new()));
    let watcher = isolate.spawn({
        let received = Rc::clone(&received);
        move |turn| {
            while let Some(message) = turn.take() {
                if message == Received::Value(1) {
                    turn.monitor(target, AliasMode::None);
                } else {
                    received.borrow_mut().push(message);
                }
            }
            slice_end::WAIT
        }
    });
    isolate.run();
    isolate.send(watcher, 1);
    isolate.send(target, 2);
    isolate.run();
    assert_eq!(received.borrow().len(), 1);
    assert!(!isolate.is_alive(target));
}

#[test]
fn a_call_to_a_process_that_ends_later_in_the_batch_comes_to_its_end() {
    let mut isolate = Isolate::new();
    warm(&mut isolate);
    let ends = Rc::new(RefCell::new(Vec::new()));
    let target = isolate.spawn(|turn| {
        if turn.wake == 0 {
            slice_end::WAIT
        } else {
            turn.exit(9)
        }
    });
    let caller = isolate.spawn({
        let ends = Rc::clone(&ends);
        move |turn| {
            if turn.wake == Wake::Message as i32 {
                turn.take();
                turn.call(target, 3, None);
            }
            ends.borrow_mut().extend(turn.outcome);
            slice_end::WAIT
        }
    });
    isolate.run();
    isolate.send(caller, 1);
    isolate.send(target, 2);
    isolate.run();
    assert_eq!(*ends.borrow(), [(1, Ended::Down(Ok(9)))]);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

/// A process that takes one message a slice and sends two to the one that `to` names.
fn talker(isolate: &mut Isolate, to: Rc<RefCell<Option<Pid>>>) -> Pid {
    isolate.spawn(move |turn| {
        if turn.take().is_some()
            && let Some(pid) = *to.borrow()
        {
            turn.isolate.send(pid, 1);
            turn.isolate.send(pid, 2);
        }
        slice_end::WAIT
    })
}

#[test]
fn whom_messages_pile_up_for_goes_ahead() {
    let mut isolate = Isolate::new();
    warm(&mut isolate);
    isolate.slices_per_batch = 1;
    let turns = Rc::new(RefCell::new(Vec::new()));
    let sink = isolate.spawn({
        let turns = Rc::clone(&turns);
        move |turn| {
            while turn.take().is_some() {}
            turns.borrow_mut().push("sink");
            slice_end::WAIT
        }
    });
    isolate.run();
    turns.borrow_mut().clear();
    for number in 0..6 {
        let turns = Rc::clone(&turns);
        isolate.spawn(move |turn| {
            for value in 0..300 {
                turn.isolate.send(sink, value);
            }
            turns
                .borrow_mut()
                .push(["a", "b", "c", "d", "e", "f"][number]);
            slice_end::HOLD
        });
    }
    isolate.run();
    assert_eq!(
        *turns.borrow(),
        [
            "a", "sink", "b", "sink", "c", "sink", "d", "sink", "e", "sink", "f", "sink"
        ]
    );
}

#[test]
fn two_that_pile_up_messages_for_each_other_starve_nobody() {
    let mut isolate = Isolate::new();
    warm(&mut isolate);
    isolate.slices_per_batch = 1;
    let (first_to, second_to) = (Rc::default(), Rc::default());
    let first = talker(&mut isolate, Rc::clone(&first_to));
    let second = talker(&mut isolate, Rc::clone(&second_to));
    for value in 0..300 {
        isolate.send(first, value);
        isolate.send(second, value);
    }
    *first_to.borrow_mut() = Some(second);
    *second_to.borrow_mut() = Some(first);
    let turns = Rc::new(RefCell::new(0));
    isolate.spawn({
        let turns = Rc::clone(&turns);
        move |_| {
            *turns.borrow_mut() += 1;
            slice_end::YIELD
        }
    });
    for _ in 0..90 {
        isolate.run_batch();
    }
    assert!((10..=45).contains(&*turns.borrow()), "{}", turns.borrow());
}
