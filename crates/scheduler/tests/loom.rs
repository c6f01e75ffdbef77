//! Models of the protocols, walked by loom through the orders of their steps.
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release -p viga-scheduler --test loom`.
//!
//! The models of one lock and one word are walked through every order. Those of a whole pool are walked through every
//! order with at most [`PREEMPTIONS`] preemptions: a bound that loom's documentation recommends for models of this
//! size. What it leaves out is orders in which threads are interrupted more often than that.
#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::Notify;
use loom::sync::atomic::AtomicBool;
use loom::thread;
use viga_scheduler::{
    Adopted, BalancePlan, BusyWait, Context, Lane, MigrationClass, MigrationPath, MigrationPaths,
    Parker, Picked, Pool, PoolConfig, Priority, Scheduler, SliceEnd, WorkRequests,
};

const PREEMPTIONS: usize = 3;

fn pool_model(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 10_000;
    builder.check(model);
}

fn pool(threads: usize, seats: usize) -> Arc<Pool> {
    let config = PoolConfig {
        threads,
        seats,
        busy_wait: BusyWait::None,
        on_panic: None,
    };
    Arc::new(Pool::new(config).unwrap())
}

/// A foreign event loop: a thread that can be called.
struct EventLoop {
    adopted: Adopted,
    bell: Arc<Notify>,
}

impl EventLoop {
    fn join(pool: &Pool) -> Self {
        let bell = Arc::new(Notify::new());
        let rung = Arc::clone(&bell);
        let adopted = pool.adopt(move || rung.notify()).unwrap();
        EventLoop { adopted, bell }
    }

    /// Runs the next slice and settles it. Nothing when the pool has closed.
    fn turn(&mut self) -> Option<SliceEnd> {
        loop {
            match self.adopted.pick() {
                Picked::Task(mut slice) => {
                    let end = slice.run();
                    slice.settle();
                    return Some(end);
                }
                Picked::Parked => self.bell.wait(),
                Picked::Closed => return None,
            }
        }
    }
}

/// Counts its own drop.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

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
        let waker = thread::spawn({
            let scheduler = Arc::clone(&scheduler);
            move || {
                push(&scheduler, 1);
                push(&scheduler, 2);
            }
        });
        assert_eq!(pop_or_sleep(&scheduler), 1);
        assert_eq!(pop_or_sleep(&scheduler), 2);
        waker.join().unwrap();
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

/// The message is written relaxed: that the slice sees it is the work of `wake` and of the state word alone.
#[test]
fn a_wake_against_a_settle_is_answered_by_a_slice_that_sees_the_message() {
    pool_model(|| {
        let pool = pool(0, 1);
        let mut event_loop = EventLoop::join(&pool);
        let message = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&message);
        let task = pool.spawn(
            move |_: &mut Context<'_>| match seen.load(Ordering::Relaxed) {
                true => SliceEnd::Exit,
                false => SliceEnd::Wait,
            },
            Priority::Normal,
        );
        let waker = thread::spawn(move || {
            message.store(true, Ordering::Relaxed);
            task.wake();
        });
        while event_loop.turn() != Some(SliceEnd::Exit) {}
        waker.join().unwrap();
        pool.shutdown();
    });
}

#[test]
fn stealing_neither_loses_nor_duplicates_a_task() {
    pool_model(|| {
        let pool = pool(0, 2);
        let runs = Arc::new(AtomicUsize::new(0));
        let mut owner = EventLoop::join(&pool);
        for _ in 0..3 {
            let runs = Arc::clone(&runs);
            pool.spawn(
                move |_: &mut Context<'_>| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    SliceEnd::Exit
                },
                Priority::Normal,
            );
        }
        let thief = thread::spawn({
            let pool = Arc::clone(&pool);
            move || run_while_ready(&mut EventLoop::join(&pool).adopted)
        });
        run_while_ready(&mut owner.adopted);
        thief.join().unwrap();
        run_while_ready(&mut owner.adopted);
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    });
}

fn run_while_ready(adopted: &mut Adopted) {
    while let Picked::Task(mut slice) = adopted.pick() {
        slice.run();
    }
}

#[test]
fn a_thief_that_parks_is_called_for_work_that_its_owner_leaves() {
    pool_model(|| {
        let pool = pool(0, 2);
        let mut owner = EventLoop::join(&pool);
        pool.spawn(
            |context: &mut Context<'_>| {
                for _ in 0..3 {
                    context.spawn(|_: &mut Context<'_>| SliceEnd::Exit, Priority::Normal);
                }
                SliceEnd::Wait
            },
            Priority::Normal,
        );
        let Picked::Task(mut slice) = owner.adopted.pick() else {
            panic!("the task was queued here, the only open seat");
        };
        let thief = thread::spawn({
            let pool = Arc::clone(&pool);
            move || EventLoop::join(&pool).turn()
        });
        slice.run();
        assert_eq!(thief.join().unwrap(), Some(SliceEnd::Exit));
        slice.settle();
    });
}

/// Dropped by the task's end, whichever thread that is on.
struct RingsWhenDropped(Arc<Notify>);

impl Drop for RingsWhenDropped {
    fn drop(&mut self) {
        self.0.notify();
    }
}

#[test]
fn a_thread_that_parks_is_woken_for_a_task_and_for_shutdown() {
    pool_model(|| {
        let pool = pool(1, 0);
        let ended = Arc::new(Notify::new());
        let rings = RingsWhenDropped(Arc::clone(&ended));
        pool.spawn(
            move |_: &mut Context<'_>| {
                let _held = &rings;
                SliceEnd::Exit
            },
            Priority::Normal,
        );
        ended.wait();
        pool.shutdown();
    });
}

#[test]
fn shutdown_finds_a_thread_that_parks() {
    pool_model(|| {
        let pool = pool(1, 0);
        pool.shutdown();
        pool.shutdown();
    });
}

#[test]
fn shutdown_calls_a_foreign_thread_that_parks() {
    pool_model(|| {
        let pool = pool(0, 1);
        let mut event_loop = EventLoop::join(&pool);
        let closer = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.shutdown()
        });
        assert_eq!(event_loop.turn(), None);
        closer.join().unwrap();
    });
}

#[test]
fn a_body_spawned_while_the_pool_shuts_down_is_dropped_once() {
    pool_model(|| {
        let pool = pool(0, 1);
        let drops = Arc::new(AtomicUsize::new(0));
        let mut event_loop = EventLoop::join(&pool);
        let spawner = thread::spawn({
            let pool = Arc::clone(&pool);
            let dropped = Dropped(Arc::clone(&drops));
            move || {
                let body = move |_: &mut Context<'_>| {
                    let _held = &dropped;
                    SliceEnd::Wait
                };
                pool.spawn(body, Priority::Normal);
            }
        });
        let closer = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.shutdown()
        });
        while event_loop.turn().is_some() {}
        spawner.join().unwrap();
        closer.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    });
}

/// A request goes to whoever is first: the victim that takes it or the thief that takes it back.
#[test]
fn a_request_for_work_is_ended_once() {
    loom::model(|| {
        let requests = Arc::new(WorkRequests::new(1));
        assert!(requests.ask(0, 2));
        let victim = thread::spawn({
            let requests = Arc::clone(&requests);
            move || requests.take(0)
        });
        let withdrawn = requests.withdraw(0, 2);
        let taken = victim.join().unwrap();
        assert_eq!(taken, (!withdrawn).then_some(2));
        assert!(requests.ask(0, 1), "the word is free again");
    });
}

/// What the thief wrote before it asked, relaxed, is seen by the victim: the request alone orders it. Of two
/// thieves one stands.
#[test]
fn a_victim_sees_what_the_thief_did_before_it_asked() {
    loom::model(|| {
        let requests = Arc::new(WorkRequests::new(1));
        let ready: Arc<[AtomicBool; 2]> =
            Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let thieves: Vec<_> = (0..2)
            .map(|thief| {
                let (requests, ready) = (Arc::clone(&requests), Arc::clone(&ready));
                thread::spawn(move || {
                    ready[thief].store(true, Ordering::Relaxed);
                    requests.ask(0, thief)
                })
            })
            .collect();
        let early = requests.take(0);
        if let Some(thief) = early {
            assert!(ready[thief].load(Ordering::Relaxed));
        }
        let asked = thieves.into_iter().map(|thief| thief.join().unwrap());
        let asked = asked.filter(|stood| *stood).count();
        let taken = [early, requests.take(0)].iter().flatten().count();
        assert_eq!(taken, asked, "every request that stood was found once");
    });
}

/// A giver reads a path as it was published, never parts of two.
#[test]
fn a_migration_path_is_read_whole() {
    loom::model(|| {
        let path = |target, limit| {
            Some(MigrationPath {
                target,
                limit,
                class: MigrationClass::Any,
            })
        };
        let plan = |paths| BalancePlan {
            paths,
            resting: vec![false],
            active: 1,
        };
        let paths = Arc::new(MigrationPaths::new(1));
        let publisher = thread::spawn({
            let paths = Arc::clone(&paths);
            move || {
                paths.publish(1, &plan(vec![path(3, 7)]));
                paths.publish(2, &plan(vec![path(5, 9)]));
            }
        });
        let seen = paths.path(0);
        let allowed = [(0, None), (1, path(3, 7)), (2, path(5, 9))];
        assert!(allowed.contains(&seen), "{seen:?}");
        publisher.join().unwrap();
        assert_eq!(paths.path(0), (2, path(5, 9)));
    });
}

/// Items pass from one block to the next (a block has two under loom) in order, whole, and none is lost.
#[test]
fn a_lane_keeps_items_and_their_order() {
    loom::model(|| {
        let lane = Arc::new(Lane::new());
        let sender = thread::spawn({
            let lane = Arc::clone(&lane);
            // SAFETY: this thread alone sends.
            move || (0..3).for_each(|item| unsafe { lane.push(Box::new(item)) })
        });
        let mut received = Vec::new();
        // SAFETY: this thread alone receives.
        received.extend(unsafe { lane.pop() });
        sender.join().unwrap();
        // SAFETY: as above.
        received.extend(std::iter::from_fn(|| unsafe { lane.pop() }));
        assert!(received.iter().map(|item| **item).eq(0..3), "{received:?}");
    });
}

/// What is sent in a lane wakes a scheduler that parks, or is seen before it does.
#[test]
fn a_wake_up_for_a_lane_is_not_lost() {
    loom::model(|| {
        let scheduler = Arc::new(Scheduler::new(1, Parker::thread(), ()));
        let lane = Arc::new(Lane::new());
        let sender = thread::spawn({
            let (scheduler, lane) = (Arc::clone(&scheduler), Arc::clone(&lane));
            move || {
                // SAFETY: this thread alone sends.
                unsafe { lane.push(7) };
                scheduler.wake_for_lane();
            }
        });
        let received = loop {
            // SAFETY: this thread alone receives.
            if let Some(item) = unsafe { lane.pop() } {
                break item;
            }
            scheduler.lock().announce_park();
            // SAFETY: as above.
            if scheduler.still_parks(|| unsafe { lane.has_some() }) {
                scheduler.sleep(None);
            }
        };
        assert_eq!(received, 7);
        sender.join().unwrap();
    });
}
