//! The end of an isolate, at every step of a program.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use viga_runtime::Pid;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;

use crate::isolate::{Ended, Isolate, Lost, Received};
use crate::rest::{left, nothing_but, run_all};

/// What those who outlive the other isolate have seen.
struct Survivors {
    pids: Vec<Pid>,
    ends: Rc<RefCell<Vec<Ended>>>,
    told: Rc<RefCell<Vec<Received>>>,
}

/// A process of `isolate` that answers each value with what it has, and ends with the fifth.
fn server(isolate: &mut Isolate, caller: Pid, reference: u64) -> Pid {
    let mut taken = 0;
    isolate.spawn(move |turn| {
        let child = turn.isolate.spawn_from(turn.pid, |turn| turn.exit(11));
        turn.link(child);
        turn.unlink(child);
        while let Some(message) = turn.take() {
            taken += 1;
            if message == Received::Value(100) {
                turn.reply(caller, reference, 101);
            }
            turn.isolate.send(caller, taken);
        }
        if taken > 4 {
            return turn.exit(12);
        }
        slice_end::WAIT
    })
}

fn survivors(isolate: &mut Isolate, target: Pid) -> Survivors {
    let ends = Rc::new(RefCell::new(Vec::new()));
    let caller = isolate.spawn({
        let ends = Rc::clone(&ends);
        move |turn| {
            if turn.wake == 0 {
                turn.call(target, 100, None);
            }
            ends.borrow_mut().extend(turn.outcome.map(|(_, how)| how));
            slice_end::OUTCOME
        }
    });
    let (watcher, told) = isolate.trapping_collector();
    let monitor = isolate.new_reference();
    isolate.cross(|queues, domain| {
        domain.link(queues, watcher.index, target);
        domain.monitor(queues, watcher.index, target, monitor, AliasMode::Explicit);
    });
    let child = isolate.spawn_away(1, watcher, 1, true, 0);
    for value in 0..6 {
        isolate.send(target, value);
        isolate.send(child, value);
    }
    Survivors {
        pids: vec![caller, watcher],
        ends,
        told,
    }
}

/// The program, until the second isolate has done `steps` steps. False when it came to its end before.
fn lost_after(steps: u32, times: usize) -> bool {
    let mut isolates = Isolate::several(2);
    let definition: Rc<dyn Fn(u64) -> crate::isolate::Body> = Rc::new(|_| {
        Box::new(|turn| {
            while turn.take().is_some() {}
            slice_end::WAIT
        })
    });
    isolates[1].definition = Some(Rc::clone(&definition));
    let reference = isolates[0].next_reference();
    // The caller will be the first process of its isolate.
    let caller = Pid {
        index: isolates[0].root.index + 1,
        serial: 0,
    };
    let target = server(&mut isolates[1], caller, reference);
    let survivors = survivors(&mut isolates[0], target);
    isolates[1].steps_left = Some(steps);
    let run = catch_unwind(AssertUnwindSafe(|| run_all(&mut isolates)));
    let was_lost = run.is_err_and(|cause| cause.is::<Lost>());
    isolates[1].steps_left = None;
    let system = isolates[0].system.clone();
    for _ in 0..times {
        let lost = isolates.pop().expect("there are two");
        let mut replaced = lost.replaced();
        replaced.definition = Some(Rc::clone(&definition));
        isolates.push(replaced);
    }
    run_all(&mut isolates);
    #[cfg(feature = "hard-checks")]
    system.check_sides();
    assert!(!system.is_alive(target));
    assert_eq!(survivors.ends.borrow().len(), 1, "ends of the call");
    let told = survivors.told.borrow();
    let ends_of_target = |message: &&Received| matches!(message, Received::Exit { from, .. } | Received::Down { from, .. } if *from == target);
    assert_eq!(told.iter().filter(ends_of_target).count(), 2, "{told:?}");
    let after = isolates[1].collector().0;
    assert!(
        !told
            .iter()
            .any(|message| matches!(message, Received::Exit { from, .. } if *from == after))
    );
    isolates[1].signal_constant(after, constant::KILL);
    let watcher = survivors.pids[1];
    let children = system.process_facts(watcher).expect("it lives").links;
    for pid in survivors.pids.iter().chain(&children) {
        isolates[0].signal_constant(*pid, constant::KILL);
    }
    run_all(&mut isolates);
    assert_eq!(left(&system), nothing_but(2));
    assert_eq!(isolates[0].ledger.kept(), [] as [u64; 0]);
    was_lost
}

#[test]
fn whenever_an_isolate_ends_others_hear_of_it_once_and_nothing_is_left() {
    for times in [1, 2] {
        let mut steps = 0;
        while lost_after(steps, times) {
            steps += 1;
        }
        assert!(steps > 20, "{steps}");
    }
}

#[test]
fn what_comes_for_a_scheduler_that_nobody_has_ever_executed_waits_for_it() {
    let system = Isolate::system_of(2);
    let mut first = Isolate::attached(system.clone(), 0);
    let (parent, received) = first.trapping_collector();
    let child = first.spawn_away(1, parent, 3, true, 0);
    first.send(child, 1);
    first.run();
    assert!(received.borrow().is_empty());
    let mut second = Isolate::attached(system.clone(), 1);
    second.definition = Some(Rc::new(|reason| Box::new(move |turn| turn.exit(reason))));
    second.run();
    first.run();
    let exit = Received::Exit {
        from: child,
        reason: Ok(3),
    };
    assert_eq!(*received.borrow(), [exit]);
    first.signal_constant(parent, constant::KILL);
    assert_eq!(left(&system), nothing_but(2));
}

#[test]
fn a_vacant_scheduler_answers_and_its_pids_never_come_again() {
    let mut isolates = Isolate::several(2);
    let mut seen: Vec<Pid> = (0..20).map(|_| isolates[1].collector().0).collect();
    let system = isolates[0].system.clone();
    let asked = seen[3];
    drop(isolates.pop());
    let (asker, received) = isolates[0].trapping_collector();
    isolates[0].cross(|queues, domain| {
        domain.monitor(queues, asker.index, asked, 5, AliasMode::None);
    });
    isolates[0].run();
    let down = Received::Down {
        reference: 5,
        from: asked,
        reason: Err(constant::NOPROC),
    };
    assert_eq!(*received.borrow(), [down]);
    let mut second = Isolate::attached(system, 1);
    for _ in 0..2000 {
        let (pid, _) = second.collector();
        assert!(!seen.contains(&pid));
        second.signal_constant(pid, constant::KILL);
        if seen.len() < 100 {
            seen.push(pid);
        }
    }
}
