//! The pool under load: storms of spawns and wakes, rings, stealing, panics, and shutdown in the middle of it all.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex, OnceLock};

use viga_scheduler::{BusyWait, Context, Pool, PoolConfig, Priority, SliceEnd, Snapshot, TaskRef};

fn pool_of(threads: usize) -> Pool {
    let config = PoolConfig {
        threads,
        ..PoolConfig::default()
    };
    Pool::new(config).unwrap()
}

fn total(pool: &Pool, count: impl Fn(&Snapshot) -> u64) -> u64 {
    pool.statistics().iter().map(count).sum()
}

/// Bodies hold a clone of the sender; the receiver ends when the last of them is dropped.
fn wait_for_all_drops(receiver: &Receiver<()>) {
    while receiver.recv().is_ok() {}
}

#[test]
fn every_task_of_a_spawn_storm_runs_once() {
    for threads in 1..=4 {
        let pool = pool_of(threads);
        let runs = Arc::new(AtomicU64::new(0));
        let (alive, ended) = mpsc::channel();
        spawn_tree(&pool, 12, &runs, &alive);
        drop(alive);
        wait_for_all_drops(&ended);
        assert_eq!(runs.load(Ordering::Relaxed), (1 << 13) - 1);
        pool.shutdown();
        assert_eq!(total(&pool, |seen| seen.slices), (1 << 13) - 1);
        assert_eq!(
            total(&pool, |seen| seen.steals),
            total(&pool, |seen| seen.stolen)
        );
    }
}

/// A task that starts two of the next lower depth.
fn spawn_tree(pool: &Pool, depth: u32, runs: &Arc<AtomicU64>, alive: &Sender<()>) {
    pool.spawn(
        tree(depth, Arc::clone(runs), alive.clone()),
        Priority::Normal,
    );
}

fn tree(
    depth: u32,
    runs: Arc<AtomicU64>,
    alive: Sender<()>,
) -> impl FnMut(&mut Context<'_>) -> SliceEnd + Send {
    move |context| {
        runs.fetch_add(1, Ordering::Relaxed);
        if depth > 0 {
            for _ in 0..2 {
                let child: Box<dyn FnMut(&mut Context<'_>) -> SliceEnd + Send> =
                    Box::new(tree(depth - 1, Arc::clone(&runs), alive.clone()));
                context.spawn(child, Priority::Normal);
            }
        }
        SliceEnd::Exit
    }
}

/// Passes each wake on to the next task, until `hops` have been made in all.
fn start_ring(pool: &Pool, size: usize, hops: u64, done: &Sender<()>) -> Vec<TaskRef> {
    let made = Arc::new(AtomicU64::new(0));
    let ring: Arc<OnceLock<Vec<TaskRef>>> = Arc::default();
    let tasks: Vec<TaskRef> = (0..size)
        .map(|place| {
            let (ring, made, done) = (Arc::clone(&ring), Arc::clone(&made), done.clone());
            let mut first = true;
            pool.spawn(
                move |context: &mut Context<'_>| {
                    if std::mem::take(&mut first) {
                        return SliceEnd::Wait;
                    }
                    if made.fetch_add(1, Ordering::Relaxed) == hops {
                        // The receiver may have seen enough already.
                        let _receiver_gone = done.send(());
                    }
                    if let Some(ring) = ring.get() {
                        context.wake(&ring[(place + 1) % ring.len()]);
                    }
                    SliceEnd::Wait
                },
                Priority::Normal,
            )
        })
        .collect();
    ring.set(tasks.clone()).unwrap();
    tasks
}

#[test]
fn tokens_go_round_a_ring() {
    for (threads, tokens) in [(1, 1), (2, 1), (2, 100), (4, 100)] {
        let pool = pool_of(threads);
        let (done, finished) = mpsc::channel();
        let ring = start_ring(&pool, 1_000, 50_000, &done);
        // A wake that meets a task before its first slice is answered by that slice: keep on till one is through.
        for task in ring.iter().step_by(ring.len() / tokens).cycle() {
            task.wake();
            if finished.try_recv().is_ok() {
                break;
            }
        }
        pool.shutdown();
    }
}

