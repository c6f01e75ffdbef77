//! Calls between schedulers: each comes to exactly one end, and leaves nothing.

use std::cell::RefCell;
use std::rc::Rc;

use viga_runtime::Pid;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;

use crate::isolate::{Ended, Isolate, Received};
use crate::rest::{left, nothing_but, run_all, run_all_with_timers};

type Ends = Rc<RefCell<Vec<Ended>>>;

/// Three schedulers, a caller on the first one and its callee on the second.
struct Scene {
    isolates: Vec<Isolate>,
    caller: Pid,
    callee: Pid,
    reference: u64,
    ends: Ends,
    requests: Rc<RefCell<Vec<Received>>>,
}

impl Scene {
    /// The call has been made, and `heard` of.
    fn new(timeout: Option<u32>, heard: bool) -> Self {
        let mut isolates = Isolate::several(3);
        let (callee, requests) = isolates[1].collector();
        let ends = Ends::default();
        let reference = isolates[0].next_reference();
        let caller = isolates[0].spawn({
            let ends = Rc::clone(&ends);
            move |turn| {
                if turn.wake == 0 {
                    turn.call(callee, 100, timeout);
                }
                ends.borrow_mut().extend(turn.outcome.map(|(_, how)| how));
                slice_end::OUTCOME
            }
        });
        isolates[0].run();
        if heard {
            run_all(&mut isolates);
            assert_eq!(*requests.borrow(), [Received::Value(100)]);
        }
        Scene {
            isolates,
            caller,
            callee,
            reference,
            ends,
            requests,
        }
    }

    /// A process of scheduler `from` answers.
    fn reply(&mut self, from: usize, value: u64) {
        let (caller, reference) = (self.caller, self.reference);
        self.isolates[from].spawn(move |turn| {
            turn.reply(caller, reference, value);
            turn.exit_constant(constant::NORMAL)
        });
        self.isolates[from].run();
    }

    /// How the call ended, and that nothing is left of it.
    fn ends_with(mut self, expected: &[Ended]) {
        run_all_with_timers(&mut self.isolates);
        assert_eq!(*self.ends.borrow(), expected);
        for pid in [self.caller, self.callee] {
            self.isolates[2].signal_constant(pid, constant::KILL);
        }
        run_all(&mut self.isolates);
        assert_eq!(*self.ends.borrow(), expected);
        assert_eq!(left(&self.isolates[0].system), nothing_but(3));
        assert!(self.requests.borrow().len() <= 1);
    }
}

#[test]
fn the_first_reply_counts_wherever_it_comes_from() {
    for (first, second) in [(1, 1), (1, 2), (2, 1), (0, 1), (1, 0)] {
        let mut scene = Scene::new(Some(3_600_000), true);
        scene.reply(first, 1);
        scene.isolates[0].hear();
        scene.reply(second, 2);
        scene.ends_with(&[Ended::Reply(1)]);
    }
}

#[test]
fn a_reply_that_comes_too_late_reaches_nobody() {
    for from in 0..3 {
        let mut scene = Scene::new(Some(1), true);
        run_all_with_timers(&mut scene.isolates);
        scene.reply(from, 1);
        scene.ends_with(&[Ended::Timeout]);
    }
}

#[test]
fn a_timeout_and_a_reply_that_cross_are_one_end() {
    let mut scene = Scene::new(Some(1), true);
    scene.reply(1, 1);
    // The reply waits in the inbox when the timer fires.
    run_all_with_timers(&mut scene.isolates);
    let ends = scene.ends.borrow().clone();
    assert_eq!(ends.len(), 1);
    scene.ends_with(&ends);
}

#[test]
fn the_callees_end_is_the_calls_end_unless_it_has_replied() {
    for replied in [false, true] {
        for heard in [false, true] {
            let mut scene = Scene::new(None, heard);
            if replied {
                scene.reply(1, 1);
            }
            let callee = scene.callee;
            scene.isolates[1].signal_exit(callee, 8);
            let expected = if replied {
                Ended::Reply(1)
            } else {
                Ended::Down(Ok(8))
            };
            scene.ends_with(&[expected]);
        }
    }
}

#[test]
fn a_call_of_who_is_not_there_ends_at_once() {
    let mut scene = Scene::new(None, false);
    let callee = scene.callee;
    scene.isolates[1].meanwhile(|queues, domain| {
        domain.signal_exit(queues, callee, callee, constant::KILL);
    });
    scene.ends_with(&[Ended::Down(Err(constant::NOPROC))]);
}

#[test]
fn a_caller_that_ends_or_gives_up_leaves_nothing() {
    for gives_up in [false, true] {
        for heard in [false, true] {
            let mut scene = Scene::new(Some(3_600_000), heard);
            let (caller, reference) = (scene.caller, scene.reference);
            if gives_up {
                assert!(scene.isolates[0].cross(|_, domain| domain.abandon(caller, reference)));
            } else {
                scene.isolates[0].signal_exit(caller, 3);
            }
            run_all(&mut scene.isolates);
            scene.reply(1, 1);
            scene.ends_with(&[]);
        }
    }
}

#[test]
fn the_end_of_the_callees_isolate_is_the_calls_end() {
    for heard in [false, true] {
        let mut scene = Scene::new(None, heard);
        let lost = scene.isolates.remove(1);
        scene.isolates.insert(1, lost.replaced());
        let reason = if heard {
            constant::SCHEDULER_DOWN
        } else {
            constant::NOPROC
        };
        scene.ends_with(&[Ended::Down(Err(reason))]);
    }
}
