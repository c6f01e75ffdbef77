//! Links, monitors, aliases and exit signals, as Erlang has them.

use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;

use crate::isolate::{Isolate, ROOT, Received};

fn exit(from: viga_runtime::Pid, reason: Result<u64, u32>) -> Received {
    Received::Exit { from, reason }
}

#[test]
fn an_end_is_told_to_who_traps_and_ends_who_does_not() {
    let mut isolate = Isolate::new();
    let (trapping, received) = isolate.trapping_collector();
    let (other, _) = isolate.collector();
    let (source, _) = isolate.collector();
    for linked in [trapping, other] {
        isolate.cross(|queues, domain| domain.link(queues, linked.index, source));
        isolate.cross(|queues, domain| domain.link(queues, source.index, linked));
    }
    assert_eq!(isolate.system.facts().link_count, 2);
    isolate.signal_exit(source, 5);
    isolate.run();
    assert_eq!(*received.borrow(), [exit(source, Ok(5))]);
    assert!(!isolate.is_alive(other));
    assert!(isolate.is_alive(trapping));
    assert_eq!(isolate.buried, [source, other]);
    assert_eq!(isolate.system.facts().link_count, 0);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn normal_is_ignored_unless_trapped_or_sent_to_oneself() {
    let mut isolate = Isolate::new();
    let (trapping, received) = isolate.trapping_collector();
    let (other, _) = isolate.collector();
    isolate.signal_constant(trapping, constant::NORMAL);
    isolate.signal_constant(other, constant::NORMAL);
    let oneself = isolate.spawn(|turn| {
        let pid = turn.pid;
        turn.isolate
            .cross(|queues, domain| domain.signal_exit(queues, pid, pid, constant::NORMAL));
        assert!(turn.isolate.is_alive(pid));
        slice_end::WAIT
    });
    isolate.run();
    assert_eq!(*received.borrow(), [exit(ROOT, Err(constant::NORMAL))]);
    assert!(isolate.is_alive(other));
    assert!(!isolate.is_alive(oneself));
}

#[test]
fn kill_is_not_trapped_and_others_see_killed() {
    let mut isolate = Isolate::new();
    let (victim, received) = isolate.trapping_collector();
    let (watcher, seen) = isolate.trapping_collector();
    isolate.cross(|queues, domain| domain.link(queues, watcher.index, victim));
    isolate.cross(|queues, domain| {
        domain.monitor(queues, watcher.index, victim, 77, AliasMode::None);
    });
    isolate.signal_constant(victim, constant::KILL);
    isolate.run();
    assert!(received.borrow().is_empty());
    let down = Received::Down {
        reference: 77,
        from: victim,
        reason: Err(constant::KILLED),
    };
    assert_eq!(*seen.borrow(), [exit(victim, Err(constant::KILLED)), down]);
}

#[test]
fn a_link_that_carries_kill_can_be_trapped() {
    let mut isolate = Isolate::new();
    let (trapping, received) = isolate.trapping_collector();
    let source = isolate.spawn(move |turn| {
        turn.link(trapping);
        turn.exit_constant(constant::KILL)
    });
    isolate.run();
    assert_eq!(*received.borrow(), [exit(source, Err(constant::KILL))]);
    assert!(isolate.is_alive(trapping));
}

#[test]
fn a_link_to_a_dead_process_gives_noproc_once() {
    let mut isolate = Isolate::new();
    let (dead, _) = isolate.collector();
    isolate.signal_exit(dead, 1);
    let (trapping, received) = isolate.trapping_collector();
    isolate.cross(|queues, domain| domain.link(queues, trapping.index, dead));
    let untrapped = isolate.spawn(move |turn| {
        turn.link(dead);
        assert!(
            turn.isolate.is_alive(turn.pid),
            "the signal waits for the slice's end"
        );
        slice_end::WAIT
    });
    let twice = isolate.spawn(move |turn| {
        if turn.wake == 0 {
            let pid = turn.pid;
            turn.isolate
                .cross(|_, domain| domain.set_trap_exit(pid, true));
            turn.link(dead);
            turn.link(dead);
            return slice_end::WAIT;
        }
        assert_eq!(turn.take(), Some(exit(dead, Err(constant::NOPROC))));
        assert_eq!(turn.take(), None);
        turn.exit(3)
    });
    isolate.run();
    assert_eq!(*received.borrow(), [exit(dead, Err(constant::NOPROC))]);
    assert!(!isolate.is_alive(untrapped));
    assert!(!isolate.is_alive(twice), "it has seen what it asserts");
}

#[test]
fn unlink_withdraws_what_came_in_the_same_slice() {
    let mut isolate = Isolate::new();
    let (other, _) = isolate.collector();
    let process = isolate.spawn(move |turn| {
        turn.link(other);
        turn.isolate.signal_exit(other, 5);
        assert!(!turn.isolate.is_alive(other));
        turn.unlink(other);
        slice_end::WAIT
    });
    isolate.run();
    assert!(isolate.is_alive(process));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn monitors_stack_and_each_gives_one_down() {
    let mut isolate = Isolate::new();
    let (watcher, received) = isolate.collector();
    let (target, _) = isolate.collector();
    for reference in 1..=3 {
        isolate.cross(|queues, domain| {
            domain.monitor(queues, watcher.index, target, reference, AliasMode::None);
        });
    }
    assert!(isolate.cross(|_, domain| domain.demonitor(watcher, 2, false)));
    assert!(!isolate.cross(|_, domain| domain.demonitor(watcher, 2, false)));
    assert_eq!(
        isolate.facts(target).unwrap().monitored_by,
        [watcher, watcher]
    );
    isolate.signal_exit(target, 8);
    isolate.cross(|queues, domain| {
        domain.monitor(queues, watcher.index, target, 4, AliasMode::None);
    });
    isolate.run();
    let down = |reference, reason| Received::Down {
        reference,
        from: target,
        reason,
    };
    let expected = [
        down(1, Ok(8)),
        down(3, Ok(8)),
        down(4, Err(constant::NOPROC)),
    ];
    assert_eq!(*received.borrow(), expected);
    assert_eq!(isolate.system.facts().monitor_count, 0);
}

#[test]
fn a_flushed_down_is_taken_out_of_the_mailbox() {
    let mut isolate = Isolate::new();
    let (target, _) = isolate.collector();
    let process = isolate.spawn(move |turn| {
        if turn.wake == 0 {
            turn.monitor(target, AliasMode::None);
            return slice_end::HOLD;
        }
        // The DOWN stands in the window or behind it, between two messages.
        assert_eq!(turn.take(), Some(Received::Value(1)));
        assert!(!turn.demonitor(1, true));
        assert_eq!(turn.take(), Some(Received::Value(2)));
        assert_eq!(turn.take(), None);
        turn.exit(3)
    });
    isolate.run();
    isolate.send(process, 1);
    isolate.signal_exit(target, 5);
    isolate.send(process, 2);
    isolate.cross(|queues, domain| domain.resume(queues, process));
    isolate.run();
    assert!(!isolate.is_alive(process), "it has seen what it asserts");
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_down_of_the_same_slice_can_be_withdrawn() {
    let mut isolate = Isolate::new();
    let (target, _) = isolate.collector();
    let process = isolate.spawn(move |turn| {
        if turn.wake == 0 {
            let alive = turn.monitor(target, AliasMode::None);
            turn.isolate.signal_exit(target, 5);
            let dead = turn.monitor(target, AliasMode::None);
            assert!(turn.demonitor(alive, false));
            assert!(turn.demonitor(dead, false));
        }
        assert_eq!(turn.take(), None);
        slice_end::WAIT
    });
    isolate.run();
    assert_eq!(isolate.facts(process).unwrap().message_queue_length, 0);
    assert_eq!(isolate.system.facts().monitor_count, 0);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn an_alias_passes_messages_until_its_mode_ends_it() {
    let cases: [(AliasMode, &[u64]); 3] = [
        (AliasMode::Explicit, &[1, 2, 3]),
        (AliasMode::Demonitor, &[1, 2]),
        (AliasMode::Reply, &[1]),
    ];
    for (mode, expected) in cases {
        let mut isolate = Isolate::new();
        let (owner, received) = isolate.collector();
        let (target, _) = isolate.collector();
        isolate.cross(|queues, domain| domain.monitor(queues, owner.index, target, 9, mode));
        isolate.spawn(move |turn| {
            turn.send_alias(owner, 9, 1);
            turn.send_alias(owner, 9, 2);
            turn.isolate
                .cross(|_, domain| domain.demonitor(owner, 9, false));
            turn.send_alias(owner, 9, 3);
            turn.isolate.cross(|_, domain| domain.unalias(owner, 9));
            turn.send_alias(owner, 9, 4);
            slice_end::WAIT
        });
        isolate.run();
        let expected: Vec<_> = expected
            .iter()
            .map(|value| Received::Value(*value))
            .collect();
        assert_eq!(*received.borrow(), expected, "{mode:?}");
        assert_eq!(isolate.system.facts().monitor_count, 0, "{mode:?}");
        assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
    }
}

#[test]
fn a_monitor_goes_on_when_its_alias_ends() {
    let mut isolate = Isolate::new();
    let (target, _) = isolate.collector();
    let process = isolate.spawn(move |turn| {
        if turn.wake == 0 {
            let early = turn.monitor(target, AliasMode::Explicit);
            let late = turn.monitor(target, AliasMode::Demonitor);
            let pid = turn.pid;
            assert!(turn.isolate.cross(|_, domain| domain.unalias(pid, early)));
            turn.isolate.signal_exit(target, 5);
            assert!(turn.isolate.cross(|_, domain| domain.unalias(pid, late)));
            return slice_end::WAIT;
        }
        for reference in [1, 2] {
            let down = Received::Down {
                reference,
                from: target,
                reason: Ok(5),
            };
            assert_eq!(turn.take(), Some(down));
        }
        turn.exit(3)
    });
    isolate.run();
    assert!(!isolate.is_alive(process), "it has seen what it asserts");
    assert_eq!(isolate.system.facts().monitor_count, 0);
}

#[test]
fn a_monitor_of_oneself_is_none() {
    let mut isolate = Isolate::new();
    let process = isolate.spawn(|turn| {
        let reference = turn.monitor(turn.pid, AliasMode::Explicit);
        assert!(!turn.demonitor(reference, false));
        turn.exit(1)
    });
    isolate.run();
    assert!(!isolate.is_alive(process));
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}
