//! What the core itself costs: an executor without bodies plays the isolate's side, so the figures contain the lock, the
//! crossing and the control block, and nothing of JavaScript, of N-API or of copying messages.
//!
//! Each figure is one operation: a spawn with its first slice and its end in the outbox; a round trip of two processes, two sends
//! and two slices; a message appended to a mailbox and taken, a hundred at a time; a call with request, reply and outcome, two slices;
//! a monitor set and ended; a timer set and cancelled.
//!
//! Run with `cargo bench -p viga-runtime`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use viga_runtime::control_block::{
    BATCH, KEEP_TIMEOUT, NO_TIMEOUT, OUTBOX, RELEASED, WORDS, command, entry, header,
};
use viga_runtime::executor::{Wake, slice_end};
use viga_runtime::handles::constant;
use viga_runtime::monitor::AliasMode;
use viga_runtime::{ControlBlock, Domain, Pid, Spawn, System};
use viga_scheduler::{Parker, Priority, RunQueues};

const ROOT: Pid = Pid {
    index: 0,
    serial: 0,
};

/// Any handle that is counted by nobody: the benches send one message again and again.
const MESSAGE: u32 = 16;

/// The isolate's side of the slice protocol.
struct Executor {
    system: System,
    block: ControlBlock,
    _words: Box<[i32]>,
}

impl Executor {
    fn new() -> Self {
        let mut words = vec![0; WORDS].into_boxed_slice();
        // SAFETY: the words live as long as the executor and are touched through the view alone.
        let block = unsafe { ControlBlock::new(words.as_mut_ptr()) };
        let system = System::new(1 << 20, Parker::thread(), |_| {});
        system.attach(0, block);
        Executor {
            system,
            block,
            _words: words,
        }
    }

    fn cross<T>(&self, body: impl FnOnce(&mut RunQueues, &mut Domain) -> T) -> T {
        let mut guard = self.system.lock();
        let (queues, domain) = guard.split();
        domain.sync(queues, &self.block);
        body(queues, domain)
    }

    fn spawn(&self) -> Pid {
        let spawn = Spawn {
            parent: ROOT,
            priority: Priority::Normal,
        };
        self.cross(|queues, domain| domain.spawn(queues, spawn))
            .expect("there is room")
    }

    fn put<const N: usize>(&self, words: [i32; N]) {
        let len = self.block.get(header::OUTBOX_LEN) as usize;
        for (place, word) in words.into_iter().enumerate() {
            self.block.set(OUTBOX + len + place, word);
        }
        self.block.set(header::OUTBOX_LEN, (len + N) as i32);
    }

    fn send(&self, to: Pid) {
        self.put([
            command::SEND,
            to.index as i32,
            to.serial as i32,
            MESSAGE as i32,
        ]);
    }

    /// One batch. `slice` is told index, wake and messages handed out, takes all of them, and gives the slice's end.
    fn run_batch(&self, mut slice: impl FnMut(&Self, u32, i32, i32) -> i32) -> bool {
        self.system.next(0, &self.block);
        let block = &self.block;
        for place in 0..block.get(header::RELEASED_LEN) as usize {
            black_box(block.get(RELEASED + place));
        }
        let len = block.get(header::BATCH_LEN);
        block.set(header::IN_SLICE, 1);
        for place in 0..len {
            block.set(header::BATCH_DONE, place);
            let words = BATCH + place as usize * entry::WORDS;
            let taken = block.get(words + entry::WINDOW_LEN);
            let index = block.get(words + entry::INDEX) as u32;
            let end = slice(self, index, block.get(words + entry::WAKE), taken);
            block.set(words + entry::END, end);
            block.set(words + entry::TAKEN, taken);
            block.set(words + entry::HELD, 0);
            block.set(words + entry::REDUCTIONS, 1);
            block.set(words + entry::TIMEOUT, KEEP_TIMEOUT);
        }
        block.set(header::BATCH_DONE, len);
        block.set(header::IN_SLICE, 0);
        len != 0
    }

