//! Foreign threads in a pool: seats, the call that ends a park, stealing in both directions, leaving, shutdown.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier};

use viga_scheduler::{
    AdoptError, Adopted, BusyWait, Context, Picked, Pool, PoolConfig, Priority, SliceEnd,
};

fn pool_of(threads: usize, seats: usize) -> Arc<Pool> {
    let config = PoolConfig {
        threads,
        seats,
        busy_wait: BusyWait::VeryShort,
        on_panic: None,
    };
    Arc::new(Pool::new(config).unwrap())
}

/// A stand-in for an event loop: the channel is what the thread waits on.
struct EventLoop {
    adopted: Adopted,
    calls: Receiver<()>,
}

impl EventLoop {
    fn join(pool: &Pool) -> Self {
        let (bell, calls) = mpsc::channel();
        let ring = move || {
            // The call may come when this thread has left.
            let _nobody_waits = bell.send(());
        };
        let adopted = pool.adopt(ring).unwrap();
        EventLoop { adopted, calls }
    }

    /// Runs what is ready. Returns whether the pool is still open.
    fn turn(&mut self) -> bool {
        loop {
            match self.adopted.pick() {
                Picked::Task(mut slice) => {
                    slice.run();
                    slice.settle();
                }
                Picked::Parked => return true,
                Picked::Closed => return false,
            }
        }
    }

    fn run_until_closed(&mut self) {
        while self.turn() {
            self.calls.recv().unwrap();
        }
    }
}

fn exit_and_count(count: &Arc<AtomicU64>) -> impl FnMut(&mut Context<'_>) -> SliceEnd + use<> {
    let count = Arc::clone(count);
    move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        SliceEnd::Exit
    }
}

#[test]
fn a_park_is_answered_by_one_call() {
    let pool = pool_of(0, 1);
    let mut event_loop = EventLoop::join(&pool);
    let count = Arc::new(AtomicU64::new(0));
    for round in 1..=100 {
        assert!(event_loop.turn());
        for _ in 0..10 {
            pool.spawn(exit_and_count(&count), Priority::Normal);
        }
        assert!(event_loop.calls.try_recv().is_ok());
        assert!(event_loop.calls.try_recv().is_err(), "one call a park");
        assert!(event_loop.turn());
        assert_eq!(count.load(Ordering::Relaxed), round * 10);
    }
}

#[test]
fn an_owner_that_comes_back_on_its_own_is_not_called() {
    let pool = pool_of(0, 1);
    let mut event_loop = EventLoop::join(&pool);
    assert!(event_loop.turn());
    let task = pool.spawn(|_: &mut Context<'_>| SliceEnd::Wait, Priority::Normal);
    assert!(event_loop.calls.try_recv().is_ok());
    let Picked::Task(mut slice) = event_loop.adopted.pick() else {
        panic!("a task is ready");
    };
    task.wake();
    assert_eq!(slice.run(), SliceEnd::Wait);
    slice.settle();
    assert!(event_loop.calls.try_recv().is_err(), "it was awake");
    assert!(
        matches!(event_loop.adopted.pick(), Picked::Task(_)),
        "the wake is answered"
    );
}

#[test]
fn seats_are_counted_and_given_back() {
    let pool = pool_of(1, 1);
    let first = pool.adopt(|| ()).unwrap();
    assert_eq!(first.scheduler_id(), 1);
    let refused = pool.adopt(|| ()).unwrap_err();
    assert_eq!(refused, AdoptError::NoSeat { seats: 1 });
    assert_eq!(refused.code(), "no_seat");
    drop(first);
    let second = pool.adopt(|| ()).unwrap();
    pool.shutdown();
    drop(second);
    assert_eq!(pool.adopt(|| ()).unwrap_err(), AdoptError::PoolClosing);
}

#[test]
fn tasks_of_a_seat_that_is_given_up_go_on_elsewhere() {
    let pool = pool_of(0, 2);
    let count = Arc::new(AtomicU64::new(0));
    let mut stays = EventLoop::join(&pool);
    let leaves = EventLoop::join(&pool);
    for _ in 0..100 {
        pool.spawn(exit_and_count(&count), Priority::Normal);
    }
    drop(leaves);
    assert!(stays.turn());
    assert_eq!(count.load(Ordering::Relaxed), 100);
}

#[test]
fn tasks_wait_for_the_next_holder_of_a_seat() {
    let pool = pool_of(0, 2);
    let count = Arc::new(AtomicU64::new(0));
    let only = EventLoop::join(&pool);
    for _ in 0..100 {
        pool.spawn(exit_and_count(&count), Priority::Normal);
    }
    drop(only);
    for _ in 0..100 {
        pool.spawn(exit_and_count(&count), Priority::Normal);
    }
    let mut next = EventLoop::join(&pool);
    assert!(next.turn());
    assert_eq!(count.load(Ordering::Relaxed), 200);
}

#[test]
fn a_slice_that_is_dropped_unrun_goes_back_to_the_queue() {
    let pool = pool_of(0, 1);
    let count = Arc::new(AtomicU64::new(0));
    let mut event_loop = EventLoop::join(&pool);
    pool.spawn(exit_and_count(&count), Priority::Normal);
    drop(event_loop.adopted.pick());
    assert_eq!(count.load(Ordering::Relaxed), 0);
    assert!(event_loop.turn());
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[test]
fn foreign_threads_help_and_are_helped() {
    let pool = pool_of(1, 2);
    let meeting = Arc::new(Barrier::new(3));
    let foreign: Vec<_> = (0..2)
        .map(|_| {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || EventLoop::join(&pool).run_until_closed())
        })
        .collect();
    let (alive, ended) = mpsc::channel::<()>();
    // Three tasks in one queue, and none goes on before all three run: every scheduler must take one.
    pool.spawn(
        move |context: &mut Context<'_>| {
            for _ in 0..3 {
                let (meeting, alive) = (Arc::clone(&meeting), alive.clone());
                context.spawn(
                    move |_: &mut Context<'_>| {
                        let _alive = &alive;
                        meeting.wait();
                        SliceEnd::Exit
                    },
                    Priority::Normal,
                );
            }
            SliceEnd::Exit
        },
        Priority::Normal,
    );
    assert!(ended.recv().is_err(), "all bodies ran and were dropped");
    pool.shutdown();
    for thread in foreign {
        thread.join().unwrap();
    }
}

