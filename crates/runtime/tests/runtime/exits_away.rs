//! Messages, exit signals, links, monitors and names between schedulers, one rule at a time.

use std::ptr::NonNull;

use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;
use viga_runtime::{Pid, binaries};

use crate::isolate::{Isolate, Received};
use crate::rest::{left, nothing_but, run_all, run_all_with_timers};

/// A shared binary of which the caller has the only count.
fn binary() -> u64 {
    unsafe fn free(memory: NonNull<u8>) {
        // SAFETY: made below, with this type.
        drop(unsafe { Box::from_raw(memory.cast::<[u8; 64]>().as_ptr()) });
    }
    let memory = NonNull::from(Box::leak(Box::new([0u8; 64])));
    // SAFETY: the array has 64 bytes, and nobody else has it.
    unsafe { binaries::create(memory.cast(), 64, free) }.expect("there is room")
}

fn down(reference: u64, from: Pid, reason: Result<u64, u32>) -> Received {
    Received::Down {
        reference,
        from,
        reason,
    }
}

#[test]
fn all_that_one_process_sends_another_keeps_its_order() {
    let mut isolates = Isolate::several(2);
    let (receiver, received) = isolates[1].trapping_collector();
    isolates[1].cross(|_, domain| domain.alias(receiver.index, 77, AliasMode::Explicit));
    isolates[1]
        .cross(|_, domain| domain.register("receiver", receiver))
        .unwrap();
    let sender = isolates[0].spawn(move |turn| {
        let pid = turn.pid;
        turn.link(receiver);
        turn.isolate.send(receiver, 1);
        turn.isolate.cross(|queues, domain| {
            domain.signal_exit(queues, pid, receiver, constant::NORMAL);
        });
        turn.send_alias(receiver, 77, 2);
        let named = turn.isolate.system.whereis("receiver").expect("it has it");
        for value in 3..300 {
            turn.isolate.send(named, value);
        }
        turn.exit(4)
    });
    isolates[1].run();
    let monitor = isolates[1].new_reference();
    isolates[1].cross(|queues, domain| {
        domain.monitor(queues, receiver.index, sender, monitor, AliasMode::None);
    });
    run_all(&mut isolates);
    let exit = |reason| Received::Exit {
        from: sender,
        reason,
    };
    let mut expected = vec![Received::Value(1), exit(Err(constant::NORMAL))];
    expected.extend((2..300).map(Received::Value));
    expected.extend([exit(Ok(4)), down(monitor, sender, Ok(4))]);
    assert_eq!(*received.borrow(), expected);
}

#[test]
fn timers_send_to_other_schedulers_in_the_order_of_their_ends() {
    let mut isolates = Isolate::several(2);
    let (receiver, received) = isolates[1].collector();
    for (milliseconds, value) in [(3, 2), (0, 0), (1, 1), (10_000_000, 9)] {
        isolates[0].start_timer(receiver, milliseconds, value);
    }
    run_all_with_timers(&mut isolates);
    assert_eq!(*received.borrow(), [0, 1, 2].map(Received::Value));
    isolates[0].cancel_away_timers();
    isolates[0].signal_constant(receiver, constant::KILL);
    run_all(&mut isolates);
    assert_eq!(left(&isolates[0].system), nothing_but(2));
}

#[test]
fn exit_signals_do_elsewhere_what_they_do_here() {
    let mut isolates = Isolate::several(2);
    let root = isolates[0].root;
    let (trapping, received) = isolates[1].trapping_collector();
    let (deaf, _) = isolates[1].collector();
    let (other, _) = isolates[1].collector();
    let (victim, unseen) = isolates[1].trapping_collector();
    let (watcher, seen) = isolates[0].trapping_collector();
    isolates[0].cross(|queues, domain| domain.link(queues, watcher.index, victim));
    isolates[0].signal_constant(trapping, constant::NORMAL);
    isolates[0].signal_constant(deaf, constant::NORMAL);
    isolates[0].signal_exit(trapping, 5);
    isolates[0].signal_exit(other, 6);
    isolates[0].signal_constant(victim, constant::KILL);
    run_all(&mut isolates);
    let exit = |from, reason| Received::Exit { from, reason };
    let expected = [exit(root, Err(constant::NORMAL)), exit(root, Ok(5))];
    assert_eq!(*received.borrow(), expected);
    let alive = [trapping, deaf, other, victim].map(|pid| isolates[0].is_alive(pid));
    assert_eq!(alive, [true, true, false, false]);
    assert_eq!(*unseen.borrow(), []);
    assert_eq!(*seen.borrow(), [exit(victim, Err(constant::KILLED))]);
}

