//! Models of the protocols, walked by loom through every order of their steps.
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release -p viga-scheduler --test loom`.
#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;
use viga_scheduler::{Parker, Priority, Scheduler};

/// What a thread that blocks does when it wants a task.
fn pop_or_sleep<S>(scheduler: &Scheduler<S>) -> u32 {
    loop {
        let mut guard = scheduler.lock();
        if let Some((task, _)) = guard.queues().pop() {
            return task;
        }
        guard.announce_park();
        drop(guard);
        scheduler.sleep(None);
    }
}

fn push<S>(scheduler: &Scheduler<S>, task: u32) {
    scheduler.lock().queues().push_back(task, Priority::Normal);
    scheduler.wake();
}

#[test]
fn a_wake_up_is_not_lost() {
    loom::model(|| {
        let scheduler = Arc::new(Scheduler::new(0, Parker::thread(), ()));
        let wakers: Vec<_> = (0..2)
            .map(|task| {
                let scheduler = Arc::clone(&scheduler);
                thread::spawn(move || push(&scheduler, task))
            })
            .collect();
        let sum = pop_or_sleep(&scheduler) + pop_or_sleep(&scheduler);
        assert_eq!(sum, 1);
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}

#[test]
fn a_foreign_thread_is_called_once_per_park() {
    loom::model(|| {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let parker = Parker::foreign(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let scheduler = Arc::new(Scheduler::new(0, parker, ()));
        let wakers: Vec<_> = (0..2)
            .map(|task| {
                let scheduler = Arc::clone(&scheduler);
                thread::spawn(move || push(&scheduler, task))
            })
            .collect();
        let mut guard = scheduler.lock();
        let parked = guard.queues().is_empty();
        if parked {
            guard.announce_park();
        }
        drop(guard);
        for waker in wakers {
            waker.join().unwrap();
        }
        let calls = calls.load(Ordering::Relaxed);
        assert_eq!(calls, usize::from(parked), "parked: {parked}");
        assert_eq!(scheduler.lock().queues().len(), 2);
    });
}