/// Nobody is called while somebody looks; so the one that looked must make up for it when it is through.
#[test]
fn a_thief_that_leaves_a_task_behind_calls_the_next_one() {
    let pool = pool_of(0, 3);
    let [mut owner, mut thief, mut next] = std::array::from_fn(|_| EventLoop::join(&pool));
    assert!(thief.turn() && next.turn(), "both are parked");
    pool.spawn(
        |context: &mut Context<'_>| {
            for _ in 0..2 {
                context.spawn(|_: &mut Context<'_>| SliceEnd::Exit, Priority::Normal);
            }
            SliceEnd::Wait
        },
        Priority::Normal,
    );
    let Picked::Task(mut stuck) = owner.adopted.pick() else {
        panic!("the task was queued here");
    };
    stuck.run();
    assert!(thief.calls.try_recv().is_ok(), "two tasks wait");
    assert!(next.calls.try_recv().is_err(), "the thief is on its way");
    let Picked::Task(_taken) = thief.adopted.pick() else {
        panic!("two tasks wait");
    };
    assert!(next.calls.try_recv().is_ok(), "one still waits");
    assert!(matches!(next.adopted.pick(), Picked::Task(_)));
}

#[test]
fn shutdown_in_the_middle_of_a_foreign_slice_drops_its_body_when_it_settles() {
    let pool = pool_of(0, 1);
    let mut event_loop = EventLoop::join(&pool);
    let (alive, ended) = mpsc::channel::<()>();
    let task = pool.spawn(
        move |_: &mut Context<'_>| {
            let _alive = &alive;
            SliceEnd::Wait
        },
        Priority::Normal,
    );
    let Picked::Task(mut slice) = event_loop.adopted.pick() else {
        panic!("a task is ready");
    };
    pool.shutdown();
    assert!(!task.is_alive());
    slice.run();
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
    slice.settle();
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert!(!event_loop.turn());
}

#[test]
fn a_panic_in_a_foreign_slice_stays_in_it() {
    let pool = pool_of(0, 1);
    let mut event_loop = EventLoop::join(&pool);
    let task = pool.spawn(|_: &mut Context<'_>| panic!("gives up"), Priority::Normal);
    let Picked::Task(mut slice) = event_loop.adopted.pick() else {
        panic!("a task is ready");
    };
    assert_eq!(slice.run(), SliceEnd::Exit);
    slice.settle();
    assert!(!task.is_alive());
    assert!(event_loop.turn());
}