    fn settle(&self) {
        while self.run_batch(|_, _, _, _| slice_end::WAIT) {}
    }
}

fn runtime(criterion: &mut Criterion) {
    criterion.bench_function("spawn_and_exit", |bencher| {
        let executor = Executor::new();
        bencher.iter(|| {
            let pid = executor.spawn();
            executor.run_batch(|executor, _, _, _| {
                let reason = constant::NORMAL as i32;
                executor.put([command::EXIT, pid.index as i32, pid.serial as i32, reason]);
                slice_end::EXIT
            });
        });
    });

    criterion.bench_function("round_trip", |bencher| {
        let executor = Executor::new();
        let (one, other) = (executor.spawn(), executor.spawn());
        executor.settle();
        executor.send(one);
        bencher.iter(|| {
            for _ in 0..2 {
                executor.run_batch(|executor, index, _, _| {
                    executor.send(if index == one.index { other } else { one });
                    slice_end::WAIT
                });
            }
        });
    });

    criterion.bench_function("send_and_take", |bencher| {
        const MESSAGES: u32 = 100;
        let executor = Executor::new();
        let pid = executor.spawn();
        executor.settle();
        let system = &executor.system;
        bencher.iter_custom(|rounds| {
            let start = std::time::Instant::now();
            for _ in 0..rounds.div_ceil(u64::from(MESSAGES)) {
                let mut guard = system.lock();
                let (queues, domain) = guard.split();
                for handle in 0..MESSAGES {
                    domain.send(queues, pid, MESSAGE + handle);
                }
                drop(guard);
                executor.settle();
            }
            start.elapsed()
        });
    });

    criterion.bench_function("call_and_reply", |bencher| {
        let executor = Executor::new();
        let (caller, server) = (executor.spawn(), executor.spawn());
        executor.settle();
        let mut reference = 0_u64;
        bencher.iter(|| {
            reference += 1;
            let id = [reference as i32, (reference >> 32) as i32];
            let words = [server.index as i32, server.serial as i32, MESSAGE as i32];
            let [to, serial, request] = words;
            let caller_index = caller.index as i32;
            executor.put([
                command::CALL,
                to,
                serial,
                request,
                id[0],
                id[1],
                NO_TIMEOUT,
                caller_index,
            ]);
            executor.run_batch(|executor, _, _, _| {
                let words = [caller.index as i32, caller.serial as i32, MESSAGE as i32];
                let [to, serial, reply] = words;
                executor.put([command::REPLY, to, serial, reply, id[0], id[1], 0, 0]);
                slice_end::WAIT
            });
            executor.run_batch(|_, index, wake, _| {
                assert_eq!((index, wake), (caller.index, Wake::Outcome as i32));
                slice_end::WAIT
            });
        });
    });

    criterion.bench_function("monitor_and_demonitor", |bencher| {
        let executor = Executor::new();
        let (owner, target) = (executor.spawn(), executor.spawn());
        executor.settle();
        let mut reference = 0;
        bencher.iter(|| {
            reference += 1;
            executor.cross(|queues, domain| {
                domain.monitor(queues, owner.index, target, reference, AliasMode::None);
            });
            executor.cross(|_, domain| domain.demonitor(owner, reference, false))
        });
    });

    criterion.bench_function("timer_start_and_cancel", |bencher| {
        let executor = Executor::new();
        let pid = executor.spawn();
        executor.settle();
        bencher.iter(|| {
            let (timer, stamp) =
                executor.cross(|_, domain| domain.start_timer(pid, 5_000, MESSAGE));
            let left = executor.cross(|_, domain| domain.cancel_timer(timer, stamp));
            executor.cross(|_, domain| domain.give_back(&executor.block));
            left
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20);
    targets = runtime
}
criterion_main!(benches);