#[test]
fn who_is_not_there_gives_noproc_and_keeps_nothing() {
    let mut isolates = Isolate::several(2);
    let (dead, _) = isolates[1].collector();
    isolates[1].signal_exit(dead, 1);
    let never = Pid {
        index: dead.index + 500,
        serial: 0,
    };
    let nowhere = Pid {
        index: 100_000_000,
        serial: 3,
    };
    let sent = binary();
    for missing in [dead, never, nowhere] {
        for number in [0, 1] {
            let (asker, received) = isolates[number].trapping_collector();
            let isolate = &mut isolates[number];
            let reference = isolate.new_reference();
            isolate.cross(|queues, domain| {
                domain.monitor(queues, asker.index, missing, reference, AliasMode::None);
                domain.link(queues, asker.index, missing);
            });
            isolate.send(missing, 1);
            isolate.signal_exit(missing, 2);
            if isolate.is_away(missing) {
                let word = isolate.record(1, &[sent, sent]);
                isolate.send_word(missing, word);
            }
            run_all(&mut isolates);
            let exit = Received::Exit {
                from: missing,
                reason: Err(constant::NOPROC),
            };
            let expected = [down(reference, missing, Err(constant::NOPROC)), exit];
            assert_eq!(*received.borrow(), expected, "{missing:?}");
            isolates[number].signal_constant(asker, constant::KILL);
        }
    }
    binaries::release(sent);
    assert!(!binaries::retain(sent), "nobody refers to it");
    assert_eq!(left(&isolates[0].system), nothing_but(2));
}

#[test]
fn a_binary_goes_with_the_last_who_refers_to_it() {
    let ends: [fn(&mut Isolate, Pid); 4] = [
        |isolate, _| isolate.run(),
        |isolate, pid| isolate.signal_constant(pid, constant::KILL),
        |isolate, _| {
            isolate.slices_per_batch = 0;
            isolate.run_batch();
        },
        |_, _| {},
    ];
    for end in ends {
        let mut isolates = Isolate::several(2);
        let (receiver, _) = isolates[1].collector();
        isolates[1].run();
        let sent = binary();
        let word = isolates[0].record(7, &[sent]);
        isolates[0].send_word(receiver, word);
        isolates[0].hear();
        binaries::release(sent);
        assert!(binaries::hold(sent).is_some(), "it is on its way");
        end(&mut isolates[1], receiver);
        let system = isolates[0].system.clone();
        let lost = isolates.pop().expect("there are two");
        isolates.push(lost.replaced());
        assert!(binaries::hold(sent).is_none());
        assert_eq!(left(&system), nothing_but(2));
    }
}

#[test]
fn a_name_is_whose_it_was_given_last() {
    let mut isolates = Isolate::several(3);
    let (holder, _) = isolates[0].collector();
    let names = |isolate: &Isolate| isolate.system.process_facts(holder).unwrap().names;
    // Given and taken back elsewhere, before the holder's scheduler knows.
    isolates[1]
        .cross(|_, domain| domain.register("a", holder))
        .unwrap();
    assert!(isolates[0].meanwhile(|_, domain| domain.unregister("a")));
    isolates[0].hear();
    assert_eq!(names(&isolates[0]), [] as [&str; 0]);
    // Given, taken back, and given again.
    isolates[1]
        .cross(|_, domain| domain.register("a", holder))
        .unwrap();
    assert!(isolates[2].cross(|_, domain| domain.unregister("a")));
    isolates[1]
        .cross(|_, domain| domain.register("a", holder))
        .unwrap();
    isolates[0].hear();
    assert_eq!(names(&isolates[0]), ["a"]);
    isolates[0].signal_exit(holder, 1);
    assert_eq!(isolates[0].system.whereis("a"), None);
    // A dead process loses its name as soon as its scheduler hears of it.
    isolates[1]
        .cross(|_, domain| domain.register("a", holder))
        .unwrap();
    isolates[0].hear();
    assert_eq!(isolates[0].system.whereis("a"), None);
}

/// What a process does that a test starts on the second scheduler.
fn arriving(isolates: &mut [Isolate]) {
    isolates[1].definition = Some(std::rc::Rc::new(|number| {
        Box::new(move |turn| match number {
            0 => slice_end::WAIT,
            _ => turn.exit(number),
        })
    }));
}

#[test]
fn a_process_started_elsewhere_is_linked_and_watched_from_its_start() {
    let mut isolates = Isolate::several(2);
    arriving(&mut isolates);
    let (parent, received) = isolates[0].trapping_collector();
    let monitor = isolates[0].new_reference();
    let child = isolates[0].spawn_away(1, parent, 9, true, monitor);
    run_all(&mut isolates);
    let exit = Received::Exit {
        from: child,
        reason: Ok(9),
    };
    assert_eq!(*received.borrow(), [exit, down(monitor, child, Ok(9))]);
    isolates[0].signal_constant(parent, constant::KILL);
    assert_eq!(left(&isolates[0].system), nothing_but(2));
}

#[test]
fn a_child_does_not_outlive_a_parent_that_it_is_linked_with() {
    for dead_before in [true, false] {
        let mut isolates = Isolate::several(2);
        arriving(&mut isolates);
        let (parent, _) = isolates[0].collector();
        let monitor = isolates[0].new_reference();
        if dead_before {
            isolates[0].signal_exit(parent, 3);
        }
        let child = isolates[0].spawn_away(1, parent, 0, true, monitor);
        isolates[0].signal_exit(parent, 3);
        run_all(&mut isolates);
        assert!(!isolates[0].is_alive(child));
        assert_eq!(left(&isolates[0].system), nothing_but(2));
    }
}
