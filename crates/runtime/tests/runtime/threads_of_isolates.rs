//! Isolates on threads of their own, which sleep whenever they have nothing to do: a wake-up that is lost ends the test.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::{Pid, System};

use crate::isolate::{Isolate, Received};
use crate::rest::{left, nothing_but};

/// Nothing takes so long unless somebody sleeps for ever.
const FOR_EVER: Duration = Duration::from_secs(30);

/// Runs until `done`, asleep in between.
fn run_until(isolate: &mut Isolate, done: impl Fn() -> bool) {
    while !done() {
        isolate.run();
        if done() {
            return;
        }
        if isolate.system.park(isolate.number) {
            let scheduler = isolate.system.scheduler(isolate.number);
            assert!(scheduler.sleep(Some(FOR_EVER)), "a wake-up was lost");
        }
    }
}

#[test]
fn a_message_that_goes_to_and_fro_wakes_who_sleeps_each_time() {
    const TIMES: u64 = 2_000;
    let system = Isolate::system_of(2);
    let (tell, told) = mpsc::channel::<Pid>();
    let (announce, announced) = mpsc::channel::<Pid>();
    let player = |isolate: &mut Isolate, last: Rc<Cell<u64>>, other: Rc<Cell<Option<Pid>>>| {
        isolate.spawn(move |turn| {
            while let Some(message) = turn.take() {
                let Received::Value(value) = message else {
                    panic!("only values are sent");
                };
                last.set(value);
                if let Some(other) = other.get() {
                    turn.isolate.send(other, value + 1);
                }
            }
            slice_end::WAIT
        })
    };
    thread::scope(|scope| {
        let (system, player) = (&system, &player);
        scope.spawn(move || {
            let mut isolate = Isolate::attached(system.clone(), 1);
            let (last, other) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
            let pid = player(&mut isolate, Rc::clone(&last), Rc::clone(&other));
            other.set(announced.recv().ok());
            tell.send(pid).unwrap();
            run_until(&mut isolate, || last.get() >= TIMES - 1);
        });
        let mut isolate = Isolate::attached(system.clone(), 0);
        let (last, other) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
        let pid = player(&mut isolate, Rc::clone(&last), Rc::clone(&other));
        announce.send(pid).unwrap();
        let second = told.recv().unwrap();
        other.set(Some(second));
        isolate.send(second, 1);
        run_until(&mut isolate, || last.get() >= TIMES - 2);
    });
}

#[test]
fn what_many_send_each_other_arrives_once_and_in_order() {
    const THREADS: usize = 3;
    const MESSAGES: u64 = 1_000;
    let system = Isolate::system_of(THREADS);
    let attached = Barrier::new(THREADS);
    let through = AtomicU32::new(0);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (system, attached, through): (&System, _, _) = (&system, &attached, &through);
            scope.spawn(move || {
                let mut isolate = Isolate::attached(system.clone(), number);
                let seen = Rc::new(Cell::new(0));
                let pid = isolate.spawn({
                    let seen = Rc::clone(&seen);
                    let mut next = [0; THREADS];
                    move |turn| {
                        while let Some(message) = turn.take() {
                            let Received::Value(value) = message else {
                                panic!("only values are sent");
                            };
                            let from = (value >> 32) as usize;
                            assert_eq!(value & 0xffff_ffff, next[from]);
                            next[from] += 1;
                            seen.set(seen.get() + 1);
                        }
                        slice_end::WAIT
                    }
                });
                isolate
                    .cross(|_, domain| domain.register(&number.to_string(), pid))
                    .unwrap();
                attached.wait();
                for sequence in 0..MESSAGES {
                    for other in 0..THREADS {
                        let to = system.whereis(&other.to_string()).expect("it is there");
                        isolate.send(to, (number as u64) << 32 | sequence);
                    }
                    if sequence % 16 == 0 {
                        isolate.run_batch();
                    }
                }
                run_until(&mut isolate, || seen.get() == MESSAGES * THREADS as u64);
                through.fetch_add(1, Ordering::Relaxed);
                attached.wait();
                isolate.signal_constant(pid, constant::KILL);
                isolate.run();
                attached.wait();
                assert_eq!(left(system), nothing_but(THREADS as u32));
                assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
                attached.wait();
            });
        }
    });
    // The threads have been joined.
    assert_eq!(through.load(Ordering::Relaxed), THREADS as u32);
}

#[test]
fn each_call_ends_once_while_isolates_come_and_go() {
    const CALLS: u32 = 500;
    let system = Isolate::system_of(3);
    let callers = AtomicU32::new(2);
    thread::scope(|scope| {
        for number in [0, 2] {
            let (system, callers): (&System, _) = (&system, &callers);
            scope.spawn(move || {
                let mut isolate = Isolate::attached(system.clone(), number);
                let ended = Rc::new(Cell::new(0));
                let awaited = Rc::new(Cell::new(0));
                let caller = isolate.spawn({
                    let (ended, awaited) = (Rc::clone(&ended), Rc::clone(&awaited));
                    move |turn| {
                        if let Some((reference, _)) = turn.outcome {
                            assert_eq!(awaited.get(), reference);
                            ended.set(ended.get() + 1);
                        }
                        if ended.get() == CALLS {
                            return slice_end::WAIT;
                        }
                        let Some(server) = turn.isolate.system.whereis("server") else {
                            return slice_end::YIELD;
                        };
                        turn.isolate.send(server, 1);
                        awaited.set(turn.call(server, u64::from(turn.pid.index), None));
                        slice_end::OUTCOME
                    }
                });
                run_until(&mut isolate, || ended.get() == CALLS);
                isolate.signal_constant(caller, constant::KILL);
                // Read by the servers' thread, which goes on a little longer if it does not see it at once.
                callers.fetch_sub(1, Ordering::Relaxed);
            });
        }
        scope.spawn(|| {
            while callers.load(Ordering::Relaxed) > 0 {
                let mut isolate = Isolate::attached(system.clone(), 1);
                let server = isolate.spawn(|turn| {
                    while turn.take().is_some() {}
                    slice_end::WAIT
                });
                let named = isolate.cross(|_, domain| domain.register("server", server));
                assert_eq!(named, Ok(()));
                for _ in 0..20 {
                    isolate.run_batch();
                }
            }
        });
    });
    assert_eq!(left(&system), nothing_but(0));
}
