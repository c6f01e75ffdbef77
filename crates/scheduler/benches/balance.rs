//! What balance, statistics and spinning cost those who run slices. Run with
//! `cargo bench -p viga-scheduler --bench balance`.
//!
//! `publish` and the figures below it are one thread with the words in its own cache; with other threads reading them
//! each also pays for a cache line that travels. `hand_over` is a round trip between two threads, each waiting for the
//! other: by spinning, which needs two free cores, and by parking. Half of it is what a wake-up costs on this
//! machine, and the measure for the budgets of `BusyWait`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use viga_scheduler::{
    BALANCE_PERIOD, Balancer, Emigration, MigrationPaths, Parker, Priority, Scheduler,
    SchedulerLoad, Spinner, Statistics, WallState, WorkRequests, balance,
};

fn uneven(schedulers: usize) -> Vec<SchedulerLoad> {
    (0..schedulers)
        .map(|index| {
            let ready = (index * 37 % 100) as u32;
            SchedulerLoad {
                online: true,
                queued: [0, 0, ready, 0],
                in_hand: 1,
                movable: [0, 0, ready, 0],
                utilization: 1_000_000,
            }
        })
        .collect()
}

fn publication(criterion: &mut Criterion) {
    let statistics = Statistics::default();
    criterion.bench_function("publish/load", |bencher| {
        bencher.iter(|| {
            statistics
                .load()
                .publish(black_box(3), black_box([0, 1, 2, 3]))
        });
    });
    criterion.bench_function("publish/wall_time_turned_twice", |bencher| {
        bencher.iter(|| {
            statistics.wall_time().turn(WallState::Parked);
            statistics.wall_time().turn(WallState::Running);
        });
    });
    criterion.bench_function("publish/wall_time_unturned", |bencher| {
        bencher.iter(|| {
            statistics.wall_time().turn(black_box(WallState::Running));
        });
    });
    criterion.bench_function("read/wall_time", |bencher| {
        bencher.iter(|| statistics.wall_time().sample());
    });
    let paths = MigrationPaths::new(8);
    let plan = balance(&uneven(8), false, 8);
    criterion.bench_function("publish/paths_of_8", |bencher| {
        bencher.iter(|| paths.publish(black_box(1), &plan));
    });
    let mut emigration = Emigration::default();
    criterion.bench_function("read/path", |bencher| {
        bencher.iter(|| emigration.due(&paths, black_box(0)));
    });
    let requests = WorkRequests::new(8);
    criterion.bench_function("read/no_request", |bencher| {
        bencher.iter(|| requests.take(black_box(0)));
    });
    let balancer = Balancer::new(8, true, BALANCE_PERIOD * 1_000);
    criterion.bench_function("read/balance_not_due", |bencher| {
        bencher.iter(|| balancer.check([&statistics]));
    });
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("balance");
    for schedulers in [2, 8, 64] {
        let loads = uneven(schedulers);
        group.bench_function(BenchmarkId::from_parameter(schedulers), |bencher| {
            bencher.iter(|| balance(&loads, false, schedulers));
        });
    }
    group.finish();
}

fn spinning(criterion: &mut Criterion) {
    criterion.bench_function("spin/found_at_once", |bencher| {
        let mut spinner = Spinner::new(Duration::from_micros(40));
        bencher.iter(|| spinner.spin(|| black_box(true)));
    });
    criterion.bench_function("spin/in_vain_adapted_from_40_us", |bencher| {
        let mut spinner = Spinner::new(Duration::from_micros(40));
        bencher.iter(|| spinner.spin(|| black_box(false)));
    });
    criterion.bench_function("hand_over/spin", |bencher| {
        bencher.iter_custom(hand_over_spinning);
    });
    criterion.bench_function("hand_over/park", |bencher| {
        bencher.iter_custom(hand_over_parking);
    });
}

fn hand_over_spinning(times: u64) -> Duration {
    let turn = AtomicU64::new(0);
    let wait_for = |number: u64| {
        let mut spinner = Spinner::new(Duration::from_millis(1));
        while !spinner.spin(|| turn.load(Ordering::Acquire) == number) {}
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..times {
                wait_for(2 * round + 1);
                turn.store(2 * round + 2, Ordering::Release);
            }
        });
        let began = Instant::now();
        for round in 0..times {
            turn.store(2 * round + 1, Ordering::Release);
            wait_for(2 * round + 2);
        }
        began.elapsed()
    })
}

fn hand_over_parking(times: u64) -> Duration {
    let ends: [_; 2] =
        std::array::from_fn(|id| Arc::new(Scheduler::new(id as u32, Parker::thread(), ())));
    let send = |end: &Scheduler<()>| {
        end.lock().queues().push_back(1, Priority::Normal);
        end.wake();
    };
    let receive = |end: &Scheduler<()>| loop {
        let mut guard = end.lock();
        if guard.queues().pop().is_some() {
            return;
        }
        guard.announce_park();
        drop(guard);
        end.sleep(None);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..times {
                receive(&ends[0]);
                send(&ends[1]);
            }
        });
        let began = Instant::now();
        for _ in 0..times {
            send(&ends[0]);
            receive(&ends[1]);
        }
        began.elapsed()
    })
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    targets = publication, plans, spinning
}
criterion_main!(benches);