#[test]
fn a_task_behind_a_stuck_slice_is_stolen() {
    let pool = pool_of(2);
    let (done, finished) = mpsc::channel();
    pool.spawn(
        move |context: &mut Context<'_>| {
            // The child lies in this scheduler's queue, and this slice does not end before the child has run.
            let (child_runs, child_ran) = mpsc::channel();
            context.spawn(
                move |_: &mut Context<'_>| {
                    child_runs.send(()).unwrap();
                    SliceEnd::Exit
                },
                Priority::Normal,
            );
            child_ran.recv().unwrap();
            done.send(()).unwrap();
            SliceEnd::Exit
        },
        Priority::Normal,
    );
    finished.recv().unwrap();
    pool.shutdown();
    assert!(total(&pool, |seen| seen.steals) >= 1);
}

#[test]
fn all_threads_come_to_help() {
    let threads = 4;
    let pool = pool_of(threads);
    let meeting = Arc::new(Barrier::new(threads));
    let (alive, ended) = mpsc::channel::<()>();
    pool.spawn(
        move |context: &mut Context<'_>| {
            for _ in 0..threads {
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
    wait_for_all_drops(&ended);
}

#[test]
fn no_wake_of_a_storm_is_lost() {
    for busy_wait in [BusyWait::None, BusyWait::Medium] {
        let config = PoolConfig {
            threads: 2,
            busy_wait,
            ..PoolConfig::default()
        };
        let pool = Pool::new(config).unwrap();
        let (sent, wakers, rounds) = (Arc::new(AtomicU64::new(0)), 4, 5_000);
        let (seen, news) = mpsc::channel();
        let read = Arc::clone(&sent);
        let task = pool.spawn(
            move |_: &mut Context<'_>| {
                seen.send(read.load(Ordering::Relaxed)).unwrap();
                SliceEnd::Wait
            },
            Priority::High,
        );
        let start = Arc::new(Barrier::new(wakers));
        let threads: Vec<_> = (0..wakers)
            .map(|_| {
                let (task, sent, start) = (task.clone(), Arc::clone(&sent), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    for _ in 0..rounds {
                        sent.fetch_add(1, Ordering::Relaxed);
                        task.wake();
                    }
                })
            })
            .collect();
        // The last wake comes after the last addition, so a slice that sees them all must come.
        while news.recv().unwrap() < wakers as u64 * rounds {}
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn parked_threads_are_woken_one_message_at_a_time() {
    let pool = Pool::new(PoolConfig {
        threads: 2,
        busy_wait: BusyWait::None,
        ..PoolConfig::default()
    })
    .unwrap();
    let (ping, pong) = mpsc::channel();
    let task = pool.spawn(
        move |_: &mut Context<'_>| {
            ping.send(()).unwrap();
            SliceEnd::Wait
        },
        Priority::Normal,
    );
    pong.recv().unwrap();
    for _ in 0..2_000 {
        let parks = total(&pool, |seen| seen.parks);
        task.wake();
        pong.recv().unwrap();
        while total(&pool, |seen| seen.parks) == parks {
            std::thread::yield_now();
        }
    }
    pool.shutdown();
    assert!(total(&pool, |seen| seen.wakeups) > 0);
    assert_eq!(total(&pool, |seen| seen.spins), 0);
}

#[test]
fn urgent_tasks_run_first() {
    let pool = pool_of(1);
    let (order, seen) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    pool.spawn(
        move |_: &mut Context<'_>| {
            gate.lock().unwrap().recv().unwrap();
            SliceEnd::Exit
        },
        Priority::Max,
    );
    for priority in Priority::ALL.into_iter().rev() {
        let order = order.clone();
        pool.spawn(
            move |_: &mut Context<'_>| {
                order.send(priority).unwrap();
                SliceEnd::Exit
            },
            priority,
        );
    }
    drop(order);
    go.send(()).unwrap();
    assert_eq!(seen.iter().collect::<Vec<_>>(), Priority::ALL);
}

