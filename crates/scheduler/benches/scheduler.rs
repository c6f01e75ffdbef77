//! What the scheduler itself costs, without Node: native bodies that do nothing but make scheduling happen.
//!
//! They show the floor under every process, and nothing about messages, JavaScript or real work. `lock` is one
//! thread with the lock to itself. `spawn_and_exit` and `ring` run whole batches, so their figures contain waking
//! the pool once for each; `ring` figures are hops, each a wake, a pick, a slice and a settlement. With more threads
//! than one a ring also contains stealing, and depends on how many cores are free.
//!
//! Run with `cargo bench -p viga-scheduler`.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use viga_scheduler::{
    Context, Parker, Pool, PoolConfig, Priority, RunQueues, Scheduler, SliceEnd, TaskRef,
};

const RING: usize = 1_000;
const HOPS: u64 = 100_000;
const SPAWNS: u64 = 10_000;

fn pool_of(threads: usize) -> Pool {
    let config = PoolConfig {
        threads,
        ..PoolConfig::default()
    };
    Pool::new(config).expect("the pool starts")
}

fn lock(criterion: &mut Criterion) {
    let scheduler = Scheduler::new(0, Parker::thread(), ());
    criterion.bench_function("lock_push_pop", |bencher| {
        bencher.iter(|| {
            let mut guard = scheduler.lock();
            let queues = guard.queues();
            queues.push_back(black_box(1), Priority::Normal);
            black_box(queues.pop())
        });
    });
    criterion.bench_function("lock_push_wake_lock_pop", |bencher| {
        bencher.iter(|| {
            scheduler
                .lock()
                .queues()
                .push_back(black_box(1), Priority::Normal);
            scheduler.wake();
            black_box(scheduler.lock().queues().pop())
        });
    });
    let mut queues = RunQueues::new();
    criterion.bench_function("push_pop", |bencher| {
        bencher.iter(|| {
            queues.push_back(black_box(1), Priority::Normal);
            black_box(queues.pop())
        });
    });
}

fn steal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("steal_half");
    for tasks in [2_u32, 64, 2_000] {
        group.throughput(Throughput::Elements(u64::from(tasks) / 2));
        let scheduler = Scheduler::new(0, Parker::thread(), ());
        let mut loot = Vec::new();
        for task in 0..tasks {
            scheduler.lock().queues().push_back(task, Priority::Normal);
        }
        group.bench_function(BenchmarkId::from_parameter(tasks), |bencher| {
            bencher.iter(|| {
                let mut guard = scheduler.lock();
                guard.queues().steal_half(&mut loot, |_| true);
                for (task, priority) in loot.drain(..) {
                    guard.queues().push_back(task, priority);
                }
            });
        });
    }
    group.finish();
}

fn spawn_and_exit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spawn_and_exit");
    group.throughput(Throughput::Elements(SPAWNS));
    for threads in [1, 2] {
        let pool = pool_of(threads);
        group.bench_function(BenchmarkId::new("threads", threads), |bencher| {
            bencher.iter(|| {
                let (alive, ended) = mpsc::channel::<()>();
                pool.spawn(spawner(SPAWNS, alive), Priority::Normal);
                ended.recv()
            });
        });
    }
    group.finish();
}

/// A body that starts the next one, until `left` have been started; the last one drops the sender.
fn spawner(
    left: u64,
    alive: mpsc::Sender<()>,
) -> Box<dyn FnMut(&mut Context<'_>) -> SliceEnd + Send> {
    let mut alive = Some(alive);
    Box::new(move |context| {
        if let Some(alive) = alive.take()
            && left > 0
        {
            context.spawn(spawner(left - 1, alive), Priority::Normal);
        }
        SliceEnd::Exit
    })
}

struct Ring {
    tasks: Vec<TaskRef>,
    hops_left: Arc<AtomicU64>,
    through: mpsc::Receiver<()>,
    _pool: Pool,
}

/// Which scheduler starts the ring's tasks, and so runs them until somebody steals them.
#[derive(Clone, Copy)]
enum Placement {
    /// One body starts them all, as a process of Erlang's would.
    Together,
    /// In turn, so that each hop goes to another scheduler.
    Apart,
}

impl Ring {
    fn new(threads: usize, placement: Placement) -> Self {
        let pool = pool_of(threads);
        let (done, through) = mpsc::channel();
        let hops_left = Arc::new(AtomicU64::new(0));
        let ring: Arc<OnceLock<Vec<TaskRef>>> = Arc::default();
        let bodies: Vec<_> = (0..RING)
            .map(|place| {
                hop(
                    place,
                    Arc::clone(&ring),
                    Arc::clone(&hops_left),
                    done.clone(),
                )
            })
            .collect();
        let tasks: Vec<TaskRef> = match placement {
            Placement::Apart => bodies
                .into_iter()
                .map(|body| pool.spawn(body, Priority::Normal))
                .collect(),
            Placement::Together => start_from_one_body(&pool, bodies),
        };
        ring.set(tasks.clone()).expect("set once");
        through.iter().take(RING).for_each(drop);
        Ring {
            tasks,
            hops_left,
            through,
            _pool: pool,
        }
    }

    fn run(&self, tokens: usize) -> Duration {
        self.hops_left.store(HOPS, Ordering::Relaxed);
        let began = Instant::now();
        for task in self.tasks.iter().step_by(RING / tokens) {
            task.wake();
        }
        self.through.recv().expect("the ring runs");
        began.elapsed()
    }
}

type Hop = Box<dyn FnMut(&mut Context<'_>) -> SliceEnd + Send>;

/// Reports its first slice, and passes every wake after that on to the next task.
fn hop(
    place: usize,
    ring: Arc<OnceLock<Vec<TaskRef>>>,
    hops_left: Arc<AtomicU64>,
    done: mpsc::Sender<()>,
) -> Hop {
    let mut started = false;
    Box::new(move |context| {
        if !std::mem::replace(&mut started, true) {
            done.send(()).expect("the bench waits");
            return SliceEnd::Wait;
        }
        let before = hops_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        });
        match (before, ring.get()) {
            (Ok(1), _) => done.send(()).expect("the bench waits"),
            (Ok(_), Some(ring)) => context.wake(&ring[(place + 1) % RING]),
            _ => {}
        }
        SliceEnd::Wait
    })
}

fn start_from_one_body(pool: &Pool, bodies: Vec<Hop>) -> Vec<TaskRef> {
    let (give, take) = mpsc::channel();
    let mut bodies = Some(bodies);
    let starter = move |context: &mut Context<'_>| {
        let bodies = bodies.take().into_iter().flatten();
        let tasks = bodies.map(|body| context.spawn(body, Priority::Normal));
        give.send(tasks.collect()).expect("the bench waits");
        SliceEnd::Exit
    };
    pool.spawn(starter, Priority::Normal);
    take.recv().expect("the starter runs")
}

fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring_of_1000");
    group.throughput(Throughput::Elements(HOPS));
    for (name, threads, placement) in [
        ("one_thread", 1, Placement::Together),
        ("two_threads", 2, Placement::Together),
        ("two_threads_apart", 2, Placement::Apart),
    ] {
        for tokens in [1, 100] {
            let ring = Ring::new(threads, placement);
            group.bench_function(BenchmarkId::new(name, tokens), |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| ring.run(tokens)).sum());
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = lock, steal, spawn_and_exit, ring
}
criterion_main!(benches);
