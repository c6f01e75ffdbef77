//! Other threads, while a slice is stuck on the isolate's.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use viga_runtime::control_block::header;
use viga_runtime::executor::slice_end;
use viga_runtime::handles::constant;
use viga_runtime::{Pid, Spawn, Status, System};
use viga_scheduler::{Parker, Priority};

use crate::isolate::{Isolate, ROOT, Received};

/// Runs `body` on another thread while the slice that calls this is stuck.
fn meanwhile<T: Send>(system: &System, body: impl FnOnce(&System) -> T + Send) -> T {
    thread::scope(|scope| {
        let other = scope.spawn(|| body(system));
        other.join().expect("the other thread is through")
    })
}

#[test]
fn a_stuck_process_is_seen_and_its_end_waits_for_its_slice() {
    // With and without a crossing of the slice before it gets stuck.
    for crosses in [false, true] {
        let mut isolate = Isolate::new();
        let (other, _) = isolate.collector();
        let stuck = isolate.spawn(move |turn| {
            if turn.wake == 0 {
                return slice_end::WAIT;
            }
            assert_eq!(turn.take(), Some(Received::Value(1)));
            if crosses {
                assert!(turn.isolate.is_alive(turn.pid));
            }
            let (pid, system) = (turn.pid, turn.isolate.system.clone());
            meanwhile(&system, |system| {
                let facts = system.process_facts(pid).expect("it is alive");
                let status = if crosses {
                    Status::Running
                } else {
                    Status::Picked
                };
                assert_eq!(facts.status, status);
                assert_eq!(facts.message_queue_length, 2);
                assert_eq!(system.whereis("stuck"), Some(pid));
                assert_eq!(system.processes(), [ROOT, other, pid]);
                system.signal_exit(ROOT, pid, constant::KILL);
                assert!(system.is_alive(pid), "it runs");
                assert_eq!(system.facts().process_count, 3);
            });
            assert_eq!(turn.take(), Some(Received::Value(2)));
            slice_end::YIELD
        });
        isolate
            .cross(|_, domain| domain.register("stuck", stuck))
            .unwrap();
        isolate.run();
        isolate.send(stuck, 1);
        isolate.send(stuck, 2);
        isolate.run();
        assert!(!isolate.is_alive(stuck));
        assert_eq!(isolate.system.whereis("stuck"), None);
        assert_eq!(isolate.buried, [stuck]);
        assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
    }
}

#[test]
fn what_a_thread_sends_to_one_process_keeps_its_order() {
    const MESSAGES: u32 = 2_000;
    let mut isolate = Isolate::new();
    let (receiver, received) = isolate.trapping_collector();
    let busy = isolate.spawn(|_| slice_end::YIELD);
    let handles: Vec<u32> = (0..u64::from(MESSAGES))
        .map(|value| isolate.ledger.store(value))
        .collect();
    let system = isolate.system.clone();
    let sender = thread::spawn(move || {
        for handle in handles {
            system.send(receiver, handle);
        }
        system.signal_exit(ROOT, receiver, constant::NORMAL);
    });
    while received.borrow().len() <= MESSAGES as usize {
        isolate.run_batch();
    }
    sender.join().unwrap();
    let mut expected: Vec<_> = (0..u64::from(MESSAGES)).map(Received::Value).collect();
    expected.push(Received::Exit {
        from: ROOT,
        reason: Err(constant::NORMAL),
    });
    assert_eq!(*received.borrow(), expected);
    isolate.signal_constant(busy, constant::KILL);
    isolate.run();
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_foreign_thread_wakes_the_parked_isolate_once() {
    let (wake, woken) = mpsc::channel();
    let calls = Arc::new(AtomicU32::new(0));
    let parker = Parker::foreign({
        let calls = Arc::clone(&calls);
        move || {
            // Read after the channel has been received from.
            calls.fetch_add(1, Ordering::Relaxed);
            wake.send(()).unwrap();
        }
    });
    let mut isolate = Isolate::with(100, parker);
    let (receiver, received) = isolate.collector();
    isolate.run();
    assert!(isolate.system.park(0));
    assert_eq!(isolate.block.get(header::BATCH_LEN), 0);

    let handles = [1, 2].map(|value| isolate.ledger.store(value));
    let system = isolate.system.clone();
    let sender = thread::spawn(move || {
        for handle in handles {
            system.send(receiver, handle);
        }
    });
    woken.recv().unwrap();
    sender.join().unwrap();
    isolate.run();
    assert_eq!(*received.borrow(), [1, 2].map(Received::Value));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(isolate.system.facts().wakeups, 1);
}

#[test]
fn a_process_spawned_from_another_thread_is_queued() {
    let isolate = Isolate::new();
    let spawn = Spawn {
        parent: ROOT,
        priority: Priority::High,
    };
    let pid: Pid = meanwhile(&isolate.system, |system| system.spawn(spawn)).unwrap();
    assert_eq!(isolate.system.facts().run_queue, [0, 1, 0, 0]);
    assert!(isolate.system.is_alive(pid));
}
