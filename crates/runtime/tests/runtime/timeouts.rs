//! Receive timeouts and timers that send. The clock is real: the isolate sleeps until the wheel's next deadline.

use std::cell::RefCell;
use std::rc::Rc;

use viga_runtime::control_block::{KEEP_TIMEOUT, NO_TIMEOUT};
use viga_runtime::executor::{Wake, slice_end};
use viga_runtime::{NIL, Pid};

use crate::isolate::{Isolate, Received};

/// Long enough that no test sees it.
const NEVER: i32 = 3_600_000;

/// Why a process ran, and whether its timeout had fired.
type Wakes = Rc<RefCell<Vec<(i32, bool)>>>;

/// A process that waits with these timeouts in turn and keeps why it ran.
fn waiter(isolate: &mut Isolate, timeouts: &'static [i32]) -> (Pid, Wakes) {
    let wakes = Wakes::default();
    let pid = isolate.spawn({
        let wakes = Rc::clone(&wakes);
        let mut turns = timeouts.iter();
        move |turn| {
            wakes.borrow_mut().push((turn.wake, turn.timed_out));
            while turn.take().is_some() {}
            turn.timeout = turns.next().copied().unwrap_or(NO_TIMEOUT);
            slice_end::WAIT
        }
    });
    (pid, wakes)
}

const START: (i32, bool) = (Wake::Start as i32, false);
const MESSAGE: (i32, bool) = (Wake::Message as i32, false);
const TIMEOUT: (i32, bool) = (Wake::Timeout as i32, true);

#[test]
fn a_receive_timeout_fires_once() {
    let mut isolate = Isolate::new();
    let (_, wakes) = waiter(&mut isolate, &[2]);
    isolate.run_with_timers();
    assert_eq!(*wakes.borrow(), [START, TIMEOUT]);
}

#[test]
fn a_timeout_of_zero_polls() {
    let mut isolate = Isolate::new();
    let (pid, wakes) = waiter(&mut isolate, &[0, 0]);
    isolate.run_with_timers();
    assert_eq!(*wakes.borrow(), [START, TIMEOUT, TIMEOUT]);
    assert!(isolate.is_alive(pid));
}

#[test]
fn a_message_cancels_the_timeout() {
    let mut isolate = Isolate::new();
    let (pid, wakes) = waiter(&mut isolate, &[NEVER]);
    isolate.run();
    assert_eq!(isolate.system.facts().timer_count, 1);
    isolate.send(pid, 1);
    isolate.run();
    assert_eq!(isolate.system.facts().timer_count, 0);
    assert_eq!(*wakes.borrow(), [START, MESSAGE]);
}

#[test]
fn a_kept_timeout_goes_on_over_slices() {
    let mut isolate = Isolate::new();
    let (pid, wakes) = waiter(&mut isolate, &[3, KEEP_TIMEOUT]);
    isolate.run_batch();
    isolate.send(pid, 1);
    isolate.run_with_timers();
    assert_eq!(*wakes.borrow(), [START, MESSAGE, TIMEOUT]);
}

#[test]
fn a_process_that_ends_takes_its_timers_with_it() {
    let mut isolate = Isolate::new();
    let (pid, _) = waiter(&mut isolate, &[NEVER]);
    isolate.run();
    for value in 0..3 {
        let message = isolate.ledger.store(value);
        isolate.cross(|_, domain| domain.start_timer(pid, NEVER as u64, message));
    }
    assert_eq!(isolate.system.facts().timer_count, 4);
    isolate.signal_exit(pid, 7);
    isolate.run();
    assert_eq!(isolate.system.facts().timer_count, 0);
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_timer_sends_in_the_order_of_the_deadlines() {
    let mut isolate = Isolate::new();
    let (pid, received) = isolate.collector();
    for milliseconds in [4, 0, 2, 2, 1] {
        let message = isolate.ledger.store(milliseconds);
        isolate.cross(|_, domain| domain.start_timer(pid, milliseconds, message));
    }
    isolate.run_with_timers();
    assert_eq!(*received.borrow(), [0, 1, 2, 2, 4].map(Received::Value));
}

#[test]
fn a_cancelled_timer_gives_its_message_back() {
    let mut isolate = Isolate::new();
    let (pid, received) = isolate.collector();
    let started: Vec<(u32, u32)> = (0..3)
        .map(|value| {
            let message = isolate.ledger.store(value);
            isolate.cross(|_, domain| domain.start_timer(pid, NEVER as u64, message))
        })
        .collect();
    for (timer, stamp) in [started[1], started[0], started[2]] {
        let left = isolate
            .cross(|_, domain| domain.read_timer(timer, stamp))
            .unwrap();
        assert!(
            left <= NEVER as u64 && left > NEVER as u64 - 60_000,
            "{left}"
        );
        assert!(
            isolate
                .cross(|_, domain| domain.cancel_timer(timer, stamp))
                .is_some()
        );
        assert_eq!(
            isolate.cross(|_, domain| domain.cancel_timer(timer, stamp)),
            None
        );
        assert_eq!(
            isolate.cross(|_, domain| domain.read_timer(timer, stamp)),
            None
        );
    }
    isolate.run_with_timers();
    assert!(received.borrow().is_empty());
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_timer_to_a_dead_process_is_none() {
    let mut isolate = Isolate::new();
    let (pid, _) = isolate.collector();
    isolate.signal_exit(pid, 1);
    let message = isolate.ledger.store(5);
    let (timer, stamp) = isolate.cross(|_, domain| domain.start_timer(pid, 10, message));
    assert_eq!(timer, NIL);
    assert_eq!(
        isolate.cross(|_, domain| domain.cancel_timer(timer, stamp)),
        None
    );
    assert_eq!(isolate.ledger.kept(), [] as [u64; 0]);
}

#[test]
fn a_timeout_that_fired_while_the_process_stood_in_the_queue_is_told() {
    let mut isolate = Isolate::new();
    let (pid, wakes) = waiter(&mut isolate, &[1]);
    isolate.run();
    let wait = isolate
        .block
        .get(viga_runtime::control_block::header::NEXT_DEADLINE);
    assert!(wait >= 0);
    isolate.send(pid, 1);
    isolate.cross(|_, _| {});
    isolate.system.lock().announce_park();
    isolate
        .system
        .scheduler(0)
        .sleep(Some(std::time::Duration::from_millis(wait as u64 + 1)));
    isolate.cross(|_, domain| domain.enter());
    isolate.run();
    assert_eq!(*wakes.borrow(), [START, TIMEOUT]);
    assert_eq!(isolate.system.facts().timer_count, 0);
}
