//! Messages: their order, windows and what comes back from them, long mailboxes.

use std::cell::RefCell;
use std::rc::Rc;

use viga_runtime::TableFull;
use viga_runtime::control_block::{RELEASED_WORDS, command};
use viga_runtime::executor::slice_end;
use viga_runtime::{Pid, Spawn};
use viga_scheduler::Priority;

use crate::isolate::{Isolate, ROOT, Received};

fn values(received: &RefCell<Vec<Received>>) -> Vec<u64> {
    let value = |message: &Received| match message {
        Received::Value(value) => *value,
        other => panic!("{other:?} is no value"),
    };
    received.borrow().iter().map(value).collect()
}

#[test]
fn messages_of_each_sender_arrive_in_their_order() {
    let mut isolate = Isolate::new();
    let (receiver, received) = isolate.collector();
    for sender in 0..10 {
        let mut sent = 0;
        isolate.spawn(move |turn| {
            for _ in 0..7 {
                turn.isolate.send(receiver, sender * 1000 + sent);
                sent += 1;
            }
            if sent == 70 {
                slice_end::HOLD
            } else {
                slice_end::YIELD
            }
        });
    }
    isolate.run();
    let all = values(&received);
    assert_eq!(all.len(), 700);
    for sender in 0..10 {
        let of_sender: Vec<u64> = all.iter().copied().filter(|v| v / 1000 == sender).collect();
        assert_eq!(
            of_sender,
            (sender * 1000..sender * 1000 + 70).collect::<Vec<_>>()
        );
    }
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_slice_that_takes_little_leaves_the_rest_in_order() {
    let mut isolate = Isolate::new();
    let received = Rc::new(RefCell::new(Vec::new()));
    let receiver = isolate.spawn({
        let received = Rc::clone(&received);
        let mut turns = 0;
        move |turn| {
            turns += 1;
            for _ in 0..turns % 3 {
                received.borrow_mut().extend(turn.take());
            }
            slice_end::YIELD
        }
    });
    for value in 0..50 {
        isolate.send(receiver, value);
    }
    for _ in 0..200 {
        isolate.run_batch();
    }
    assert_eq!(values(&received), (0..50).collect::<Vec<_>>());
    assert_eq!(isolate.facts(receiver).unwrap().message_queue_length, 0);
}

#[test]
fn a_refill_goes_on_where_the_window_ended() {
    let mut isolate = Isolate::new();
    let lengths = Rc::new(RefCell::new(Vec::new()));
    let received = Rc::new(RefCell::new(Vec::new()));
    let receiver = isolate.spawn({
        let (lengths, received) = (Rc::clone(&lengths), Rc::clone(&received));
        move |turn| {
            if turn.wake == 0 {
                return slice_end::WAIT;
            }
            while let Some(message) = turn.take() {
                if received.borrow().len() % 100 == 0 {
                    let facts = turn.isolate.facts(turn.pid).unwrap();
                    lengths.borrow_mut().push(facts.message_queue_length);
                }
                received.borrow_mut().push(message);
            }
            slice_end::WAIT
        }
    });
    isolate.run();
    for value in 0..500 {
        isolate.send(receiver, value);
    }
    isolate.run();
    assert_eq!(values(&received), (0..500).collect::<Vec<_>>());
    let lengths = lengths.borrow();
    assert!(
        lengths.is_sorted_by(|one, other| one > other),
        "{lengths:?}"
    );
    assert_eq!(isolate.system.facts().message_count, 0);
}

#[test]
fn a_returned_window_makes_the_mailbox_whole_and_is_handed_out_again() {
    let mut isolate = Isolate::new();
    let received = Rc::new(RefCell::new(Vec::new()));
    let receiver = isolate.spawn({
        let received = Rc::clone(&received);
        move |turn| {
            if turn.wake == 0 {
                return slice_end::WAIT;
            }
            while let Some(message) = turn.take() {
                received.borrow_mut().push(message);
                turn.return_window();
                assert_eq!(turn.left_in_window(), 0);
            }
            slice_end::WAIT
        }
    });
    isolate.run();
    for value in 0..20 {
        isolate.send(receiver, value);
    }
    isolate.run();
    assert_eq!(values(&received), (0..20).collect::<Vec<_>>());
    assert_eq!(isolate.facts(receiver).unwrap().message_queue_length, 0);
}

#[test]
fn a_process_that_has_ended_in_its_slice_takes_nothing_back() {
    let mut isolate = Isolate::with_limit(3);
    let (linked, _) = isolate.trapping_collector();
    let process = isolate.spawn(move |turn| {
        if turn.wake == 0 {
            turn.link(linked);
            return slice_end::WAIT;
        }
        assert_eq!(turn.take(), Some(Received::Value(0)));
        let end = turn.exit(9);
        turn.return_window();
        end
    });
    isolate.run();
    for value in 0..3 {
        isolate.send(process, value);
    }
    isolate.run();
    assert!(!isolate.is_alive(process));
    let (successor, received) = isolate.collector();
    assert_eq!(isolate.facts(successor).unwrap().message_queue_length, 0);
    isolate.run();
    assert!(received.borrow().is_empty());
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn messages_put_aside_count_as_waiting() {
    let mut isolate = Isolate::new();
    let receiver = isolate.spawn(|turn| {
        while turn.take().is_some() {
            turn.held += 1;
        }
        slice_end::WAIT
    });
    for value in 0..5 {
        isolate.send(receiver, value);
    }
    isolate.run();
    assert_eq!(isolate.facts(receiver).unwrap().message_queue_length, 5);
    isolate.cross(|_, domain| domain.hold_outside(receiver, -2));
    assert_eq!(isolate.facts(receiver).unwrap().message_queue_length, 3);
    isolate.signal_exit(receiver, 1);
    assert_eq!(isolate.system.facts().message_count, 0);
}

#[test]
fn a_message_to_a_dead_process_is_given_back() {
    let mut isolate = Isolate::new();
    let (receiver, received) = isolate.collector();
    isolate.signal_exit(receiver, 9);
    isolate.send(receiver, 1);
    isolate.send(
        Pid {
            index: 70_000,
            serial: 0,
        },
        2,
    );
    isolate.run();
    assert!(received.borrow().is_empty());
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_million_messages_are_dropped_at_once_and_given_back_in_portions() {
    const MESSAGES: u64 = 1_000_000;
    let mut isolate = Isolate::new();
    let receiver = isolate.spawn(|_| slice_end::HOLD);
    isolate.run();
    for value in 0..MESSAGES {
        isolate.send(receiver, value);
    }
    let facts = isolate.facts(receiver).unwrap();
    assert_eq!(u64::from(facts.message_queue_length), MESSAGES);

    let mut guard = isolate.system.lock();
    let (queues, domain) = guard.split();
    domain.signal_exit(
        queues,
        ROOT,
        receiver,
        viga_runtime::handles::constant::KILL,
    );
    assert!(!domain.is_alive(receiver));
    let mut portions = 0;
    let block = isolate.block;
    loop {
        domain.give_back(&block);
        let released = block.get(viga_runtime::control_block::header::RELEASED_LEN) as usize;
        assert!(released <= RELEASED_WORDS);
        for place in 0..released {
            let handle = block.get(viga_runtime::control_block::RELEASED + place) as u32;
            assert_eq!(
                isolate.ledger.take(handle),
                portions * RELEASED_WORDS as u64 + place as u64
            );
        }
        if block.get(viga_runtime::control_block::header::MORE_TO_DROP) == 0 {
            break;
        }
        portions += 1;
    }
    drop(guard);
    assert_eq!(isolate.system.facts().message_count, 0);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn an_outbox_of_any_length_is_worked_off() {
    let mut isolate = Isolate::new();
    let (receiver, received) = isolate.collector();
    isolate.spawn(move |turn| {
        for value in 0..10_000 {
            turn.isolate.send(receiver, value);
        }
        turn.exit(5)
    });
    isolate.run();
    assert_eq!(values(&received), (0..10_000).collect::<Vec<_>>());
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn the_process_limit_is_an_error_and_room_comes_back() {
    let mut isolate = Isolate::with_limit(3);
    let (first, _) = isolate.collector();
    isolate.collector();
    let spawn = Spawn {
        parent: ROOT,
        priority: Priority::Normal,
    };
    let full = isolate.cross(|queues, domain| domain.spawn(queues, spawn));
    assert_eq!(full, Err(TableFull { limit: 3 }));
    assert_eq!(isolate.system.spawn(spawn), Err(TableFull { limit: 3 }));
    isolate.signal_exit(first, 1);
    let (third, _) = isolate.collector();
    assert!(isolate.is_alive(third));
    assert!(!isolate.is_alive(first));
    isolate.run();
}

#[test]
fn a_busy_process_whose_mailbox_piles_up_stands_in_the_queue_at_most_twice() {
    const SENDERS: u32 = 200;
    let mut isolate = Isolate::new();
    let server = isolate.spawn(|turn| {
        for _ in 0..300 {
            turn.take();
        }
        slice_end::YIELD
    });
    for _ in 0..SENDERS {
        isolate.spawn(move |turn| {
            for value in 0..10 {
                turn.isolate.send(server, value);
            }
            slice_end::YIELD
        });
    }
    for _ in 0..1000 {
        isolate.run_batch();
        isolate.cross(|_, _| {});
        let queued: u32 = isolate.system.facts().run_queue.iter().sum();
        assert!(queued <= SENDERS + 2, "{queued} places in the queues");
    }
}

#[test]
fn the_root_process_takes_messages_between_slices() {
    let mut isolate = Isolate::new();
    isolate.spawn(|turn| {
        turn.isolate.send(ROOT, 1);
        turn.isolate.send(ROOT, 2);
        turn.exit_constant(viga_runtime::handles::constant::NORMAL)
    });
    isolate.run();
    assert_eq!(isolate.take_outside(), Some(Received::Value(1)));
    assert_eq!(isolate.take_outside(), Some(Received::Value(2)));
    assert_eq!(isolate.take_outside(), None);
}

#[test]
fn a_command_that_is_cut_short_has_no_effect() {
    let mut isolate = Isolate::new();
    let (receiver, received) = isolate.collector();
    isolate.send(receiver, 1);
    isolate.put(&[command::REPLY, 0, 0, 0]);
    isolate.run();
    assert_eq!(values(&received), [1]);
}