#[test]
fn a_body_that_panics_ends_only_itself() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let reported = Arc::clone(&reports);
    let pool = Pool::new(PoolConfig {
        threads: 1,
        on_panic: Some(Arc::new(move |panic| {
            reported.lock().unwrap().push(panic.clone());
        })),
        ..PoolConfig::default()
    })
    .unwrap();
    let (alive, ended) = mpsc::channel::<()>();
    let victim = pool.spawn(
        move |_: &mut Context<'_>| {
            let _alive = &alive;
            panic!("body {} gives up", 7)
        },
        Priority::Normal,
    );
    wait_for_all_drops(&ended);
    let (answer, answered) = mpsc::channel();
    pool.spawn(
        move |_: &mut Context<'_>| {
            answer.send(()).unwrap();
            SliceEnd::Exit
        },
        Priority::Normal,
    );
    answered.recv().unwrap();
    pool.shutdown();
    let reports = reports.lock().unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (reports[0].task, reports[0].message.as_str()),
        (victim.id(), "body 7 gives up")
    );
    assert_eq!(total(&pool, |seen| seen.panics), 1);
    assert!(!victim.is_alive());
}

#[test]
fn a_body_whose_drop_panics_ends_only_itself() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let pool = Pool::new(PoolConfig {
        threads: 2,
        on_panic: Some(Arc::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })),
        ..PoolConfig::default()
    })
    .unwrap();
    for end in [SliceEnd::Exit, SliceEnd::Wait] {
        let bomb = Bomb;
        pool.spawn(
            move |_: &mut Context<'_>| {
                let _held = &bomb;
                end
            },
            Priority::Normal,
        );
    }
    pool.shutdown();
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn shutdown_in_the_middle_drops_every_body() {
    for round in 0..30 {
        let pool = Arc::new(pool_of(1 + round % 3));
        let (alive, ended) = mpsc::channel();
        for _ in 0..50 {
            spawn_tree(&pool, 40, &Arc::default(), &alive);
        }
        let waiting = alive.clone();
        let task = pool.spawn(
            move |_: &mut Context<'_>| {
                waiting.send(()).unwrap();
                SliceEnd::Wait
            },
            Priority::High,
        );
        ended.recv().unwrap();
        drop(alive);
        let closers: Vec<_> = (0..2)
            .map(|_| {
                let pool = Arc::clone(&pool);
                std::thread::spawn(move || pool.shutdown())
            })
            .collect();
        for closer in closers {
            closer.join().unwrap();
        }
        assert!(!task.is_alive());
        task.wake();
        wait_for_all_drops(&ended);
        let refused = pool.spawn(|_: &mut Context<'_>| SliceEnd::Wait, Priority::Normal);
        assert!(!refused.is_alive());
    }
}

#[test]
fn a_body_may_drop_the_last_reference_to_its_pool() {
    for _ in 0..50 {
        let pool = Arc::new(pool_of(2));
        let (done, finished) = mpsc::channel();
        let (give, take) = mpsc::channel::<Arc<Pool>>();
        let take = Mutex::new(take);
        pool.spawn(
            move |_: &mut Context<'_>| {
                drop(take.lock().unwrap().recv().unwrap());
                done.send(()).unwrap();
                SliceEnd::Exit
            },
            Priority::Normal,
        );
        give.send(pool).unwrap();
        finished.recv().unwrap();
        assert!(finished.recv().is_err(), "the body is dropped");
    }
}

#[test]
fn pools_start_and_stop_again_and_again() {
    for round in 0..200 {
        let pool = pool_of(1 + round % 4);
        let ran = Arc::new(AtomicBool::new(false));
        let (flag, (alive, ended)) = (Arc::clone(&ran), mpsc::channel::<()>());
        pool.spawn(
            move |_: &mut Context<'_>| {
                let _alive = &alive;
                flag.store(true, Ordering::Relaxed);
                SliceEnd::Exit
            },
            Priority::Low,
        );
        wait_for_all_drops(&ended);
        assert!(ran.load(Ordering::Relaxed));
        pool.shutdown();
    }
}

#[test]
fn statistics_tell_what_was_done() {
    let pool = pool_of(1);
    let (alive, ended) = mpsc::channel::<()>();
    let mut slices = 0;
    pool.spawn(
        move |context: &mut Context<'_>| {
            let _alive = &alive;
            context.charge(100);
            slices += 1;
            if slices == 10 {
                SliceEnd::Exit
            } else {
                SliceEnd::Yield
            }
        },
        Priority::Normal,
    );
    wait_for_all_drops(&ended);
    pool.shutdown();
    let seen = pool.statistics()[0];
    assert_eq!(
        (seen.slices, seen.reductions, seen.context_switches),
        (10, 1_000, 1)
    );
    assert!(seen.wall.running_nanoseconds > 0);
}
